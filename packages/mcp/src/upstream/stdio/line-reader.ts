const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';
/** Above this a spent buffer is given back instead of kept for the next long line. */
const KEPT_BYTES = 65_536;
/** How much of an overlong line is shown to `onTooLong`. */
const PREFIX_BYTES = 4096;
const EMPTY = Buffer.alloc(0);

export interface LineReaderOptions {
  /** A line may have this many bytes, its newline not counted. */
  readonly maxLineBytes: number;
  /** One line without its newline; empty lines are left out. */
  readonly onLine: (line: string) => void;
  /** A line passed the limit: its first bytes (at most 4096). The rest of it is skipped. */
  readonly onTooLong: (prefix: string) => void;
}

export interface LineReader {
  push(chunk: Buffer): void;
  /** Hands over what came after the last newline. */
  end(): void;
}

function decodeLine(bytes: Buffer): string {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/**
 * Cuts a byte stream into lines of UTF-8 text, whatever the chunks look like. Every byte is copied a bounded
 * number of times, and no more than `maxLineBytes` are held.
 */
export function createLineReader(options: LineReaderOptions): LineReader {
  const { maxLineBytes, onLine, onTooLong } = options;
  let held: Buffer = EMPTY;
  let heldBytes = 0;
  let skipping = false;

  function hold(part: Buffer): void {
    const needed = heldBytes + part.length;
    if (needed > held.length) {
      // Doubling keeps the copying linear for a line that comes in many small chunks.
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, held.length * 2, 1024));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    part.copy(held, heldBytes);
    heldBytes = needed;
  }

  function release(): void {
    heldBytes = 0;
    if (held.length > KEPT_BYTES) held = EMPTY;
  }

  function emit(bytes: Buffer): void {
    const line = decodeLine(bytes);
    if (line !== '') onLine(line);
  }

  function take(part: Buffer, complete: boolean): void {
    if (skipping) return;
    if (heldBytes + part.length > maxLineBytes) {
      skipping = true;
      hold(part.subarray(0, Math.max(0, Math.min(PREFIX_BYTES, maxLineBytes) - heldBytes)));
      const prefix = held.toString('utf8', 0, Math.min(heldBytes, PREFIX_BYTES, maxLineBytes));
      release();
      onTooLong(prefix);
    } else if (complete && heldBytes === 0) {
      emit(part);
    } else {
      hold(part);
      if (!complete) return;
      const line = held.subarray(0, heldBytes);
      heldBytes = 0;
      emit(line);
      release();
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
      if (heldBytes > 0) take(EMPTY, true);
    },
  };
}
