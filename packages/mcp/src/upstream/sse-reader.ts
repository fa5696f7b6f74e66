import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

/** Contract.md, sizes: one event of a notification stream, in characters. */
export const MAX_EVENT_CHARS: number = 1_048_576;

export interface SseReaderEvents {
  /** The data of one `message` event. */
  message(text: string): void;
  /** An event outgrew the cap; the reader reads no further. */
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
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    events.tooLarge();
  };
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent({ event, data }) {
      if (stopped || data === '' || (event !== undefined && event !== 'message')) return;
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
      if (!stopped) parser.feed(decoder.write(bytes));
    },
  };
}
