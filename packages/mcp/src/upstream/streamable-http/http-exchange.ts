import type { Dispatcher } from 'undici';
import { translateError, type Where } from './http-error.ts';
import { headerOf, readRefusal, type Refusal, type ResponseHeaders } from './http-refusal.ts';
import { HeldBytes, joined } from './held-bytes.ts';
import type { HttpWire } from './http-wire.ts';
import { LARGE_BYTES } from './large-result.ts';
import { SocketWaits, type WaitingForSocket } from './socket-waits.ts';
import { createSseReader, type SseReader } from './sse-reader.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** Contract.md, sizes: a response body, in bytes as sent (encodings other than identity are refused). */
export const MAX_RESPONSE_BYTES: number = 10 * 1_048_576;
/** How much of a refusal's body is read: enough for an error object. */
const MAX_REFUSAL_BYTES = 65_536;
/** How long a stream may stay open after its last message, before its socket is given up. */
const LINGER_MS = 1_000;

/** Takes a JSON body as it arrives. */
export interface BodyTaker {
  chunk(bytes: Buffer): void;
  end(): void;
}

/**
 * What the answer turns out to be. Any number of `message` calls, and exactly one of the others at last;
 * nothing after `settle` or `destroy`.
 */
export interface ExchangeReceiver {
  /** The request is on its way. */
  sent?(): void;
  /** A success has begun. */
  begin?(headers: ResponseHeaders): void;
  /** Asked when a JSON body begins: one who takes it unread, or undefined to have it as a `message`. */
  takeBody?(headers: ResponseHeaders): BodyTaker | undefined;
  /** One message of the answer, as text, and the bytes it was made of where they are at hand. */
  message(text: string, bytes?: Buffer): void;
  /** As `message`, of more than 64 KiB, as UTF-8 in pieces. False, and where there is none: it is wanted as text. */
  large?(pieces: readonly Buffer[]): boolean;
  /** The id of an event of a stream, before its message. */
  eventId?(id: string): void;
  /** The `retry:` field of a stream, in milliseconds. */
  retry?(ms: number): void;
  /** The body ended: after its messages, or empty (`bare`). */
  ended(bare: boolean): void;
  refused(refusal: Refusal): void;
  failed(error: UpstreamError): void;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: string[];
  readonly body: string | Buffer | undefined;
  readonly phase: ConnectorPhase;
  /** One event, in characters. Default: as many as a response may have bytes, since it may hold the whole answer. */
  readonly maxEventChars?: number;
}

type Body =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'taken'; readonly taker: BodyTaker }
  | { readonly kind: 'held'; readonly held: HeldBytes }
  | { readonly kind: 'events'; readonly reader: SseReader }
  | { readonly kind: 'bare'; readonly type: string }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: ResponseHeaders;
      readonly chunks: Buffer[];
    };

const WAITING: Body = { kind: 'waiting' };

function mediaType(headers: ResponseHeaders): string {
  const type = headerOf(headers, 'content-type') ?? '';
  return type === 'application/json' ? type : (type.split(';', 1)[0]?.trim().toLowerCase() ?? '');
}

const WAITS = new SocketWaits();

/** One HTTP exchange: undici's handler, made to speak of messages instead of bytes. */
export class HttpExchange implements Dispatcher.DispatchHandler, WaitingForSocket {
  readonly #wire: HttpWire;
  readonly #receiver: ExchangeReceiver;
  readonly #where: Where;
  #controller: Dispatcher.DispatchController | undefined;
  #body: Body = WAITING;
  #bytes = 0;
  #maxEventChars = MAX_RESPONSE_BYTES;
  #over = false;
  #paused = false;
  #linger: NodeJS.Timeout | undefined;
  place = -1;
  waitedMs = 0;

  constructor(wire: HttpWire, receiver: ExchangeReceiver, phase: ConnectorPhase) {
    this.#wire = wire;
    this.#receiver = receiver;
    this.#where = { connectorId: wire.connectorId, phase };
  }

  /** True once bytes of the request may have reached the server. */
  get sent(): boolean {
    return this.#controller !== undefined;
  }

