import { z } from 'zod';
import { isJsonObject } from '../json-object.ts';
import { checkRecord } from '../server-record.ts';
import { storedJson, storeRecord } from '../stored-record.ts';
import { crc32 } from './crc32.ts';
import type { Batch, RecordChange } from './store.ts';

/** Newest format of snapshot and journal this build understands. */
export const storeFormat = 1;

/** What a journal extends: the snapshot with this checksum at this generation; `null` means no file at all. */
export interface JournalBase {
  readonly generation: number;
  readonly sha256: string | null;
}

/** First line of a journal. `id` names the history it belongs to. */
export interface JournalHeader {
  readonly format: number;
  readonly id: string;
  readonly base: JournalBase;
}

const chunkBytes = 262_144;

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** The header line. */
export function encodeHeader(header: JournalHeader): Buffer {
  const text = JSON.stringify(header);
  return Buffer.from(`{"header":${text},"crc":"${hex(crc32(text))}"}\n`);
}

function parseJson(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Damage is an expected outcome here; the caller counts it.
    return undefined;
  }
}

const headerSchema = z.object({
  format: z.number(),
  id: z.string(),
  base: z.object({ generation: z.number(), sha256: z.string().nullable() }),
});

/** Reads a header line; `undefined` when it is damaged. */
export function decodeHeader(line: string): JournalHeader | undefined {
  const parsed = parseJson(line);
  const header = headerSchema.safeParse(parsed?.['header']);
  if (!header.success || parsed?.['crc'] !== hex(crc32(JSON.stringify(header.data))))
    return undefined;
  return header.data;
}

const commitSchema = z.object({
  from: z.number(),
  to: z.number(),
  count: z.number(),
  crc: z.string(),
});

function encodeChange(change: RecordChange): string {
  const was = change.was === undefined ? '' : `,"was":"${change.was}"`;
  const body =
    change.kind === 'put'
      ? `"put":${storedJson(change.record)}`
      : `"remove":${JSON.stringify(change.key)}`;
  return `{${body}${was}}\n`;
}

function seal(crc: number, batch: { from: number; to: number }, count: number): string {
  return hex(crc32(`${batch.from}:${batch.to}:${count}`, crc));
}

/**
 * The lines of a batch in pieces of about 256 KiB: a begin line, one line a change, then a commit line whose checksum
 * covers the changes. A batch without its commit line never happened.
 */
export function* encodeBatch(batch: Batch): Generator<Buffer> {
  yield Buffer.from(`{"begin":${batch.from}}\n`);
  let crc = 0;
  let text = '';
  for (const change of batch.changes) {
    text += encodeChange(change);
    if (text.length < chunkBytes) continue;
    const bytes = Buffer.from(text);
    crc = crc32(bytes, crc);
    text = '';
    yield bytes;
  }
  const rest = Buffer.from(text);
  crc = crc32(rest, crc);
  const count = batch.changes.length;
  const commit = { from: batch.from, to: batch.to, count, crc: seal(crc, batch, count) };
  yield Buffer.concat([rest, Buffer.from(`{"commit":${JSON.stringify(commit)}}\n`)]);
}

/** A journal entry that passed its checksum but is not a record this build can read. */
export interface RejectedLine {
  readonly json: string;
  readonly reason: string;
}

/** Reads lines back into batches. */
export interface BatchDecoder {
  /** Takes one line without its newline; returns the batch it completes. */
  push(line: Buffer): Batch | undefined;
  /** Batches that were begun and abandoned, or whose commit line does not fit them. */
  readonly damaged: number;
  /** Whether lines are waiting for a commit line. */
  readonly open: boolean;
  readonly rejected: readonly RejectedLine[];
}

function decodeChange(line: string, rejected: RejectedLine[]): RecordChange | undefined {
  const parsed = parseJson(line);
  const was = typeof parsed?.['was'] === 'string' ? parsed['was'] : undefined;
  if (typeof parsed?.['remove'] === 'string') return { kind: 'remove', key: parsed['remove'], was };
  const check = checkRecord(parsed?.['put']);
  if (check.kind === 'valid') {
    const record = storeRecord(check.record);
    return { kind: 'put', key: record.key, record, was };
  }
  rejected.push({ json: line, reason: check.reason });
  return undefined;
}

const beginMark = Buffer.from('{"begin":');
const commitMark = Buffer.from('{"commit":');

function startsWith(line: Buffer, mark: Buffer): boolean {
  return line.subarray(0, mark.length).equals(mark);
}

/** Whether a line is, or begins like, one that completes a batch. */
export function isCommitLine(line: Buffer): boolean {
  return startsWith(line, commitMark);
}

/** A decoder that skips damage up to the next commit line, so that one bad batch never hides the later ones. */
export function createBatchDecoder(): BatchDecoder {
  const rejected: RejectedLine[] = [];
  let lines: Buffer[] = [];
  let damaged = 0;

  function complete(line: Buffer): Batch | undefined {
    const held = lines;
    lines = [];
    const { data: commit } = commitSchema.safeParse(parseJson(line.toString())?.['commit']);
    let crc = 0;
    for (const one of held) crc = crc32('\n', crc32(one, crc));
    if (commit?.count !== held.length || commit.crc !== seal(crc, commit, commit.count)) {
      damaged++;
      return undefined;
    }
    const changes = held.flatMap((one) => decodeChange(one.toString(), rejected) ?? []);
    return { from: commit.from, to: commit.to, changes };
  }

  return {
    push: (line) => {
      if (isCommitLine(line)) return complete(line);
      if (startsWith(line, beginMark)) {
        if (lines.length > 0) damaged++;
        lines = [];
      } else if (line.length > 0) lines.push(line);
      return undefined;
    },
    get damaged() {
      return damaged;
    },
    get open() {
      return lines.length > 0;
    },
    rejected,
  };
}
