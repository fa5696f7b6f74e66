import { HeldBytes, joined } from './held-bytes.ts';
import { LARGE_BYTES } from './large-result.ts';
import { SseLines, nextByte, type LineTaker } from './sse-lines.ts';

/** Contract.md, sizes: one event of a notification stream, in characters. */
export const MAX_EVENT_CHARS: number = 1_048_576;

/**
 * What a stream may carry between two messages beside the next one: comments, other events, lines that mean nothing. A
 * server that pours them out costs processor time for as long as a call may take (S13).
 */
const MAX_NOISE_BYTES = 10 * 1_048_576;
/** Lines between two messages: each costs several times its bytes in memory. Not counted below the bytes. */
const MAX_LINES = 500_000;
const UNCOUNTED_BYTES = 1_048_576;
const MAX_BYTES_PER_CHAR = 3;
/** One event at most, whatever its characters: as many bytes as an answer may have. */
const MAX_EVENT_BYTES = 10 * 1_048_576;

/** Bounds what stands between two messages of a stream. */
export class StreamNoise {
  readonly #maxBytes: number;
  #bytes = 0;
  #lines = 0;

  constructor(maxEventChars: number) {
    this.#maxBytes = MAX_NOISE_BYTES + MAX_BYTES_PER_CHAR * maxEventChars;
  }

  /** A message has come. */
  reset(): void {
    this.#bytes = 0;
    this.#lines = 0;
  }

  /** Takes the bytes that were read. @returns true when they are too many. */
  add(bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    if (this.#bytes < UNCOUNTED_BYTES) return false;
    for (const end of [0x0a, 0x0d]) {
      for (let at = bytes.indexOf(end); at !== -1; at = nextByte(bytes, end, at + 1))
        this.#lines += 1;
    }
    return this.#bytes > this.#maxBytes || this.#lines > MAX_LINES;
  }
}

export interface SseReaderEvents {
  /** The data of one `message` event, and the bytes it was made of. */
  message(text: string, bytes: Buffer): void;
  /** As `message`, of more than 64 KiB, as UTF-8 in pieces. False, and where there is none: it is wanted as text. */
  large?(pieces: readonly Buffer[]): boolean;
  /** An event outgrew the cap, or what stands between events did; the reader reads no further. */
  tooLarge(): void;
  /** The `id:` field of an event, before its message: where the stream can be taken up again. */
  id?(id: string): void;
  /** A `retry:` field, in milliseconds. */
  retry?(ms: number): void;
}

export interface SseReader {
  feed(bytes: Buffer): void;
}

const COLON = 0x3a;
const SPACE = 0x20;
const EMPTY = Buffer.alloc(0);
const LINE_END = Buffer.from('\n');
const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const ID = Buffer.from('id');
const RETRY = Buffer.from('retry');
/** The longest name that means anything. */
const MAX_NAME_BYTES = 5;

/** Where the name of a field ends; a line without a colon is a name alone (WHATWG HTML, event stream interpretation). */
function nameEnd(bytes: Buffer, start: number, end: number): number {
  const last = Math.min(end, start + MAX_NAME_BYTES + 1);
  let at = start;
  while (at < last && bytes[at] !== COLON) at += 1;
  return at;
}

function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) if (bytes[start + i] !== name[i]) return false;
  return true;
}

/** What follows the colon of a line, and a space after that. */
function valueOf(bytes: Buffer, colon: number, end: number): Buffer {
  let start = colon + 1;
  if (start < end && bytes[start] === SPACE) start += 1;
  return start < end ? bytes.subarray(start, end) : EMPTY;
}

/** Puts the lines of a stream together to events. */
class EventReader implements SseReader, LineTaker {
  readonly #events: SseReaderEvents;
  readonly #maxChars: number;
  readonly #maxBytes: number;
  readonly #noise: StreamNoise;
  readonly #lines: SseLines = new SseLines(this);
  #stopped = false;
  /** The only line of data of the event so far; where there are more, or it came in pieces, `#held` has all. */
  #only: Buffer | undefined;
  #held: HeldBytes | undefined;
  #id: string | undefined;
  #type = '';

