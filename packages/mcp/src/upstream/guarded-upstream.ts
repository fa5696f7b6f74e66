import { LIST_BY_METHOD } from '../protocol/list-kind.ts';
import type { RawMember } from '../protocol/message.ts';
import type { RawJson } from '../protocol/json-bytes.ts';
import type { Era } from '../protocol/revision.ts';
import type { ConnectorPhase, UpstreamError } from './upstream-error.ts';
import type {
  CallGate,
  CallGateStatus,
  CallLine,
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  ReplicaStatus,
  RequestOptions,
  ServerRequest,
  Upstream,
  UpstreamInfo,
} from './upstream.ts';

/** An upstream that can be left in peace until its calls have ended. */
export interface DrainableUpstream extends Upstream {
  /** Calls of clients under way. */
  readonly inFlight: number;
  /** Resolves when no call is under way, after `maxMs`, or on `close`; closes nothing. */
  drain(maxMs: number): Promise<void>;
  passEnded?(): void;
  /** Stopped until something is asked of it. */
  readonly asleep?: boolean;
  /** Its processes that run now. */
  readonly pids?: readonly number[] | undefined;
  /** How the calls of its connector fare; undefined when nothing stands before it. */
  readonly calls?: CallGateStatus | undefined;
  /** The servers behind it, when there are several. */
  readonly replicas?: readonly ReplicaStatus[] | undefined;
}

/** What is wrapped. */
export type GuardableUpstream = Upstream &
  Pick<DrainableUpstream, 'passEnded' | 'asleep' | 'pids' | 'replicas'>;

/** Passes everything on, both ways, and says once that the call is over. */
class CountedCall implements ForwardSink, ForwardHandle {
  readonly #sink: ForwardSink;
  #line: CallLine | undefined;
  #handle: ForwardHandle | undefined;

  constructor(sink: ForwardSink, line: CallLine) {
    this.#sink = sink;
    this.#line = line;
  }

  send(request: ForwardRequest): void {
    this.#handle = this.#line?.send(request, this);
  }

  notification(text: string): void {
    this.#sink.notification(text);
  }

  request(request: ServerRequest): void {
    this.#sink.request(request);
  }

  suspended(retryMs: number): void {
    this.#sink.suspended?.(retryMs);
  }

  result(raw: RawJson, era: Era): void {
    this.#ended();
    this.#sink.result(raw, era);
  }

  error(text: string, era: Era): void {
    this.#ended();
    this.#sink.error(text, era);
  }

  whole(body: Buffer | readonly Buffer[], resultText?: string): void {
    this.#ended();
    this.#sink.whole(body, resultText);
  }

  open(bytes?: number): void {
    this.#sink.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#sink.chunk(bytes);
  }

  end(): void {
    this.#ended();
    this.#sink.end();
  }

  fail(error: UpstreamError): void {
    this.#ended();
    this.#sink.fail(error);
  }

  cancel(reason: string): void {
    this.#ended();
    this.#handle?.cancel(reason);
  }

  pause(): void {
    this.#handle?.pause();
  }

  resume(): void {
    this.#handle?.resume();
  }

  #ended(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.ended();
  }
}

class GuardedUpstream implements DrainableUpstream, CallLine {
  readonly #inner: GuardableUpstream;
  readonly #gate: CallGate | undefined;
  readonly #idle = new Set<() => void>();
  #inFlight = 0;

  constructor(inner: GuardableUpstream, gate: CallGate | undefined) {
    this.#inner = inner;
    this.#gate = gate;
  }

  get connectorId(): string {
    return this.#inner.connectorId;
  }

  get info(): UpstreamInfo | undefined {
    return this.#inner.info;
  }

  get phase(): ConnectorPhase {
    return this.#inner.phase;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get asleep(): boolean {
    return this.#inner.asleep === true;
  }

  get pids(): readonly number[] | undefined {
    return this.#inner.pids;
  }

  get replicas(): readonly ReplicaStatus[] | undefined {
    return this.#inner.replicas;
  }

  get calls(): CallGateStatus | undefined {
    return this.#gate?.status;
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    return await this.#inner.connect(signal, next);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const result = await this.#inner.request(method, params, options);
    // What a sleeping process listed is known without asking it.
    if (this.#gate !== undefined && !this.asleep && LIST_BY_METHOD.has(method)) {
      this.#gate.reached();
    }
    return result;
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    this.#inFlight += 1;
    if (this.#gate !== undefined) return this.#gate.forward(request, sink, this);
    const call = new CountedCall(sink, this);
    call.send(request);
    return call;
  }

  send(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    return this.#inner.forward(request, sink);
  }

  ended(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    for (const resolve of this.#idle) resolve();
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#inner.setInterest(interest);
  }

  notify(text: string): void {
    this.#inner.notify?.(text);
  }

  async drain(maxMs: number): Promise<void> {
    if (this.#inFlight === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, maxMs);
    timer.unref();
    this.#idle.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#idle.delete(resolve);
  }

  passEnded(): void {
    this.#inner.passEnded?.();
  }

  async close(): Promise<void> {
    for (const resolve of this.#idle) resolve();
    this.#gate?.closing(this);
    await this.#inner.close();
  }
}

/**
 * Counts the calls of an upstream, and so knows when they have ended.
 * @param gate stands before it, and before the other connections of its connector. Default: all calls pass.
 */
export function createGuardedUpstream(
  inner: GuardableUpstream,
  gate?: CallGate,
): DrainableUpstream {
  return new GuardedUpstream(inner, gate);
}
