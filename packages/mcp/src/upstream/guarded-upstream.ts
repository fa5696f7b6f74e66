import type { RawMember } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { QuotaGate } from './quota.ts';
import { UpstreamError, type ConnectorPhase } from './upstream-error.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
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
}

/** What is wrapped. */
export type GuardableUpstream = Upstream & { passEnded?(): void; readonly asleep?: boolean };

/** Passes everything on, and says once that the call is over. */
class CountedSink implements ForwardSink {
  readonly #sink: ForwardSink;
  #over: (() => void) | undefined;

  constructor(sink: ForwardSink, over: () => void) {
    this.#sink = sink;
    this.#over = over;
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

  result(text: string, era: Era): void {
    this.ended();
    this.#sink.result(text, era);
  }

  error(text: string, era: Era): void {
    this.ended();
    this.#sink.error(text, era);
  }

  whole(body: Buffer): void {
    this.ended();
    this.#sink.whole(body);
  }

  open(): void {
    this.#sink.open();
  }

  chunk(bytes: Buffer): boolean {
    return this.#sink.chunk(bytes);
  }

  end(): void {
    this.ended();
    this.#sink.end();
  }

  fail(error: UpstreamError): void {
    this.ended();
    this.#sink.fail(error);
  }

  ended(): void {
    const over = this.#over;
    this.#over = undefined;
    over?.();
  }
}

const REFUSED: ForwardHandle = {
  cancel: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

class GuardedUpstream implements DrainableUpstream {
  readonly #inner: GuardableUpstream;
  readonly #quota: QuotaGate | undefined;
  readonly #idle = new Set<() => void>();
  #inFlight = 0;

  constructor(inner: GuardableUpstream, quota: QuotaGate | undefined) {
    this.#inner = inner;
    this.#quota = quota;
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

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    return await this.#inner.connect(signal, next);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    return await this.#inner.request(method, params, options);
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const refusal = this.#quota?.admit();
    if (refusal !== undefined) {
      const { message, retryAfterMs } = refusal;
      const details = { connectorId: this.connectorId, phase: 'ready', unsent: true } as const;
      const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
      sink.fail(new UpstreamError('QUOTA_EXCEEDED', message, { ...details, ...retry }));
      return REFUSED;
    }
    this.#inFlight += 1;
    const counted = new CountedSink(sink, () => this.#ended());
    const handle = this.#inner.forward(request, counted);
    return {
      cancel: (reason) => {
        counted.ended();
        handle.cancel(reason);
      },
      pause: () => handle.pause(),
      resume: () => handle.resume(),
    };
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
    await this.#inner.close();
  }

  #ended(): void {
    this.#quota?.release();
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    for (const resolve of this.#idle) resolve();
  }
}

/** Counts the calls of an upstream: holds them to its quotas, and knows when they have ended. */
export function createGuardedUpstream(
  inner: GuardableUpstream,
  quota?: QuotaGate,
): DrainableUpstream {
  return new GuardedUpstream(inner, quota);
}
