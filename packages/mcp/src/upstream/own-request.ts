import type { RawJson } from '../protocol/json-bytes.ts';
import { objectMembers } from '../protocol/json-scan.ts';
import { RPC, errorObject, type RawMember } from '../protocol/message.ts';
import { NAME_PARAM } from '../protocol/revision.ts';
import type { Where } from './streamable-http/http-error.ts';
import { onceSocketIsFree } from './streamable-http/once-socket-is-free.ts';
import {
  OWN_CALLER,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
  type RequestOptions,
  type ServerRequest,
} from './upstream.ts';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error.ts';

interface Settle {
  resolve(result: string): void;
  reject(error: UpstreamError): void;
}

function codeOf(errorText: string): number | undefined {
  const error: unknown = JSON.parse(errorText);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : 0;
  return typeof code === 'number' ? code : undefined;
}

/** A request of our own in the form of a client's; `params` may hold a `_meta`. */
export function toOwnRequest(method: string, params: readonly RawMember[]): ForwardRequest {
  const nameKey = NAME_PARAM.get(method);
  const nameText = params.find((member) => member.key === nameKey)?.text;
  const name: unknown = nameText === undefined ? undefined : JSON.parse(nameText);
  const metaText = params.find((member) => member.key === '_meta')?.text ?? '{}';
  return {
    id: 0,
    method,
    members: params.filter((member) => member.key !== '_meta'),
    meta: objectMembers(metaText).map(({ key, start, end }) => ({
      key,
      text: metaText.slice(start, end),
    })),
    name: typeof name === 'string' ? name : undefined,
    paramHeaders: {},
    // So that the result arrives as text, under an id and an envelope of our own.
    clientEra: 'legacy',
    caller: OWN_CALLER,
  };
}

/** A request of our own: a forward whose client is a promise with a deadline. */
export class OwnRequest implements ForwardSink {
  readonly #where: Where;
  readonly #options: RequestOptions;
  readonly #settle: Settle;
  #timer: NodeJS.Timeout | undefined;
  #handle: ForwardHandle | undefined;
  #over = false;
  readonly #onAbort = (): void => {
    this.#giveUp('CANCELLED', 'the request was given up');
  };

  constructor(where: Where, options: RequestOptions, settle: Settle) {
    this.#where = where;
    this.#options = options;
    this.#settle = settle;
  }

  start(forward: (sink: ForwardSink) => ForwardHandle): void {
    const { signal, timeoutMs } = this.#options;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer = setTimeout(() => {
      this.#giveUp('TIMEOUT', `the server did not answer within ${timeoutMs} ms`);
    }, timeoutMs);
    this.#timer.unref();
    this.#handle = forward(this);
  }

  notification(): void {
    // We asked for no progress and for no log.
  }

  request(request: ServerRequest): void {
    // Nobody stands behind a request of ours who could be asked.
    const text = errorObject(RPC.methodNotFound, `Method not found: ${request.method}`);
    request.respond({ kind: 'error', text });
  }

  result(raw: RawJson): void {
    this.#release();
    onceSocketIsFree(() => {
      this.#settle.resolve(raw.toString());
    });
  }

  error(text: string): void {
    this.#release();
    const rpcCode = codeOf(text);
    this.#settle.reject(
      new UpstreamError('RPC_ERROR', `the server answered with error ${rpcCode ?? 'unknown'}`, {
        ...this.#where,
        rpcErrorText: text,
        ...(rpcCode === undefined ? {} : { rpcCode }),
      }),
    );
  }

  whole(): void {
    this.#unread();
  }

  open(): void {
    this.#unread();
  }

  chunk(): boolean {
    return true;
  }

  end(): void {
    this.#unread();
  }

  fail(error: UpstreamError): void {
    this.#release();
    this.#settle.reject(error);
  }

  /** Only modern clients are given bytes unread, and we ask as a legacy one. */
  #unread(): void {
    this.fail(new UpstreamError('BAD_RESPONSE', 'the answer arrived unread', this.#where));
  }

  #giveUp(code: UpstreamErrorCode, message: string): void {
    if (this.#over) return;
    this.#handle?.cancel(message);
    this.fail(new UpstreamError(code, message, this.#where));
  }

  #release(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
  }
}

/** For those that wait for nothing but their deadline. */
export const NEVER_ABORTED: AbortSignal = new AbortController().signal;

/**
 * Sends a request of our own by `forward`.
 * @returns the raw JSON of `result`.
 * @throws UpstreamError; `RPC_ERROR` when the server answered with an error.
 */
export async function askOver(
  forward: (request: ForwardRequest, sink: ForwardSink) => ForwardHandle,
  where: Where,
  request: ForwardRequest,
  options: RequestOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const own = new OwnRequest(where, options, { resolve, reject });
    own.start((sink) => forward(request, sink));
  });
}
