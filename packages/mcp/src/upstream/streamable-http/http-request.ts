import type { JsonRpcId } from '../../protocol/message.ts';
import { HttpExchange, type ExchangeReceiver } from './http-exchange.ts';
import { readMessages, type ServerMessage } from './http-message.ts';
import type { Refusal, ResponseHeaders } from './http-refusal.ts';
import type { HttpWire } from './http-wire.ts';
import { onceSocketIsFree } from './once-socket-is-free.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

export type Answer = Extract<ServerMessage, { kind: 'result' | 'error' }>;

/** How the server took a message of our own. */
export type PostOutcome =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly headers: ResponseHeaders }
  | { readonly kind: 'accepted'; readonly headers: ResponseHeaders }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface PostRequest {
  readonly method?: 'POST' | 'DELETE';
  readonly headers: string[];
  readonly body?: string;
  /** The id an answer must carry; none for notifications. */
  readonly id?: JsonRpcId;
  readonly phase: ConnectorPhase;
  readonly timeoutMs: number;
  /** Aborted with an UpstreamError, that is the failure; otherwise it is `CLOSED`. */
  readonly signal?: AbortSignal;
  /** Called when the request is on its way. */
  readonly onSent?: () => void;
}

interface Settle {
  resolve(outcome: PostOutcome): void;
  reject(error: UpstreamError): void;
}

class Post implements ExchangeReceiver {
  readonly #wire: HttpWire;
  readonly #request: PostRequest;
  readonly #settle: Settle;
  readonly #exchange: HttpExchange;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => {
    const reason: unknown = this.#request.signal?.reason;
    this.#exchange.destroy();
    this.failed(
      reason instanceof UpstreamError ? reason : this.#error('CLOSED', 'the request was given up'),
    );
  };
  #headers: ResponseHeaders = {};

  constructor(wire: HttpWire, request: PostRequest, settle: Settle) {
    this.#wire = wire;
    this.#request = request;
    this.#settle = settle;
    this.#exchange = new HttpExchange(wire, this, request.phase);
    this.#timer = setTimeout(() => {
      this.#exchange.destroy();
      this.failed(
        this.#error('TIMEOUT', `the server did not answer within ${request.timeoutMs} ms`),
      );
    }, request.timeoutMs);
    this.#timer.unref();
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  send(): void {
    const { method = 'POST', headers, body, phase, signal } = this.#request;
    if (signal?.aborted === true) this.#onAbort();
    else this.#exchange.start({ method, headers, body, phase });
  }

  sent(): void {
    this.#request.onSent?.();
  }

  begin(headers: ResponseHeaders): void {
    this.#headers = headers;
  }

  message(text: string): void {
    // What a server says to a notification is for nobody, whatever it is.
    if (this.#request.id === undefined) return;
    let messages: ServerMessage[];
    try {
      messages = readMessages(text);
    } catch (cause) {
      this.#exchange.fail('BAD_RESPONSE', 'the server sent no valid JSON-RPC message', cause);
      return;
    }
    for (const message of messages) {
      if (message.kind !== 'result' && message.kind !== 'error') continue;
      if (message.id !== this.#request.id && message.id !== undefined) continue;
      this.#exchange.settle();
      this.#release();
      const outcome = { kind: 'answer', answer: message, headers: this.#headers } as const;
      onceSocketIsFree(() => {
        this.#settle.resolve(outcome);
      });
      return;
    }
  }

  ended(bare: boolean): void {
    this.#release();
    if (this.#request.id === undefined) {
      const outcome = { kind: 'accepted', headers: this.#headers } as const;
      onceSocketIsFree(() => {
        this.#settle.resolve(outcome);
      });
      return;
    }
    this.#settle.reject(
      bare
        ? this.#error('BAD_RESPONSE', 'the server accepted a request without answering it')
        : this.#error('STREAM_CUT', 'the response ended before the answer'),
    );
  }

  refused(refusal: Refusal): void {
    this.#release();
    onceSocketIsFree(() => {
      this.#settle.resolve({ kind: 'refused', refusal });
    });
  }

  failed(error: UpstreamError): void {
    this.#release();
    this.#settle.reject(error);
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    const { connectorId } = this.#wire;
    const { phase } = this.#request;
    return new UpstreamError(code, message, { connectorId, phase, unsent: !this.#exchange.sent });
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }
}

/**
 * One message of our own: part of a handshake, a notification, the end of a session.
 * @throws UpstreamError when there is no answer; a refusal is an outcome.
 */
export async function post(wire: HttpWire, request: PostRequest): Promise<PostOutcome> {
  const over = wire.roundTrips?.begin();
  try {
    return await new Promise((resolve, reject) => {
      new Post(wire, request, { resolve, reject }).send();
    });
  } finally {
    over?.();
  }
}
