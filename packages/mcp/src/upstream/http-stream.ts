import { HttpExchange, type ExchangeReceiver, type ExchangeRequest } from './http-exchange.ts';
import { MalformedMessageError, readMessages, type ServerMessage } from './http-message.ts';
import { headerOf, refusalError, type Refusal, type ResponseHeaders } from './http-refusal.ts';
import type { HttpWire } from './http-wire.ts';
import type { StreamAttempt, StreamEnd, StreamListener } from './notification-stream.ts';
import { MAX_EVENT_CHARS } from './sse-reader.ts';

/** Statuses that are about the moment, beside those of 500 and above. */
const FOR_NOW: ReadonlySet<number> = new Set([408, 409, 425, 429]);

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
    if (FOR_NOW.has(status) || (status >= 500 && status !== 501)) {
      this.finish({ kind: 'ended', retryAfterMs });
    } else if (this.isLost(refusal)) {
      const where = { connectorId: this.options.wire.connectorId, phase: 'ready' } as const;
      this.finish({ kind: 'lost', error: refusalError(refusal, where) });
    } else {
      this.finish({ kind: 'declined' });
    }
  }

  failed(): void {
    this.finish({ kind: 'ended' });
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
