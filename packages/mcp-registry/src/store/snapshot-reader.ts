import { createHash } from 'node:crypto';
import { isJsonObject } from '../json-object.ts';
import { RegistryError, toRegistryError } from '../registry-error.ts';
import { checkRecord, type RecordKey } from '../server-record.ts';
import { storedJson, storeRecord, type JsonRange, type StoredRecord } from '../stored-record.ts';
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
  readonly records: Map<RecordKey, StoredRecord>;
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

/** `range` is where the value was read from, when that can be kept as it is. */
function collect(into: Collector, value: unknown, range?: JsonRange): void {
  const check = checkRecord(value);
  if (check.kind === 'invalid') {
    const json = range?.bytes.toString('utf8', range.start, range.end) ?? JSON.stringify(value);
    into.rejected.push({ json, reason: check.reason });
    return;
  }
  const record = storeRecord(check.record, range);
  const earlier = into.records.get(record.key);
  if (earlier !== undefined)
    into.rejected.push({ json: storedJson(earlier), reason: 'a later entry has the same name' });
  into.records.set(record.key, record);
}

class Corrupt extends Error {}

const [space, comma] = [32, 44] as const;

/** A line without its indent and the comma at its end. */
function trimmed({ bytes, start, end }: JsonRange): JsonRange {
  let first = start;
  while (first < end && bytes[first] === space) first++;
  return { bytes, start: first, end: bytes[end - 1] === comma ? end - 1 : end };
}

function textOf({ bytes, start, end }: JsonRange): string {
  return bytes.toString('utf8', start, end);
}

/** Reads our own layout line by line: one record a line. Records stay in the bytes they were read from. */
function createLineParser(into: Collector): (line: JsonRange) => void {
  let part: 'head' | 'list' | 'rest' = 'head';
  let seen = '';
  return (line) => {
    const range = trimmed(line);
    switch (part) {
      case 'head':
        seen += `${textOf(line)}\n`;
        if (seen === snapshotHead) part = 'list';
        else if (!snapshotHead.startsWith(seen)) throw new Corrupt('the first lines are not ours');
        return;
      case 'list': {
        const text = textOf(range);
        if (text === ']') part = 'rest';
        else collect(into, JSON.parse(text), range);
        return;
      }
      case 'rest': {
        const member: unknown = JSON.parse(`{${textOf(range)}}`);
        Object.assign(into.extra, member);
      }
    }
  };
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
      fault ??= attempt(parse, lineOf(held, { bytes: piece, start: from, end: at }));
      held = [];
      from = at + 1;
      if (slice.due()) await slice.turn();
    }
    if (from < piece.length) held.push(piece.subarray(from));
  }
  hash.update(footerDigestText(footer));
  if (hash.digest('hex') !== footer.sha256) return 'its checksum does not match its content';
  return fault ?? into;
}

/** The line that ends here; one that began in an earlier piece is put together in bytes of its own. */
function lineOf(held: readonly Buffer[], last: JsonRange): JsonRange {
  if (held.length === 0) return last;
  const bytes = Buffer.concat([...held, last.bytes.subarray(last.start, last.end)]);
  return { bytes, start: 0, end: bytes.length };
}

function attempt(parse: (line: JsonRange) => void, line: JsonRange): string | undefined {
  try {
    parse(line);
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
    collect(content, entry);
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
