import { DueHeap } from './refresh-scheduler-heap.ts';
import {
  changeDueAtMs,
  createScheduledItem,
  releaseWaiters,
  type ChangeLimits,
  type ScheduledItem,
} from './refresh-scheduler-item.ts';
import {
  aheadDelayMs,
  intervalDelayMs,
  retryDelayMs,
  thrownResult,
  type DueLimits,
  type RefreshResult,
} from './refresh-scheduler-due.ts';

export interface RefreshSchedulerOptions {
  /** The longest time between two refreshes of one connector. Default 300000 (S4-20). */
  readonly intervalMs?: number | undefined;
  /** How much of the interval jitter may take off, 0 to 1. Default 0.2 (S4-B1). */
  readonly jitterFactor?: number | undefined;
  /**
   * Refreshes one connector and says how it went; a rejection counts as failed. Must end: it brings its own
   * deadline. `signal` fires on `stop` and `remove`; `asked`: forced, or caused by a change, so that an earlier failure
   * is no reason to wait.
   */
  readonly onRefresh: (id: string, signal: AbortSignal, asked: boolean) => Promise<RefreshResult>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** No wait is shorter, except that of a first or forced refresh. Default 100 (S4-B1). */
  readonly minDelayMs?: number | undefined;
  /** A TTL never brings a connector forward to less than this. Default 5000. */
  readonly minRefreshMs?: number | undefined;
  /** How long after a first change notification the refresh runs, together with those that follow. Default 1000. */
  readonly debounceMs?: number | undefined;
  /** Refreshes of one connector that notifications can cause in a minute. Default 10. */
  readonly maxChangesPerMinute?: number | undefined;
  /** Told what a refresh threw. Default: ignored, it counts as a failure in any case. */
  readonly onError?: ((id: string, error: unknown) => void) | undefined;
}

/** How long after a refresh that may have come too early it is made once more, plus up to as much jitter. */
const CHECK_MS = 1_000;
/** The longest `setTimeout` can do. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Decides when each connector is refreshed: one timer for all, one refresh at a time for each (S4-07). Connectors in
 * demand are refreshed shortly before their TTL ends, all of them at least once in `intervalMs`, failing ones after
 * a backoff. Nothing runs before `start`, nothing after `stop`, and the timer keeps no process alive.
 */
export class RefreshScheduler {
  readonly #onRefresh: RefreshSchedulerOptions['onRefresh'];
  readonly #onError: (id: string, error: unknown) => void;
  readonly #limits: DueLimits;
  readonly #changeLimits: ChangeLimits;
  readonly #items = new Map<string, ScheduledItem>();
  readonly #due = new DueHeap<ScheduledItem>();
  /** By id; the entry outlives a removed connector until its refresh has ended. */
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  #started = false;

