import { HttpExchange, type ExchangeReceiver, type ExchangeRequest } from './http-exchange.ts';
import { MalformedMessageError, readMessages, type ServerMessage } from './http-message.ts';
import {
  headerOf,
  isForNow,
  refusalError,
  type Refusal,
  type ResponseHeaders,
} from './http-refusal.ts';
import type { HttpWire } from './http-wire.ts';
import type { StreamAttempt, StreamEnd, StreamListener } from './notification-stream.ts';
import { MAX_EVENT_CHARS } from './sse-reader.ts';
import type { UpstreamError } from '../upstream-error.ts';

export interface HttpStreamOptions {
  /** On the dispatcher for streams. */
  readonly wire: HttpWire;
  readonly listener: StreamListener;
  /** The server sent something that belongs to nobody. */
  readonly ignored: () => void;
}

/** One HTTP exchange that is a notification stream. Subclasses know the ways of an era. */
export abstract class HttpStream implements StreamAttempt, ExchangeReceiver {
  protected readonly options: HttpStreamOptions;
  readonly #exchange: HttpExchange;
  #finished = false;

  constructor(options: HttpStreamOptions) {
    this.options = options;
    this.#exchange = new HttpExchange(options.wire, this, 'ready');
  }

  protected abstract request(): Pick<ExchangeRequest, 'method' | 'headers' | 'body'>;
  /** A success has begun; `isStream` says whether events follow. */
  protected abstract began(isStream: boolean): void;
  protected abstract take(message: ServerMessage): void;
  /** Whether a refusal may mean that the server does not know our session. */
  protected abstract isLost(refusal: Refusal): boolean;

  start(): void {
    this.#exchange.start({ ...this.request(), phase: 'ready', maxEventChars: MAX_EVENT_CHARS });
  }

  close(): void {
    this.#finished = true;
    this.#exchange.destroy();
  }

  sent(): void {
    this.options.listener.sent?.();
  }

  begin(headers: ResponseHeaders): void {
    const type = headerOf(headers, 'content-type') ?? '';
    this.began(/^\s*text\/event-stream\s*(?:;|$)/i.test(type));
  }

  retry(ms: number): void {
    this.options.listener.retry(ms);
  }

  message(text: string): void {
    let messages: ServerMessage[];
    try {
      messages = readMessages(text);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      // What follows may be sound; nobody waits for this one.
      this.options.ignored();
      return;
    }
    for (const message of messages) {
      if (!this.#finished) this.take(message);
    }
  }

  ended(): void {
    this.finish({ kind: 'ended' });
  }

  refused(refusal: Refusal): void {
    const { status, retryAfterMs } = refusal;
    const where = { connectorId: this.options.wire.connectorId, phase: 'ready' } as const;
    const error = refusalError(refusal, where);
    if (isForNow(status)) this.finish({ kind: 'ended', retryAfterMs, error });
    else this.finish({ kind: this.isLost(refusal) ? 'lost' : 'declined', error });
  }

  failed(error: UpstreamError): void {
    this.finish({ kind: 'ended', error });
  }

  /** The exchange is over by itself. */
  protected finish(end: StreamEnd): void {
    if (this.#finished) return;
    this.#finished = true;
    this.options.listener.ended(end);
  }

  /** The exchange goes on, and must not. */
  protected abandon(end: StreamEnd): void {
    this.#exchange.destroy();
    this.finish(end);
  }
}
