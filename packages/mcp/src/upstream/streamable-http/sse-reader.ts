import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

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

/**
 * Reads server-sent events from bytes, however they are cut. Events of other types and events without data
 * (the priming event of revision 2025-11-25) are skipped, but for their ids.
 */
export function createSseReader(
  events: SseReaderEvents,
  maxEventChars: number = MAX_EVENT_CHARS,
): SseReader {
  const decoder = new StringDecoder('utf8');
  let stopped = false;
  const noise = new StreamNoise(maxEventChars);
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    events.tooLarge();
  };
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent({ event, data }) {
      if (stopped || data === '' || (event !== undefined && event !== 'message')) return;
      noise.reset();
      if (data.length > maxEventChars) stop();
      else events.message(data);
    },
    onId(id) {
      if (!stopped) events.id?.(id);
    },
    onRetry(ms) {
      if (!stopped) events.retry?.(ms);
    },
    onError(error) {
      // Unknown fields and odd `retry` values are legal to ignore (WHATWG HTML, event stream interpretation).
      if (error.type === 'max-buffer-size-exceeded') stop();
    },
  });
  return {
    feed(bytes) {
      if (stopped) return;
      if (noise.add(bytes)) stop();
      else parser.feed(decoder.write(bytes));
    },
  };
}
