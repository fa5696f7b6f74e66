import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A record of the log as it was read. */
export type ReadRecord = Readonly<Record<string, unknown>>;

export interface AuditQuery {
  readonly connector?: string | undefined;
  readonly outcome?: string | undefined;
  /** Records from then on, in milliseconds since 1970. */
  readonly sinceMs?: number | undefined;
  /** Anywhere in a record's values, whatever its case. */
  readonly text?: string | undefined;
  /** The newest are taken. */
  readonly limit: number;
}

/** Bytes that are read at a time, from the end of a file. */
const BLOCK_BYTES = 256 * 1024;
/** A longer line is none of ours. */
const MAX_LINE_BYTES = 64 * 1024;
/** Files beside the current one that are looked for. */
const MAX_FILES = 1_000;
/** Records of several processes may stand this far out of order. */
const DISORDER_MS = 60_000;

/** The lines of a file, the last one first; none when there is no such file. */
async function* linesFromEnd(path: string): AsyncGenerator<string> {
  // Opening a pipe would wait for whoever writes to it; its size is 0.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (file === undefined) return;
  try {
    let end = (await file.stat()).size;
    let rest = Buffer.alloc(0);
    while (end > 0) {
      const start = Math.max(0, end - BLOCK_BYTES);
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      const bytes = Buffer.concat([buffer, rest]);
      end = start;
      const newline = bytes.indexOf(0x0a);
      const first = start === 0 ? 0 : newline === -1 ? bytes.length : newline + 1;
      rest = first > MAX_LINE_BYTES ? Buffer.alloc(0) : bytes.subarray(0, first);
      const lines = bytes.subarray(first).toString('utf8').split('\n');
      yield* lines.filter((line) => line !== '').toReversed();
    }
  } finally {
    await file.close();
  }
}

function parseRecord(line: string): ReadRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Half of a line, of a disk that was full.
    return undefined;
  }
}

function matches(record: ReadRecord, { connector, outcome, text }: AuditQuery): boolean {
  if (connector !== undefined && record['connector'] !== connector) return false;
  if (outcome !== undefined && record['outcome'] !== outcome) return false;
  if (text === undefined) return true;
  const wanted = text.toLowerCase();
  return Object.values(record).some((value) => String(value).toLowerCase().includes(wanted));
}

/**
 * The newest records that match, oldest first, from the current file and those put aside. Damaged lines are skipped.
 * @param path of the current file.
 */
export async function queryAudit(path: string, query: AuditQuery): Promise<readonly ReadRecord[]> {
  const found: ReadRecord[] = [];
  const { sinceMs = -Infinity, limit } = query;
  for (let index = 0; index <= MAX_FILES; index += 1) {
    let lines = 0;
    for await (const line of linesFromEnd(index === 0 ? path : `${path}.${index}`)) {
      lines += 1;
      const record = parseRecord(line);
      if (record === undefined) continue;
      const atMs = Date.parse(String(record['ts']));
      if (atMs < sinceMs - DISORDER_MS) return found.toReversed();
      if (atMs >= sinceMs && matches(record, query)) found.push(record);
      if (found.length >= limit) return found.toReversed();
    }
    if (lines === 0 && index > 0) break;
  }
  return found.toReversed();
}
