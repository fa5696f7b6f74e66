import { toRegistryError } from '../registry-error.ts';
import {
  readFlags,
  readPieces,
  unlessMissing,
  type FileSystem,
  type OpenFile,
} from './file-system.ts';
import {
  createBatchDecoder,
  decodeHeader,
  isCommitLine,
  type JournalHeader,
  type RejectedLine,
} from './journal-format.ts';
import type { Batch } from './store.ts';
import { createTimeSlice } from './time-slice.ts';

/** What a journal file holds. */
export interface JournalContent {
  /** Undefined when the first line is damaged. */
  readonly header: JournalHeader | undefined;
  readonly batches: readonly Batch[];
  /** Offset after the last good batch (or the header). */
  readonly end: number;
  readonly size: number;
  readonly ino: number;
  readonly nlink: number;
  /**
   * `none`: every byte is accounted for. `torn`: an unfinished batch at the end, which was never acknowledged.
   * `damaged`: something that may have been acknowledged does not read back.
   */
  readonly damage: 'none' | 'torn' | 'damaged';
  readonly rejected: readonly RejectedLine[];
}

/** Batches found in a range of a journal. */
export interface BatchRange {
  readonly batches: readonly Batch[];
  /** Offset after the last good batch. */
  readonly end: number;
  readonly damage: JournalContent['damage'];
  readonly rejected: readonly RejectedLine[];
}

const newline = 10;

async function* readLines(
  file: OpenFile,
  range: { readonly start: number; readonly end: number },
): AsyncGenerator<{ line: Buffer; end: number; whole: boolean }> {
  const pieces: Buffer[] = [];
  let position = range.start;
  for await (const piece of readPieces(file, range)) {
    let from = 0;
    for (;;) {
      const at = piece.indexOf(newline, from);
      if (at === -1) break;
      pieces.push(piece.subarray(from, at));
      yield { line: Buffer.concat(pieces), end: position + at + 1, whole: true };
      pieces.length = 0;
      from = at + 1;
    }
    pieces.push(piece.subarray(from));
    position += piece.length;
  }
  const line = Buffer.concat(pieces);
  if (line.length > 0) yield { line, end: position, whole: false };
}

/** Reads batches from an offset that starts a line. */
export async function readBatches(
  file: OpenFile,
  range: { readonly start: number; readonly end: number },
): Promise<BatchRange> {
  const decoder = createBatchDecoder();
  const slice = createTimeSlice();
  const batches: Batch[] = [];
  let end = range.start;
  let cutLine = false;
  let mended = false;
  for await (const { line, end: lineEnd, whole } of readLines(file, range)) {
    if (slice.due()) await slice.turn();
    cutLine = !whole;
    if (cutLine && !isCommitLine(line)) break;
    // A commit line without its newline is either cut short or lost that one byte; the checksum tells.
    const batch = decoder.push(whole ? line : line.subarray(0, line.lastIndexOf('}') + 1));
    if (batch === undefined) continue;
    batches.push(batch);
    end = lineEnd;
    mended = cutLine;
  }
  // An unfinished batch ends in the middle of a line; one whose lines are all whole may have a damaged commit line.
  const unclear = mended || (decoder.open && !cutLine);
  const damage = decoder.damaged > 0 || unclear ? 'damaged' : cutLine ? 'torn' : 'none';
  return { batches, end, damage, rejected: decoder.rejected };
}

async function readHeader(
  file: OpenFile,
  size: number,
): Promise<{ header: JournalHeader | undefined; start: number }> {
  for await (const { line, end, whole } of readLines(file, { start: 0, end: size })) {
    const header = whole ? decodeHeader(line.toString()) : undefined;
    return { header, start: end };
  }
  return { header: undefined, start: 0 };
}

/** Reads an open journal from its first byte. */
export async function readOpenJournal(file: OpenFile): Promise<JournalContent> {
  const { size, ino, nlink } = await file.stat();
  const { header, start } = await readHeader(file, size);
  const range = await readBatches(file, { start, end: size });
  return {
    header,
    ...range,
    size,
    ino,
    nlink,
    damage: header === undefined ? 'damaged' : range.damage,
  };
}

/**
 * Reads a journal file; `undefined` when there is none.
 * @throws RegistryError when the file cannot be read; damage is an outcome, not an error.
 */
export async function readJournal(
  fs: FileSystem,
  path: string,
): Promise<JournalContent | undefined> {
  try {
    const file = await unlessMissing(fs.open(path, readFlags));
    if (file === undefined) return undefined;
    try {
      return await readOpenJournal(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw toRegistryError(error, `read ${path}`);
  }
}
