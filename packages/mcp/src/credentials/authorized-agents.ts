import type { Dispatcher } from 'undici';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { readChallenge } from './challenge.ts';
import { CredentialError, isPassingError } from './credential-error.ts';
import type { RequestCredential } from './request-credential.ts';

/** The sockets of connectors, as upstreams know them. */
interface Agents {
  readonly requests: Dispatcher;
  readonly streams: Dispatcher;
  close(): Promise<void>;
}

type Dispatch = Dispatcher['dispatch'];
type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/** How much of a refusal is read before its connection is given up. */
const MAX_REFUSAL_BYTES = 65_536;

function upstreamError(
  cause: unknown,
  { connectorId }: RequestCredential,
  httpStatus?: number,
): UpstreamError {
  const passing = isPassingError(cause) || !(cause instanceof CredentialError);
  const reason = cause instanceof Error ? cause.message : 'no token could be had';
  return new UpstreamError(passing ? 'AUTH_UNAVAILABLE' : 'AUTH_REQUIRED', reason, {
    connectorId,
    phase: 'connect',
    cause,
    ...(httpStatus !== undefined && { httpStatus }),
  });
}

interface Exchange {
  readonly dispatch: Dispatch;
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Handler;
  readonly credential: RequestCredential;
  readonly sent: string | undefined;
}

function withHeader(
  options: Dispatcher.DispatchOptions,
  value: string | undefined,
): Dispatcher.DispatchOptions {
  if (value === undefined) return options;
  const { headers } = options;
  // Upstreams give names and values in turn.
  const given: readonly string[] = Array.isArray(headers) ? headers : [];
  return { ...options, headers: [...given, 'authorization', value] };
}

/** Passes an answer on, unless it asks for other credentials: then the request is sent once more, with those. */
class AuthorizedHandler implements Handler {
  readonly #exchange: Exchange;
  readonly #handler: Handler;
  /** A refusal is being read to its end, so that its socket can be used again. */
  #refusal:
    | { readonly status: 401 | 403; readonly header: string | string[] | undefined }
    | undefined;
  #bytes = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#handler = exchange.handler;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Parameters<NonNullable<Handler['onResponseStart']>>[2],
    statusMessage?: string,
  ): void {
    if (status === 401 || status === 403) {
      const header = headers['www-authenticate'];
      if (status === 401 || readChallenge(header).error === 'insufficient_scope') {
        this.#refusal = { status, header };
        return;
      }
    }
    this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#refusal === undefined) {
      this.#handler.onResponseData?.(controller, chunk);
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_REFUSAL_BYTES) controller.abort(new Error('a refusal without end'));
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    if (this.#refusal === undefined) this.#handler.onResponseEnd?.(controller, trailers);
    else void this.#again(controller);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#refusal === undefined) this.#handler.onResponseError?.(controller, error);
    else void this.#again(controller);
  }

  async #again(controller: Controller): Promise<void> {
    const { credential, dispatch, options, handler, sent } = this.#exchange;
    const refusal = this.#refusal;
    this.#refusal = undefined;
    if (refusal === undefined) return;
    const { status, header } = refusal;
    try {
      const challenge = readChallenge(header);
      const value = await credential.refused({ status, challenge, sent });
      dispatch(withHeader(options, value), new FinalHandler(handler, credential));
    } catch (cause) {
      handler.onResponseError?.(controller, upstreamError(cause, credential, status));
    }
  }
}

/** The second answer is the last. */
class FinalHandler implements Handler {
  readonly #handler: Handler;
  readonly #credential: RequestCredential;
  #over = false;

  constructor(handler: Handler, credential: RequestCredential) {
    this.#handler = handler;
    this.#credential = credential;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Parameters<NonNullable<Handler['onResponseStart']>>[2],
    statusMessage?: string,
  ): void {
    if (status !== 401) {
      this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
      return;
    }
    const why = `the server refuses a token that was just given; run: cortex-mcp auth login ${this.#credential.connectorId}`;
    this.#over = true;
    const error = upstreamError(new CredentialError('AUTH_REQUIRED', why), this.#credential, 401);
    this.#handler.onResponseError?.(controller, error);
    controller.abort(error);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#over) this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    if (!this.#over) this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (!this.#over) this.#handler.onResponseError?.(controller, error);
  }
}

/** Of a request that was never sent: there is nothing to control. */
const NOT_SENT: Controller = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

/** The request waits for a token. Who gives it up meanwhile is noticed when it is sent. */
async function sendLater(exchange: Omit<Exchange, 'sent'>): Promise<void> {
  const { dispatch, options, handler, credential } = exchange;
  let sent: string | undefined;
  try {
    sent = await credential.acquire();
  } catch (cause) {
    handler.onResponseError?.(NOT_SENT, upstreamError(cause, credential));
    return;
  }
  dispatch(withHeader(options, sent), new AuthorizedHandler({ ...exchange, sent }));
}

function authorize(dispatcher: Dispatcher, credential: RequestCredential): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    // What leads elsewhere gets nothing of it.
    if (options.origin !== credential.origin) return dispatch(options, handler);
    const sent = credential.current();
    if (sent === undefined) {
      void sendLater({ dispatch, options, handler, credential });
      return true;
    }
    const exchange = { dispatch, options, handler, credential, sent };
    return dispatch(withHeader(options, sent), new AuthorizedHandler(exchange));
  });
}

/** Makes the authorized view of a dispatcher again only when there is another dispatcher. */
function authorized(credential: RequestCredential): (dispatcher: Dispatcher) => Dispatcher {
  let from: Dispatcher | undefined;
  let made: Dispatcher | undefined;
  return (dispatcher) => {
    if (made === undefined || from !== dispatcher) {
      from = dispatcher;
      made = authorize(dispatcher, credential);
    }
    return made;
  };
}

/**
 * The same sockets, with a credential on every request to its origin: syncs, calls, streams and HTTP+SSE alike. A
 * request that is refused with 401, and so was not executed, is sent once more with a renewed token; then it fails
 * with `AUTH_REQUIRED`, which names the remedy.
 */
export function createAuthorizedAgents(agents: Agents, credential: RequestCredential): Agents {
  const requests = authorized(credential);
  const streams = authorized(credential);
  return {
    get requests() {
      return requests(agents.requests);
    },
    get streams() {
      return streams(agents.streams);
    },
    close: async () => await agents.close(),
  };
}
