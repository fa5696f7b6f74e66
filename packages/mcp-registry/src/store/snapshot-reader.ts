import { createHash } from 'node:crypto';
import { isJsonObject } from '../json-object.ts';
import { RegistryError, toRegistryError } from '../registry-error.ts';
import { checkRecord, keyOf, type RecordKey, type ServerRecord } from '../server-record.ts';
import {
  readFlags,
  readPieces,
  unlessMissing,
  type FileFacts,
  type FileSystem,
  type OpenFile,
} from './file-system.ts';
import { storeFormat, type RejectedLine } from './journal-format.ts';
import {
  decodeFooter,
  envelopeKey,
  footerDigestText,
  isFooter,
  maxFooterBytes,
  snapshotHead,
  type SnapshotFooter,
} from './snapshot-format.ts';
import { createTimeSlice } from './time-slice.ts';

/** The records of a snapshot file and everything else found in it. */
export interface SnapshotContent {
  readonly records: Map<RecordKey, ServerRecord>;
  readonly extra: Record<string, unknown>;
  readonly rejected: readonly RejectedLine[];
}

/** The outcome of reading `servers.json`. `foreign` files have no envelope: the earlier build or a person wrote them. */
export type SnapshotRead =
  | { readonly kind: 'missing' }
  | { readonly kind: 'corrupt'; readonly reason: string; readonly facts: FileFacts }
  | {
      readonly kind: 'ours';
      readonly footer: SnapshotFooter;
      readonly content: SnapshotContent;
      readonly facts: FileFacts;
    }
  | {
      readonly kind: 'foreign';
      readonly sha256: string;
      readonly content: SnapshotContent;
      readonly facts: FileFacts;
    };

/** Largest file without our envelope; such a file is parsed in one piece. */
const maxForeignBytes = 268_435_456;

interface Collector extends SnapshotContent {
  readonly rejected: RejectedLine[];
}

function createCollector(): Collector {
  return { records: new Map(), extra: {}, rejected: [] };
}

function collect(into: Collector, value: unknown, json: () => string): void {
  const check = checkRecord(value);
  if (check.kind === 'invalid') {
    into.rejected.push({ json: json(), reason: check.reason });
    return;
  }
  const key = keyOf(check.record);
  const earlier = into.records.get(key);
  if (earlier !== undefined)
    into.rejected.push({
      json: JSON.stringify(earlier),
      reason: 'a later entry has the same name',
    });
  into.records.set(key, check.record);
}

class Corrupt extends Error {}

/** Reads our own layout line by line: one record a line. */
function createLineParser(into: Collector): (line: string) => void {
  let part: 'head' | 'list' | 'rest' = 'head';
  let seen = '';
  return (line) => {
    switch (part) {
      case 'head':
        seen += `${line}\n`;
        if (seen === snapshotHead) part = 'list';
        else if (!snapshotHead.startsWith(seen)) throw new Corrupt('the first lines are not ours');
        return;
      case 'list':
        if (line === '  ],') part = 'rest';
        else collect(into, JSON.parse(trimComma(line)), () => trimComma(line).trim());
        return;
      case 'rest': {
        const member: unknown = JSON.parse(`{${trimComma(line)}}`);
        Object.assign(into.extra, member);
      }
    }
  };
}

function trimComma(line: string): string {
  return line.endsWith(',') ? line.slice(0, -1) : line;
}

async function readOurs(file: OpenFile, footer: SnapshotFooter): Promise<Collector | string> {
  const into = createCollector();
  const parse = createLineParser(into);
  const hash = createHash('sha256');
  const slice = createTimeSlice();
  let fault: string | undefined;
  let held: Buffer[] = [];
  for await (const piece of readPieces(file, { start: 0, end: footer.bytes })) {
    hash.update(piece);
    let from = 0;
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, from)) {
      held.push(piece.subarray(from, at));
      fault ??= attempt(parse, held.length === 1 ? held[0] : Buffer.concat(held));
      held = [];
      from = at + 1;
      if (slice.due()) await slice.turn();
    }
    held.push(piece.subarray(from));
  }
  hash.update(footerDigestText(footer));
  if (hash.digest('hex') !== footer.sha256) return 'its checksum does not match its content';
  return fault ?? into;
}

function attempt(parse: (line: string) => void, line: Buffer | undefined): string | undefined {
  try {
    parse(line?.toString() ?? '');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'a line could not be read';
  }
}

