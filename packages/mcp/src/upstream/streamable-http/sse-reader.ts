import { HeldBytes, joined } from './held-bytes.ts';
import { LARGE_BYTES } from './large-result.ts';
import { SseLines, type LineTaker } from './sse-lines.ts';

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
      for (let at = bytes.indexOf(end); at !== -1; at = bytes.indexOf(end, at + 1))
        this.#lines += 1;
    }
    return this.#bytes > this.#maxBytes || this.#lines > MAX_LINES;
  }
}

export interface SseReaderEvents {
  /** The data of one `message` event. */
  message(text: string): void;
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
const LINE_END = Buffer.from('\n');
const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const ID = Buffer.from('id');
const RETRY = Buffer.from('retry');
/** The longest name that means anything. */
const MAX_NAME_BYTES = 5;

/** Where the name of a field ends; a line without a colon is a name alone (WHATWG HTML, event stream interpretation). */
function nameEnd(line: Buffer): number {
  let i = 0;
  while (i <= MAX_NAME_BYTES && i < line.length && line[i] !== COLON) i += 1;
  return i;
}

function isName(line: Buffer, end: number, name: Buffer): boolean {
  if (end !== name.length) return false;
  for (let i = 0; i < end; i += 1) if (line[i] !== name[i]) return false;
  return true;
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

  line(first: Buffer, rest: readonly Buffer[]): void {
    if (first.length === 0) {
      this.#dispatch();
      return;
    }
    const end = nameEnd(first);
    const value = first.subarray(first[end + 1] === SPACE ? end + 2 : end + 1);
    if (isName(first, end, DATA)) this.#data(value, rest);
    else if (isName(first, end, EVENT)) this.#type = textOf(value, rest);
    else if (isName(first, end, ID)) this.#identify(textOf(value, rest));
    else if (isName(first, end, RETRY)) this.#retry(textOf(value, rest));
  }

  #data(value: Buffer, rest: readonly Buffer[]): void {
    if (this.#only === undefined && this.#held === undefined && rest.length === 0) {
      this.#only = value;
      return;
    }
    const held = this.#heldData();
    held.push(value);
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
        this.#held.push(only);
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
    const text = joined(pieces).toString('utf8');
    if (fits || text.length <= this.#maxChars) this.#events.message(text);
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