  constructor(events: SseReaderEvents, maxEventChars: number) {
    this.#events = events;
    this.#maxChars = maxEventChars;
    this.#maxBytes = Math.min(MAX_EVENT_BYTES, MAX_BYTES_PER_CHAR * maxEventChars);
    this.#noise = new StreamNoise(maxEventChars);
  }

  feed(bytes: Buffer): void {
    if (this.#stopped) return;
    if (this.#noise.add(bytes)) this.#stop();
    else this.#lines.feed(bytes);
    if (this.#lines.heldBytes > this.#maxBytes) this.#stop();
  }

  line(bytes: Buffer, start: number, end: number, rest: readonly Buffer[]): void {
    if (start === end) {
      this.#dispatch();
      return;
    }
    const colon = nameEnd(bytes, start, end);
    if (isName(bytes, start, colon, DATA)) this.#data(valueOf(bytes, colon, end), rest);
    else if (isName(bytes, start, colon, EVENT)) {
      this.#type = textOf(valueOf(bytes, colon, end), rest);
    } else if (isName(bytes, start, colon, ID)) {
      this.#identify(textOf(valueOf(bytes, colon, end), rest));
    } else if (isName(bytes, start, colon, RETRY)) {
      this.#retry(textOf(valueOf(bytes, colon, end), rest));
    }
  }

  #data(value: Buffer, rest: readonly Buffer[]): void {
    if (this.#only === undefined && this.#held === undefined && rest.length === 0) {
      this.#only = value;
      return;
    }
    const held = this.#heldData();
    if (value.length > 0) held.push(value);
    for (const piece of rest) held.push(piece);
    if (held.length > this.#maxBytes) this.#stop();
  }

  /** The lines of data that there are, and what ends the last of them. */
  #heldData(): HeldBytes {
    const only = this.#only;
    this.#only = undefined;
    if (this.#held !== undefined) {
      this.#held.push(LINE_END);
    } else {
      this.#held = new HeldBytes();
      if (only !== undefined) {
        if (only.length > 0) this.#held.push(only);
        this.#held.push(LINE_END);
      }
    }
    return this.#held;
  }

  #identify(id: string): void {
    if (!id.includes('\0')) this.#id = id;
  }

  #retry(ms: string): void {
    // Odd values are legal to ignore.
    if (/^\d+$/.test(ms)) this.#events.retry?.(Number(ms));
  }

  #dispatch(): void {
    const only = this.#only;
    const held = this.#held;
    const id = this.#id;
    const type = this.#type;
    this.#only = undefined;
    this.#held = undefined;
    this.#id = undefined;
    this.#type = '';
    if (id !== undefined) this.#events.id?.(id);
    if (type !== '' && type !== 'message') return;
    if (only !== undefined) this.#message([only], only.length);
    else if (held !== undefined) this.#message(held.pieces(), held.length);
  }

  #message(pieces: readonly Buffer[], length: number): void {
    if (length === 0) return;
    this.#noise.reset();
    const fits = length <= this.#maxChars;
    if (fits && length > LARGE_BYTES && this.#events.large?.(pieces) === true) return;
    const bytes = joined(pieces);
    const text = bytes.toString('utf8');
    if (fits || text.length <= this.#maxChars) this.#events.message(text, bytes);
    else this.#stop();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#lines.stop();
    this.#events.tooLarge();
  }
}

function textOf(value: Buffer, rest: readonly Buffer[]): string {
  return joined([value, ...rest]).toString('utf8');
}

/**
 * Reads server-sent events from bytes, however they are cut. Events of other types and events without data
 * (the priming event of revision 2025-11-25) are skipped, but for their ids.
 */
export function createSseReader(
  events: SseReaderEvents,
  maxEventChars: number = MAX_EVENT_CHARS,
): SseReader {
  return new EventReader(events, maxEventChars);
}
