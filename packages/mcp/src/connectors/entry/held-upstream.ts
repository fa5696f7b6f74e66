import type { RawMember } from '../../protocol/message.ts';
import type { ConnectorPhase } from '../../upstream/upstream-error.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  Upstream,
  UpstreamInfo,
} from '../../upstream/upstream.ts';
import type { SyncedUpstream } from './synced-upstream.ts';

/** The first wait before a lost connection that somebody listens on is made again; it doubles. In milliseconds. */
const RECONNECT_MS = 500;
const MAX_RECONNECT_MS = 60_000;

/** One client's connection, with what tells whether it is in use. */
export class HeldUpstream implements Upstream {
  readonly #upstream: SyncedUpstream;
  /** Whether it is one client's alone. */
  readonly #isSole: boolean;
  readonly #random: () => number;
  readonly #closing = new AbortController();
  #usedAtMs = performance.now();
  /** Somebody wants to be told of something: nothing else would bring a lost connection back. */
  #isFollowed = false;
  #reconnecting: NodeJS.Timeout | undefined;

  constructor(upstream: SyncedUpstream, isSole: boolean, random: () => number) {
    this.#upstream = upstream;
    this.#isSole = isSole;
    this.#random = random;
  }

  get connectorId(): string {
    return this.#upstream.connectorId;
  }

  get info(): UpstreamInfo | undefined {
    return this.#upstream.info;
  }

  get phase(): ConnectorPhase {
    return this.#upstream.phase;
  }

  get inFlight(): number {
    return this.#upstream.inFlight ?? 0;
  }

  /** Whether closing it would take something from its client. */
  get isBusy(): boolean {
    return this.inFlight > 0 || this.#isFollowed;
  }

  /** How long it was not used. */
  get idleMs(): number {
    return performance.now() - this.#usedAtMs;
  }

  touch(): void {
    this.#usedAtMs = performance.now();
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    return await this.#upstream.connect(signal, next);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    return await this.#upstream.request(method, params, options);
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    this.touch();
    return this.#upstream.forward(request, sink);
  }

  async setInterest(interest: Interest): Promise<void> {
    const before = this.#isFollowed;
    this.touch();
    // The log level of several clients comes back with their next request.
    const hasLevel = this.#isSole && interest.logLevel !== undefined;
    this.#isFollowed = interest.resources.size > 0 || hasLevel;
    try {
      await this.#upstream.setInterest(interest);
    } catch (error) {
      this.#isFollowed = before;
      throw error;
    }
  }

  notify(text: string): void {
    this.#upstream.notify?.(text);
  }

  async drain(maxMs: number): Promise<void> {
    await this.#upstream.drain?.(maxMs);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#reconnecting);
    await this.#upstream.close();
  }

  /** The connection is gone; it is made again when somebody listens, else by the next call. */
  lost(): void {
    this.#reconnectAfter(RECONNECT_MS);
  }

  #reconnectAfter(waitMs: number): void {
    clearTimeout(this.#reconnecting);
    if (!this.#isFollowed || this.#closing.signal.aborted) return;
    this.#reconnecting = setTimeout(
      () => void this.#reconnect(waitMs),
      waitMs * (1 + this.#random()),
    );
    this.#reconnecting.unref();
  }

  async #reconnect(waitedMs: number): Promise<void> {
    try {
      await this.#upstream.connect(this.#closing.signal);
    } catch {
      // Why is told to the next call; the updates are waited for all the same.
      this.#reconnectAfter(Math.min(MAX_RECONNECT_MS, 2 * waitedMs));
    }
  }
}