  /** @throws RangeError for an interval that is not a positive number or a jitter outside 0 to 1. */
  constructor(options: RefreshSchedulerOptions) {
    const { intervalMs = 300_000, jitterFactor = 0.2 } = options;
    if (!Number.isFinite(intervalMs) || intervalMs <= 0) {
      throw new RangeError(`Expected 'intervalMs' to be positive: current value is ${intervalMs}`);
    }
    if (!(jitterFactor >= 0 && jitterFactor <= 1)) {
      throw new RangeError(`Expected 'jitterFactor' in 0 to 1: current value is ${jitterFactor}`);
    }
    this.#onRefresh = options.onRefresh;
    this.#onError = options.onError ?? ((): void => undefined);
    const { minDelayMs = 100, minRefreshMs = 5_000, random } = options;
    this.#limits = { intervalMs, jitterFactor, minDelayMs, minRefreshMs, random };
    this.#changeLimits = {
      debounceMs: Math.max(1_000, options.debounceMs ?? 1_000),
      maxChangesPerMinute: Math.max(1, options.maxChangesPerMinute ?? 10),
    };
  }

  /** Between `start` and `stop`. */
  get running(): boolean {
    return this.#started;
  }

  /** Arms the timer. Does nothing when started already; may follow a `stop`. */
  start(): void {
    this.#started = true;
    this.#arm();
  }

  /** Ends everything: no refresh begins any more, those running are signalled and waited for. Idempotent. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#arm();
    for (const item of this.#items.values()) {
      item.abort?.abort();
      releaseWaiters(item);
    }
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /**
   * Takes a connector on; does nothing when it is known.
   * @param known its TTL when it has just been fetched; without it, it is due at once.
   */
  add(id: string, known?: { readonly ttlMs: number | undefined }): void {
    if (this.#items.has(id)) return;
    const item = createScheduledItem(id);
    this.#items.set(id, item);
    if (known === undefined) this.#place(item, performance.now());
    else this.#succeeded(item, known.ttlMs);
  }

  /** Lets a connector go; a refresh under way is signalled. */
  remove(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    this.#items.delete(id);
    this.#due.remove(item);
    item.abort?.abort();
    releaseWaiters(item);
    this.#arm();
  }

  /** A client asked for what this connector offers. Without demand in the last two TTLs only the interval counts. */
  noteDemand(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    const now = performance.now();
    item.demandedAtMs = now;
    const atMs = Math.max(item.aheadAtMs, now + this.#limits.minDelayMs);
    if (item.abort === undefined && item.failures === 0 && atMs < item.dueAtMs)
      this.#place(item, atMs);
  }

  /** The server said that a list changed: due in `debounceMs`, later when it says so too often. */
  notifyChanged(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined || item.changePending) return;
    item.changePending = true;
    if (item.abort === undefined) this.#placeChange(item);
  }

  /** What was just fetched may have been had too early: due in 1 to 2 s, unless it then fails. */
  checkSoon(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    item.checkAtMs = performance.now() + CHECK_MS * (1 + this.#limits.random());
    if (item.abort === undefined && item.checkAtMs < item.dueAtMs)
      this.#place(item, item.checkAtMs);
  }

  /**
   * Makes one connector, or all, due at once. One that is being refreshed is refreshed again after that, since its
   * answer may be from before. Moves the timer, never adds one. Does nothing while stopped.
   * @returns a promise that resolves when those refreshes have ended, however they went.
   */
  async forceRefresh(id?: string): Promise<void> {
    const one = id === undefined ? undefined : this.#items.get(id);
    const items = id === undefined ? [...this.#items.values()] : one === undefined ? [] : [one];
    if (!this.#started) return;
    await Promise.all(items.map(async (item) => await this.#force(item)));
  }

  /** A connector was refreshed without us: goes by that. Does nothing while a refresh of ours is under way. */
  note(id: string, result: RefreshResult): void {
    const item = this.#items.get(id);
    if (item !== undefined && item.abort === undefined) this.#ended(item, result);
  }

  /** Milliseconds until the next refresh of a connector; 0 while one runs, undefined when it is unknown. */
  dueInMs(id: string): number | undefined {
    const item = this.#items.get(id);
    if (item === undefined) return undefined;
    return item.abort === undefined ? Math.max(0, item.dueAtMs - performance.now()) : 0;
  }

  async #force(item: ScheduledItem): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    item.waiters.push(resolve);
    if (item.abort === undefined) this.#place(item, performance.now());
    await promise;
  }

  #place(item: ScheduledItem, atMs: number): void {
    this.#due.place(item, atMs);
    this.#arm();
  }

  #placeChange(item: ScheduledItem): void {
    const atMs = changeDueAtMs(item, performance.now(), this.#changeLimits);
    if (atMs < item.dueAtMs || item.heapIndex < 0) this.#place(item, atMs);
  }

  /** Sets the one timer to what is due first. */
  #arm(): void {
    const atMs = this.#started ? (this.#due.peek()?.dueAtMs ?? Infinity) : Infinity;
    if (atMs === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = atMs;
    if (atMs === Infinity) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(atMs - performance.now())), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#tick(), delayMs);
    this.#timer.unref();
  }

  #tick(): void {
    this.#timerAtMs = Infinity;
    const now = performance.now();
    for (;;) {
      const item = this.#due.peek();
      if (item === undefined || item.dueAtMs > now) break;
      this.#due.remove(item);
      this.#begin(item);
    }
    this.#arm();
  }

  #begin(item: ScheduledItem): void {
    const { id, waiters } = item;
    const asked = item.changePending || waiters.length > 0;
    if (item.changePending) item.changes.push(performance.now());
    item.changePending = false;
    if (performance.now() >= item.checkAtMs) item.checkAtMs = Infinity;
    item.waiters = [];
    item.abort = new AbortController();
    const { signal } = item.abort;
    const run = this.#refresh(item, async () => await this.#onRefresh(id, signal, asked), signal);
    const done = run.finally(() => {
      if (this.#running.get(id) === done) this.#running.delete(id);
      for (const resolve of waiters) resolve();
    });
    this.#running.set(id, done);
  }

  /** Never rejects. */
  async #refresh(
    item: ScheduledItem,
    refresh: () => Promise<RefreshResult>,
    signal: AbortSignal,
  ): Promise<void> {
    let result: RefreshResult;
    try {
      // Of a connector removed and added again, the earlier refresh may still be ending.
      await this.#running.get(item.id);
      result = await refresh();
    } catch (error) {
      this.#report(item.id, error);
      result = thrownResult(error);
    }
    item.abort = undefined;
    if (this.#items.get(item.id) !== item) return;
    // Ended by `stop`, which says nothing about the connector: it is due when there is a `start` again.
    if (signal.aborted) this.#place(item, performance.now());
    else this.#ended(item, result);
  }

  #ended(item: ScheduledItem, result: RefreshResult): void {
    if (result.kind === 'ok') this.#succeeded(item, result.ttlMs);
    else this.#failed(item, result);
    if (item.changePending) this.#placeChange(item);
    if (item.waiters.length > 0) this.#place(item, performance.now());
  }

  #report(id: string, error: unknown): void {
    try {
      this.#onError(id, error);
    } catch {
      // A reporter that throws must not end the schedule.
    }
  }

  #succeeded(item: ScheduledItem, ttlMs: number | undefined): void {
    const now = performance.now();
    item.failures = 0;
    item.notBeforeMs = -Infinity;
    item.ttlMs = ttlMs;
    item.aheadAtMs = now + aheadDelayMs(ttlMs, this.#limits);
    const demanded = now - item.demandedAtMs < 2 * (ttlMs ?? 0);
    const atMs = now + intervalDelayMs(this.#limits);
    const dueAtMs = demanded ? Math.min(atMs, item.aheadAtMs) : atMs;
    this.#place(item, Math.min(dueAtMs, item.checkAtMs));
  }

  #failed(item: ScheduledItem, result: Extract<RefreshResult, { kind: 'failed' }>): void {
    item.failures += 1;
    item.checkAtMs = Infinity;
    const delayMs = retryDelayMs(item.failures, item.ttlMs, result, this.#limits);
    const atMs = performance.now() + delayMs;
    item.notBeforeMs = result.retryAfterMs === undefined ? -Infinity : atMs;
    this.#place(item, atMs);
  }
}