  /** Sends the request. Failures reach the receiver, possibly before this returns. */
  start(request: ExchangeRequest): void {
    const { dispatcher, origin, path } = this.#wire;
    const { method, headers, body } = request;
    this.#maxEventChars = request.maxEventChars ?? MAX_RESPONSE_BYTES;
    dispatcher.dispatch({ origin, path, method, headers, body: body ?? null }, this);
    // On a socket that is there it leaves within this turn: undici looks first whether that was closed meanwhile.
    if (!this.sent && !this.#over) WAITS.add(this);
  }

  /** Ends the exchange at once; the server sees its connection closed. */
  destroy(): void {
    this.#over = true;
    clearTimeout(this.#linger);
    WAITS.delete(this);
    this.#controller?.abort(new Error('the exchange was given up'));
  }

  /** The receiver has all it wants; the stream may end in peace, which keeps the socket for the next request. */
  settle(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#body.kind !== 'events') return;
    this.#linger = setTimeout(() => {
      this.destroy();
    }, LINGER_MS);
    this.#linger.unref();
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: the request leaves the queue and the socket lives on, nothing having been written.
    if (this.#over) throw new Error('given up before it was sent');
    this.#controller = controller;
    WAITS.delete(this);
    this.#receiver.sent?.();
    if (this.#paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (this.#over || status < 200) return;
    if (status >= 300) {
      this.#body = { kind: 'refused', status, headers, chunks: [] };
      return;
    }
    const encoding = headerOf(headers, 'content-encoding');
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      this.fail(
        'BAD_RESPONSE',
        'the server compressed its response although identity was asked for',
      );
      return;
    }
    this.#receiver.begin?.(headers);
    this.#body = this.#bodyOf(mediaType(headers), headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#over) return;
    this.#bytes += bytes.length;
    const body = this.#body;
    if (body.kind === 'events') {
      body.reader.feed(bytes);
    } else if (body.kind === 'refused') {
      body.chunks.push(bytes);
      if (this.#bytes > MAX_REFUSAL_BYTES) this.#refuse(body.status, body.headers, body.chunks);
    } else if (body.kind === 'bare') {
      const type =
        body.type === '' ? 'no content type' : `content type ${JSON.stringify(body.type)}`;
      this.fail(
        'BAD_RESPONSE',
        `the server answered with ${type}, not with JSON or an event stream`,
      );
    } else if (this.#bytes > MAX_RESPONSE_BYTES) {
      this.fail('TOO_LARGE', `the response is larger than ${MAX_RESPONSE_BYTES} bytes`);
    } else if (body.kind === 'taken') {
      body.taker.chunk(bytes);
    } else if (body.kind === 'held') {
      body.held.push(bytes);
    }
  }

  onResponseEnd(): void {
    if (this.#linger !== undefined) clearTimeout(this.#linger);
    if (this.#over) return;
    const body = this.#body;
    if (body.kind === 'refused') {
      this.#refuse(body.status, body.headers, body.chunks);
    } else if (body.kind === 'taken' && this.#bytes > 0) {
      body.taker.end();
    } else {
      if (body.kind === 'held' && this.#bytes > 0) this.#deliver(body.held);
      // The message may have settled it.
      if (!this.#over) this.#receiver.ended(this.#bytes === 0 && body.kind !== 'events');
    }
    this.#over = true;
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    clearTimeout(this.#linger);
    WAITS.delete(this);
    if (this.#over) return;
    this.#over = true;
    this.#receiver.failed(translateError(error, this.#where, this.sent));
  }

  /** Fails the exchange for something the server did wrong, and closes its connection. */
  fail(code: UpstreamErrorCode, message: string, cause?: unknown): void {
    if (this.#over) return;
    const error = new UpstreamError(code, message, { ...this.#where, cause });
    this.destroy();
    this.#receiver.failed(error);
  }

  #deliver(held: HeldBytes): void {
    const pieces = held.pieces();
    if (held.length > LARGE_BYTES && this.#receiver.large?.(pieces) === true) return;
    const bytes = joined(pieces);
    this.#receiver.message(bytes.toString('utf8'), bytes);
  }

  /** Sockets are shared, and connect for as long as the most patient connector allows. */
  get maxWaitMs(): number {
    return this.#wire.timeouts.connectTimeoutMs;
  }

  gotNoSocket(): void {
    if (this.#over || this.sent) return;
    this.destroy();
    const message = 'the server did not accept the connection in time';
    const details = { ...this.#where, phase: 'connect', unsent: true } as const;
    this.#receiver.failed(new UpstreamError('CONNECT_TIMEOUT', message, details));
  }

  #bodyOf(type: string, headers: ResponseHeaders): Body {
    if (type === 'text/event-stream') {
      return { kind: 'events', reader: this.#createReader() };
    }
    if (type !== 'application/json') return { kind: 'bare', type };
    const taker = this.#receiver.takeBody?.(headers);
    return taker === undefined ? { kind: 'held', held: new HeldBytes() } : { kind: 'taken', taker };
  }

  #createReader(): SseReader {
    const maxChars = this.#maxEventChars;
    const events = {
      message: (text: string, bytes: Buffer) => {
        if (!this.#over) this.#receiver.message(text, bytes);
      },
      large: (pieces: readonly Buffer[]) => this.#over || this.#receiver.large?.(pieces) === true,
      id: (id: string) => {
        if (!this.#over) this.#receiver.eventId?.(id);
      },
      retry: (ms: number) => {
        if (!this.#over) this.#receiver.retry?.(ms);
      },
      tooLarge: () => {
        this.fail('TOO_LARGE', `an event of the response is larger than ${maxChars} characters`);
      },
    };
    return createSseReader(events, maxChars);
  }

  #refuse(status: number, headers: ResponseHeaders, chunks: readonly Buffer[]): void {
    const body = Buffer.concat(chunks).toString('utf8', 0, MAX_REFUSAL_BYTES);
    const cutShort = this.#bytes > MAX_REFUSAL_BYTES;
    this.#over = true;
    if (cutShort) this.destroy();
    this.#receiver.refused(readRefusal(status, headers, body));
  }
}
