import type { Route } from '../catalog/catalog.ts';
import type { CallResult } from '../observability/connector-instruments.ts';
import {
  RPC,
  errorObject,
  errorText,
  resultText,
  type JsonRpcId,
  type RawMember,
} from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream/upstream-error.ts';
import type {
  Caller,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  ServerRequest,
  UpstreamAccess,
} from '../upstream/upstream.ts';
import { bridgeError, bridgeResult, errorStatus } from './bridge.ts';
import type { CallDeadlines, TimedCall } from './call-deadlines.ts';
import type { UpstreamSignal } from './ports.ts';
import type { Reply } from './reply.ts';

/** One request of a client that an upstream answers. */
export interface Call {
  readonly id: JsonRpcId;
  readonly method: string;
  /** Already in the upstream's names. */
  readonly members: readonly RawMember[];
  readonly meta: readonly RawMember[];
  readonly name: string | undefined;
  readonly paramHeaders: Readonly<Record<string, string>>;
  readonly era: Era;
  readonly caller: Caller;
}

export interface ForwardPorts {
  readonly deadlines: CallDeadlines;
  readonly signal: UpstreamSignal;
}

/** What a client is told when there is no answer: connector, phase and cause, with the stable code in `data`. */
export function unavailableError(error: UpstreamError): string {
  return errorObject(RPC.connectorUnavailable, `${error.connectorId}: ${error.message}`, {
    code: error.code,
    connector: error.connectorId,
    phase: error.phase,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: Math.ceil(error.retryAfterMs) }),
  });
}

/** A call on its way: hears the upstream, answers the client, and is over exactly once. */
export class ForwardedCall implements ForwardSink, TimedCall {
  readonly startedAtMs: number = performance.now();
  lastProgressAtMs: number = this.startedAtMs;
  readonly idleTimeoutMs: number;
  readonly maxCallMs: number;
  readonly #call: Call;
  readonly #connectorId: string;
  readonly #reply: Reply;
  readonly #ports: ForwardPorts;
  readonly #doneListeners: ((result: CallResult) => void)[] = [];
  #handle: ForwardHandle | undefined;
  #opened = false;
  #result: CallResult | undefined;

  constructor(call: Call, route: Route<UpstreamAccess>, reply: Reply, ports: ForwardPorts) {
    this.#call = call;
    this.#connectorId = route.connectorId;
    this.#reply = reply;
    this.#ports = ports;
    this.idleTimeoutMs = route.target.callTimeouts.idleTimeoutMs;
    this.maxCallMs = route.target.callTimeouts.maxCallMs;
  }

  get done(): boolean {
    return this.#result !== undefined;
  }

  /** Called with the way the call went when it is over; at once when it already is. */
  whenDone(listener: (result: CallResult) => void): void {
    if (this.#result !== undefined) listener(this.#result);
    else this.#doneListeners.push(listener);
  }

  start(route: Route<UpstreamAccess>): void {
    const { id, method, members, meta, name, paramHeaders, era, caller } = this.#call;
    const request: ForwardRequest = {
      id,
      method,
      members,
      meta,
      name,
      paramHeaders,
      clientEra: era,
      caller,
    };
    this.#ports.deadlines.add(this);
    const handle = route.target.acquire(caller).forward(request, this);
    this.#handle = handle;
    this.#reply.onDrain(() => handle.resume());
  }

  notification(text: string): void {
    if (this.done) return;
    const taken = this.#reply.notify(text);
    // A notification that nobody gets is no progress, or a silent client could keep a call alive.
    if (taken !== 'dropped') this.lastProgressAtMs = performance.now();
    if (taken === 'slow') this.#handle?.pause();
  }

  request({ method, respond }: ServerRequest): void {
    respond({ kind: 'error', text: errorObject(RPC.methodNotFound, `Method not found: ${method}`) });
  }

  result(text: string, era: Era): void {
    if (!/^\s*\{/.test(text)) {
      this.fail(this.#error('BAD_RESPONSE', 'the result is not a JSON object'));
      return;
    }
    const bridged = bridgeResult(text, era, this.#call.era, this.#call.method);
    const id = JSON.stringify(this.#call.id);
    const body =
      bridged.kind === 'result' ? resultText(id, bridged.text) : errorText(id, bridged.text);
    this.#finish(bridged.kind === 'result' ? 'ok' : 'error', 200, body);
  }

  error(text: string, era: Era): void {
    const bridged = bridgeError(text, era, this.#call.era);
    const parsed: unknown = JSON.parse(bridged);
    const code = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'code') : 0;
    this.#finish(
      'error',
      errorStatus(Number(code), this.#call.era),
      errorText(JSON.stringify(this.#call.id), bridged),
    );
  }

  whole(body: Buffer): void {
    this.#finish(isError(body) ? 'error' : 'ok', 200, body);
  }

  open(): void {
    if (this.done) return;
    this.#opened = true;
    this.#reply.open();
  }

  chunk(bytes: Buffer): boolean {
    if (this.done) return true;
    this.lastProgressAtMs = performance.now();
    const more = this.#reply.chunk(bytes);
    if (!more) this.#handle?.pause();
    return more;
  }

  end(): void {
    if (this.#settle('ok')) this.#reply.end();
  }

  fail(error: UpstreamError): void {
    if (this.done) return;
    this.#ports.signal.callFailed(error.connectorId, error.code);
    const result = error.code === 'TIMEOUT' ? 'timeout' : 'failed';
    if (!this.#opened) {
      this.#finish(result, 200, errorText(JSON.stringify(this.#call.id), unavailableError(error)));
    } else if (this.#settle(result)) {
      this.#reply.abort();
    }
  }

  /** The client has cancelled or gone: the upstream is told and nothing more is answered. */
  cancel(reason: string): void {
    if (!this.#settle('cancelled')) return;
    this.#handle?.cancel(reason);
    if (this.#opened) this.#reply.abort();
    else this.#reply.drop();
  }

  /** The gateway closes: the client gets a typed error, the upstream is told. */
  shutDown(): void {
    if (this.done) return;
    this.fail(this.#error('CLOSED', 'the gateway is shutting down'));
    this.#handle?.cancel('the gateway is shutting down');
  }

  /** The deadline has passed: the upstream is told, the client gets a typed error. */
  expire(waitedMs: number): void {
    if (this.done) return;
    const handle = this.#handle;
    const waited = `${Math.round(waitedMs / 1000)} s`;
    this.fail(this.#error('TIMEOUT', `no answer to ${this.#call.method} within ${waited}`));
    handle?.cancel('deadline exceeded');
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    return new UpstreamError(code, message, { connectorId: this.#connectorId, phase: 'ready' });
  }

  #finish(result: CallResult, status: number, body: Buffer | string): void {
    if (this.#settle(result)) this.#reply.answer(status, body);
  }

  #settle(result: CallResult): boolean {
    if (this.done) return false;
    this.#result = result;
    this.#ports.deadlines.delete(this);
    for (const listener of this.#doneListeners) listener(result);
    return true;
  }
}

/** An answer that is passed on unread is looked into only when it is small and may be an error. */
const MAX_ERROR_BYTES = 16_384;

function isError(body: Buffer): boolean {
  if (body.length > MAX_ERROR_BYTES || !body.includes('"error"')) return false;
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'));
    return typeof answer === 'object' && answer !== null && Object.hasOwn(answer, 'error');
  } catch {
    // It is passed on unread; what is wrong with it is for the client to find.
    return false;
  }
}
