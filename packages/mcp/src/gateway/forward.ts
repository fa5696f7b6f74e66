import type { Route } from '../catalog/catalog.ts';
import type { CallResult } from '../observability/connector-instruments.ts';
import { isObjectJson, type RawJson } from '../protocol/json-bytes.ts';
import { RPC, type JsonRpcId, type RawMember } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream/upstream-error.ts';
import {
  DEADLINE_EXCEEDED,
  type ForwardHandle,
  type ForwardSink,
  type RpcAnswer,
  type ServerRequest,
  type Upstream,
  type UpstreamAccess,
} from '../upstream/upstream.ts';
import { bridgeResult, codeOf, errorCodeIn, errorStatus, failureOf, lastWord } from './call/era.ts';
import { CallClient, type Bridged } from './call/call-client.ts';
import { dueAtMs, type TimedCall } from './call/call-deadlines.ts';
import { CallInput } from './call/call-input.ts';
import { noAnswer } from './call/client-questions.ts';
import type { ClientRequest } from './client-request.ts';
import type { Call, FinishedCall, ForwardPorts } from './forward-ports.ts';
import { errorFor } from './call/input-required.ts';
import { asksForInput } from './call/input-rounds.ts';
import type { ParkableCall } from './call/parked-calls.ts';
import type { Reply } from './reply/reply.ts';
import { failedResult, unavailableError } from './call/unavailable-error.ts';

/** A call on its way: hears the upstream, answers the client, and is over exactly once. */
export class ForwardedCall implements ForwardSink, TimedCall, ParkableCall, FinishedCall {
  readonly startedAtMs: number;
  lastProgressAtMs: number;
  place = -1;
  readonly connectorId: string;
  readonly idleTimeoutMs: number;
  readonly maxCallMs: number;
  readonly call: Call;
  readonly #client: CallClient;
  readonly #ports: ForwardPorts;
  readonly route: Route<UpstreamAccess>;
  #upstream: Upstream | undefined;
  #handle: ForwardHandle | undefined;
  /** What was sent last. */
  #sent: { readonly members: readonly RawMember[]; readonly id: JsonRpcId } | undefined;
  /** Headers that took the place of the first ones, which the server had refused. */
  #renewed: Readonly<Record<string, string>> | undefined;
  #input: CallInput | undefined;
  #opened = false;
  /** Hears when a client that was slow can take more. */
  #drains = false;
  #result: CallResult | undefined;
  /** The server's JSON-RPC code, or stable code of ours, of a call that has failed. */
  failureCode: string | number | undefined;

  constructor(call: Call, route: Route<UpstreamAccess>, reply: Reply, ports: ForwardPorts) {
    this.call = call;
    this.#client = new CallClient(call.request, reply);
    this.#ports = ports;
    this.route = route;
    this.connectorId = route.connectorId;
    this.startedAtMs = call.receivedAtMs;
    this.lastProgressAtMs = call.receivedAtMs;
    const { idleTimeoutMs, maxCallMs } = route.target.callTimeouts;
    // Answered when the task is over, and until then nothing need be said (2025-11-25, basic/utilities/tasks).
    this.idleTimeoutMs = call.request.method === 'tasks/result' ? maxCallMs : idleTimeoutMs;
    this.maxCallMs = maxCallMs;
  }

  get done(): boolean {
    return this.#result !== undefined;
  }

  /** Its client is away, and may come back. */
  get parked(): boolean {
    return this.#client.parked;
  }

  get waiting(): boolean {
    return this.#input?.waiting === true;
  }

  get current(): ClientRequest {
    return this.#client.request;
  }

  start(): void {
    this.#ports.deadlines.add(this);
    this.call.request.session?.uses(this.connectorId, this.route.target);
    this.#send(this.call.members, this.call.request.id);
  }

  notification(text: string): void {
    if (this.done) return;
    const taken = this.#client.notify(text, this.#upstream?.info?.era);
    // A notification that nobody gets is no progress, or a silent client could keep a call alive.
    if (taken !== 'dropped') this.lastProgressAtMs = performance.now();
    if (taken === 'slow') this.#pause();
  }

  request(request: ServerRequest): void {
    if (this.done) request.respond(noAnswer('the call is over'));
    else this.#inputOf().ask(request);
  }

  suspended(retryMs: number): void {
    this.#client.reply.suspend?.(retryMs);
  }