function asForeign(text: string): Record<string, unknown> & { servers: unknown[] } {
  // The earlier build's files may have passed through an editor that adds a byte order mark.
  const value: unknown = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  if (typeof value !== 'object' || value === null || !('servers' in value))
    throw new Corrupt('it is not an object with a list of servers');
  const { servers } = value;
  if (!Array.isArray(servers)) throw new Corrupt('"servers" is not a list');
  return { ...value, servers };
}

function refuseNewer(format: unknown, path: string): void {
  if (typeof format !== 'number' || format <= storeFormat) return;
  throw new RegistryError(
    'EREGISTRYFORMAT',
    `Cannot open ${path}: it has format ${format}, this version reads up to ${storeFormat}; use a newer version`,
  );
}

async function readForeign(
  file: OpenFile,
  facts: FileFacts,
  path: string,
): Promise<{ content: Collector; sha256: string } | string> {
  if (facts.size > maxForeignBytes) return `it is larger than ${maxForeignBytes} bytes`;
  const pieces: Buffer[] = [];
  for await (const piece of readPieces(file, { start: 0, end: facts.size })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  let parsed: ReturnType<typeof asForeign>;
  try {
    parsed = asForeign(bytes.toString());
  } catch (error) {
    return error instanceof Error ? error.message : 'it is not JSON';
  }
  const { servers, [envelopeKey]: envelope, ...extra } = parsed;
  if (isJsonObject(envelope)) {
    refuseNewer(envelope['format'], path);
    return `it was changed after it was written; to edit it by hand, remove its "${envelopeKey}" key`;
  }
  if (Object.values(extra).some(isFooter)) return 'its envelope is damaged';
  if (envelope !== undefined) Object.assign(extra, { [envelopeKey]: envelope });
  const content = { ...createCollector(), extra };
  const slice = createTimeSlice();
  for (const entry of servers) {
    if (slice.due()) await slice.turn();
    collect(content, entry, () => JSON.stringify(entry));
  }
  return { content, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The footer of an open file, from its last bytes alone. */
async function readFooter(file: OpenFile, size: number): Promise<SnapshotFooter | undefined> {
  const start = Math.max(0, size - maxFooterBytes);
  const pieces: Buffer[] = [];
  for await (const piece of readPieces(file, { start, end: size })) pieces.push(piece);
  return decodeFooter(Buffer.concat(pieces).toString());
}

async function readOpened(file: OpenFile, path: string): Promise<SnapshotRead> {
  const facts = await file.stat();
  if (!facts.isFile())
    throw new RegistryError('EIO', `Cannot read ${path}: it is not a regular file`);
  const footer = await readFooter(file, facts.size);
  if (footer === undefined) {
    const read = await readForeign(file, facts, path);
    return typeof read === 'string'
      ? { kind: 'corrupt', reason: read, facts }
      : { kind: 'foreign', ...read, facts };
  }
  refuseNewer(footer.format, path);
  const content = await readOurs(file, footer);
  return typeof content === 'string'
    ? { kind: 'corrupt', reason: content, facts }
    : { kind: 'ours', footer, content, facts };
}

/** Runs with the opened file, or with `undefined` when there is none. */
async function withFile<T>(
  fs: FileSystem,
  path: string,
  use: (file: OpenFile | undefined) => Promise<T>,
): Promise<T> {
  try {
    const file = await unlessMissing(fs.open(path, readFlags));
    if (file === undefined) return await use(undefined);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw toRegistryError(error, `read ${path}`);
  }
}

/**
 * Reads a snapshot. Damage is an outcome.
 * @throws RegistryError when the file cannot be read at all, or `EREGISTRYFORMAT` when a newer version wrote it.
 */
export async function readSnapshot(fs: FileSystem, path: string): Promise<SnapshotRead> {
  return withFile(fs, path, async (file) =>
    file === undefined ? { kind: 'missing' } : readOpened(file, path),
  );
}

/** Only the footer of a snapshot; `undefined` when there is no file or no footer. */
export async function peekFooter(
  fs: FileSystem,
  path: string,
): Promise<SnapshotFooter | undefined> {
  return withFile(fs, path, async (file) =>
    file === undefined ? undefined : readFooter(file, (await file.stat()).size),
  );
}
