import { HeldBytes, joined } from '../streamable-http/held-bytes.ts';
import { LARGE_BYTES } from '../streamable-http/large-result.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';
/** How much of an overlong line is shown to `onTooLong`. */
const PREFIX_BYTES = 4096;

export interface LineReaderOptions {
  /** A line may have this many bytes, its newline not counted. */
  readonly maxLineBytes: number;
  /** One line without its newline, and the bytes it was made of; empty lines are left out. */
  readonly onLine: (line: string, bytes: Buffer) => void;
  /**
   * As `onLine`, of more than 64 KiB, as UTF-8 in pieces, a carriage return at its end included. False, and where there is none:
   * it is wanted as text.
   */
  readonly onLarge?: (pieces: readonly Buffer[]) => boolean;
  /** A line passed the limit: its first bytes (at most 4096). The rest of it is skipped. */
  readonly onTooLong: (prefix: string) => void;
}

export interface LineReader {
  push(chunk: Buffer): void;
  /** Hands over what came after the last newline. */
  end(): void;
}

function withoutReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
}

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/**
 * Cuts a byte stream into lines of UTF-8 text, whatever the chunks look like. Every byte is copied a bounded
 * number of times, and no more than `maxLineBytes` are held.
 */
export function createLineReader(options: LineReaderOptions): LineReader {
  const { maxLineBytes, onLine, onLarge, onTooLong } = options;
  let held = new HeldBytes();
  let skipping = false;

  /** What was held, and nothing is any more. */
  function release(): readonly Buffer[] {
    const pieces = held.pieces();
    held = new HeldBytes();
    return pieces;
  }

  function emit(whole: Buffer): void {
    const bytes = withoutReturn(whole);
    const line = withoutMark(bytes.toString('utf8'));
    if (line !== '') onLine(line, bytes);
  }

  function take(part: Buffer, complete: boolean): void {
    if (skipping) return;
    if (held.length + part.length > maxLineBytes) {
      skipping = true;
      held.push(part.subarray(0, Math.max(0, Math.min(PREFIX_BYTES, maxLineBytes) - held.length)));
      const shown = Math.min(PREFIX_BYTES, maxLineBytes);
      onTooLong(joined(release()).toString('utf8', 0, shown));
    } else if (complete && held.length === 0) {
      emit(part);
    } else {
      if (part.length > 0) held.push(part);
      if (!complete) return;
      const isLarge = held.length > LARGE_BYTES;
      const pieces = release();
      if (!isLarge || onLarge?.(pieces) !== true) emit(joined(pieces));
    }
  }

  return {
    push(chunk) {
      let start = 0;
      while (start < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, start);
        const complete = newline !== -1;
        const end = complete ? newline : chunk.length;
        take(chunk.subarray(start, end), complete);
        if (complete) skipping = false;
        start = end + 1;
      }
    },
    end() {
      if (held.length > 0) take(Buffer.alloc(0), true);
    },
  };
}