  result(raw: RawJson, era: Era): void {
    const { era: clientEra, method } = this.current;
    if (!isObjectJson(raw)) {
      this.fail(this.#error('BAD_RESPONSE', 'the result is not a JSON object'));
    } else if (era === 'modern' && clientEra === 'legacy' && asksForInput(raw)) {
      this.#handle = undefined;
      if (!this.done) this.#inputOf().round(raw.toString());
    } else {
      const { wrapsOutput } = this.route;
      this.#finishWith(bridgeResult(raw, era, clientEra, { method, wrapsOutput }));
    }
  }

  error(text: string, era: Era): void {
    if (!isObjectJson(text)) {
      this.fail(this.#error('BAD_RESPONSE', 'the error is not a JSON object'));
      return;
    }
    const answer = errorFor(text, era, this.current, this.#ports.states);
    const isRefused = era === 'modern' && codeOf(text) === RPC.headerMismatch;
    if (isRefused && this.#renewed === undefined) void this.#renew(answer);
    else this.#finishWith(answer);
  }

  whole(body: Buffer | readonly Buffer[], resultText?: string): void {
    this.failureCode = resultText === undefined ? errorCodeIn(body) : undefined;
    const result = this.failureCode === undefined ? 'ok' : 'error';
    if (this.#settle(result)) this.#client.pass(body, resultText);
  }

  open(bytes?: number): void {
    if (this.done) return;
    this.#opened = true;
    this.#client.reply.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    if (this.done) return true;
    this.lastProgressAtMs = performance.now();
    const more = this.#client.reply.chunk(bytes);
    if (!more) this.#pause();
    return more;
  }

  end(): void {
    if (this.#settle('ok')) this.#client.reply.end();
  }

  fail(error: UpstreamError): void {
    if (this.done) return;
    const nextAttemptMs = this.#ports.signal.callFailed(error.connectorId, error.code);
    const result = failedResult(error.code);
    this.failureCode = error.code;
    const text = unavailableError(error, nextAttemptMs);
    if (error.retryAfterMs !== undefined) this.#client.reply.retryAfter?.(error.retryAfterMs);
    if (!this.#opened) this.#finish(result, 200, { kind: 'error', text });
    else if (this.#settle(result)) this.#client.reply.abort();
  }

  /** The client has cancelled or gone: the upstream is told and nothing more is answered. */
  cancel(reason: string): void {
    if (this.done) return;
    // Before its questions get an error, or the server would take them for refused and go on.
    this.#handle?.cancel(reason);
    this.#settle('cancelled', reason);
    if (this.#opened) this.#client.reply.abort();
    else if (!this.#client.parked) this.#client.reply.drop();
  }

  /** The gateway closes: the client gets a typed error, the upstream is told. */
  shutDown(): void {
    if (this.done) return;
    this.fail(this.#error('CLOSED', 'the gateway is shutting down'));
    this.#handle?.cancel('the gateway is shutting down');
  }

  /** The deadline has passed: the upstream is told, the client gets a typed error. */
  expire(waitedMs: number, silent: boolean): void {
    if (this.done) return;
    const handle = this.#handle;
    const seconds = Math.round(waitedMs / 1000);
    this.fail(this.#error('TIMEOUT', `no answer to ${this.current.method} within ${seconds} s`));
    handle?.cancel(silent ? DEADLINE_EXCEEDED : 'it took too long');
  }

  tick(nowMs: number): void {
    if (!this.#client.parked) this.#client.reply.tick?.(nowMs);
  }

  park(resultText: string): void {
    this.#client.park(resultText);
  }

  rejoin(request: ClientRequest, reply: Reply): void {
    this.#client.rejoin(request, reply);
    this.#drains = false;
  }

  /** Most calls are never held up, and hear of nothing. */
  #pause(): void {
    this.#handle?.pause();
    if (this.#drains) return;
    this.#drains = true;
    this.#client.reply.onDrain(() => this.#handle?.resume());
  }

  /** The server wants other headers than its list said, and has not executed anything: once more with those of now. */
  async #renew(refusal: RpcAnswer): Promise<void> {
    this.#handle = undefined;
    const { request, paramHeaders } = this.call;
    this.#renewed = paramHeaders;
    const next = await this.#ports.renewHeaders(this.connectorId, request, paramHeaders);
    if (this.done) return;
    if (next === undefined || this.#sent === undefined) {
      this.#finishWith(refusal);
      return;
    }
    this.#renewed = next;
    this.#send(this.#sent.members, this.#sent.id);
  }

  #send(members: readonly RawMember[], id: JsonRpcId): void {
    const { request, name } = this.call;
    const { caller } = request;
    this.#sent = { members, id };
    this.#upstream = this.route.target.acquire(caller);
    this.#handle = this.#upstream.forward(
      {
        id,
        method: request.method,
        members,
        meta: request.params.meta,
        name,
        paramHeaders: this.#renewed ?? this.call.paramHeaders,
        clientEra: request.era,
        caller,
        definition: this.route.definition,
        dueAtMs: dueAtMs(this),
      },
      this,
    );
  }

  #inputOf(): CallInput {
    this.#input ??= new CallInput({
      client: this.#client,
      park: () => this.#ports.parking.forCall(this),
      count: this.#ports.countQuestion,
      onProgress: () => {
        this.lastProgressAtMs = performance.now();
      },
      again: (members, round) => {
        // Another id than any try before had (spec 2026-07-28, basic/patterns/mrtr, client requirement 3).
        const id = `${String(this.call.request.id)}/${round}`;
        this.#send([...this.call.members, ...members], id);
      },
      giveUp: (why) => {
        const message = `${this.connectorId}: ${this.current.method} was not completed: ${why}`;
        this.#finish('error', 200, failureOf(this.current.method, message));
      },
    });
    return this.#input;
  }

  #finishWith(answer: Bridged): void {
    const { era } = this.current;
    const last = era === 'modern' ? lastWord(answer, this.#input?.missing) : answer;
    const code = last.kind === 'error' ? codeOf(last.text) : undefined;
    this.failureCode = code;
    if (code === undefined) this.#finish('ok', 200, last);
    else this.#finish('error', errorStatus(code, era), last);
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    return new UpstreamError(code, message, { connectorId: this.connectorId, phase: 'ready' });
  }

  #finish(result: CallResult, status: number, answer: Bridged): void {
    if (this.#settle(result)) this.#client.answer(status, answer);
  }

  #settle(result: CallResult, reason: string = 'it has been answered'): boolean {
    if (this.done) return false;
    this.#result = result;
    this.#ports.deadlines.delete(this);
    const { asked } = this.call;
    asked.session?.calls.delete(asked.id);
    this.#input?.close(reason);
    this.#ports.ended(this, result);
    return true;
  }
}
