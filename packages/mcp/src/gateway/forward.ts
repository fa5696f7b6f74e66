import type { Route } from '../catalog/catalog.ts';
import {
  RPC,
  errorObject,
  errorText,
  resultText,
  type JsonRpcId,
  type RawMember,
} from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type {
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
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
  /** Who calls: a session, or the empty string. */
  readonly callerId: string;
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
  readonly #doneListeners: (() => void)[] = [];
  #handle: ForwardHandle | undefined;
  #opened = false;
  #done = false;

  constructor(call: Call, route: Route<UpstreamAccess>, reply: Reply, ports: ForwardPorts) {
    this.#call = call;
    this.#connectorId = route.connectorId;
    this.#reply = reply;
    this.#ports = ports;
    this.idleTimeoutMs = route.target.callTimeouts.idleTimeoutMs;
    this.maxCallMs = route.target.callTimeouts.maxCallMs;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Called when the call is over, whichever way; at once when it already is. */
  whenDone(listener: () => void): void {
    if (this.#done) listener();
    else this.#doneListeners.push(listener);
  }

  start(route: Route<UpstreamAccess>): void {
    const { id, method, members, meta, name, paramHeaders, era, callerId } = this.#call;
    const request: ForwardRequest = {
      id,
      method,
      members,
      meta,
      name,
      paramHeaders,
      clientEra: era,
    };
    this.#ports.deadlines.add(this);
    const handle = route.target.acquire(callerId).forward(request, this);
    this.#handle = handle;
    this.#reply.onDrain(() => handle.resume());
  }

  notification(text: string): void {
    if (this.#done) return;
    this.lastProgressAtMs = performance.now();
    this.#reply.notify(text);
  }

  result(text: string, era: Era): void {
    const bridged = bridgeResult(text, era, this.#call.era, this.#call.method);
    const id = JSON.stringify(this.#call.id);
    const body =
      bridged.kind === 'result' ? resultText(id, bridged.text) : errorText(id, bridged.text);
    this.#finish(200, body);
  }

  error(text: string, era: Era): void {
    const bridged = bridgeError(text, era, this.#call.era);
    const parsed: unknown = JSON.parse(bridged);
    const code = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'code') : 0;
    this.#finish(
      errorStatus(Number(code), this.#call.era),
      errorText(JSON.stringify(this.#call.id), bridged),
    );
  }

  whole(body: Buffer): void {
    this.#finish(200, body);
  }

  open(): void {
    if (this.#done) return;
    this.#opened = true;
    this.#reply.open();
  }

  chunk(bytes: Buffer): boolean {
    if (this.#done) return true;
    this.lastProgressAtMs = performance.now();
    const more = this.#reply.chunk(bytes);
    if (!more) this.#handle?.pause();
    return more;
  }

  end(): void {
    if (this.#settle()) this.#reply.end();
  }

  fail(error: UpstreamError): void {
    if (this.#done) return;
    this.#ports.signal.callFailed(error.connectorId, error.code);
    if (!this.#opened) {
      this.#finish(200, errorText(JSON.stringify(this.#call.id), unavailableError(error)));
    } else if (this.#settle()) {
      this.#reply.abort();
    }
  }

  /** The client has cancelled or gone: the upstream is told and nothing more is answered. */
  cancel(reason: string): void {
    if (!this.#settle()) return;
    this.#handle?.cancel(reason);
    if (this.#opened) this.#reply.abort();
    else this.#reply.drop();
  }

  /** The gateway closes: the client gets a typed error, the upstream is told. */
  shutDown(): void {
    if (this.#done) return;
    const details = { connectorId: this.#connectorId, phase: 'ready' } as const;
    this.fail(new UpstreamError('CLOSED', 'the gateway is shutting down', details));
    this.#handle?.cancel('the gateway is shutting down');
  }

  /** The deadline has passed: the upstream is told, the client gets a typed error. */
  expire(waitedMs: number): void {
    if (this.#done) return;
    const handle = this.#handle;
    const waited = `${Math.round(waitedMs / 1000)} s`;
    this.fail(
      new UpstreamError('TIMEOUT', `no answer to ${this.#call.method} within ${waited}`, {
        connectorId: this.#connectorId,
        phase: 'ready',
      }),
    );
    handle?.cancel('deadline exceeded');
  }

  #finish(status: number, body: Buffer | string): void {
    if (this.#settle()) this.#reply.answer(status, body);
  }

  #settle(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#ports.deadlines.delete(this);
    for (const listener of this.#doneListeners) listener();
    return true;
  }
}
