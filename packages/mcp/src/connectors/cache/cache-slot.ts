import { CacheError, holdMs, type CacheFailure, type CacheFailureKind } from './cache-failure.ts';
import { effectiveTtlMs, freshnessAt } from './freshness.ts';

/** What a fetch brings back. */
export interface FetchedValue<T> {
  readonly value: T;
  /** The `ttlMs` of each page as the server gave it; the least counts. For legacy servers, which give none, the caller puts the contract's 300 s. */
  readonly pageTtlMs: readonly (number | undefined)[];
  /** A signed end, wall clock (epoch milliseconds). */
  readonly notAfterMs?: number | undefined;
}

/** Asks the upstream. Throws when there is no good answer: a value that is returned replaces the one held. */
export type CacheFetch<T> = (key: string, signal: AbortSignal) => Promise<FetchedValue<T>>;

/** Why the last fetch failed. */
export interface CacheProblem {
  readonly kind: CacheFailureKind;
  readonly error: unknown;
  /** Failures in a row. */
  readonly failures: number;
}

/** `expired`: there was a value, but it is too old to be served. `problem` is what keeps it from being renewed. */
export type CacheReading<T> =
  | {
      readonly kind: 'fresh';
      readonly value: T;
      readonly ageMs: number;
      readonly remainingMs: number;
      readonly problem: CacheProblem | undefined;
    }
  | {
      readonly kind: 'stale';
      readonly value: T;
      readonly ageMs: number;
      /** `revalidate` until one TTL past expiry, then `error` until `maxStaleMs`. */
      readonly window: 'revalidate' | 'error';
      readonly problem: CacheProblem | undefined;
    }
  | { readonly kind: 'expired' | 'missing'; readonly problem: CacheProblem | undefined };

/** `held`: not attempted, because of an earlier failure; ask again in `retryInMs`. */
export type RefreshOutcome<T> =
  | { readonly kind: 'updated'; readonly value: T; readonly previous: T | undefined }
  | { readonly kind: 'unchanged'; readonly value: T }
  | {
      readonly kind: 'failed';
      readonly failure: CacheFailureKind;
      readonly error: unknown;
      readonly retryInMs: number;
    }
  | { readonly kind: 'held'; readonly retryInMs: number };

/** A good value and when it came. Instants are monotonic. */
export interface HeldValue<T> {
  readonly value: T;
  readonly receivedAtMs: number;
  readonly ttlMs: number;
  readonly notAfterMs: number | undefined;
  /** Out of date before its time. */
  readonly invalidated: boolean;
}

export interface CacheSlotOptions<T> {
  readonly fetch: CacheFetch<T>;
  readonly random: () => number;
  readonly maxStaleMs: number;
  readonly minRefreshMs: number;
  readonly fetchTimeoutMs: number;
  readonly equals: (a: T, b: T) => boolean;
  readonly renewed: (held: T, fetched: T) => T;
  readonly classify: (error: unknown) => CacheFailure;
  /** A good value came in. */
  readonly onGood: (slot: CacheSlot<T>, held: HeldValue<T>) => void;
}

interface Flight<T> {
  readonly outcome: Promise<RefreshOutcome<T>>;
  readonly abort: AbortController;
  /** That of the slot when the fetch began. */
  readonly generation: number;
}

/** Wall clock to monotonic; the other way round is the store's business. */
function monotonicMs(epochMs: number): number {
  return performance.now() + (epochMs - Date.now());
}

/** One key of the cache: its last good value, the fetch under way, and how the last one failed. */
export class CacheSlot<T> {
  readonly key: string;
  /** When the store was last given the value; monotonic. */
  savedAtMs: number = -Infinity;
  readonly #options: CacheSlotOptions<T>;
  #held: HeldValue<T> | undefined;
  #flight: Flight<T> | undefined;
  #problem: CacheProblem | undefined;
  /** Grows with every invalidation: an answer asked for before it is not the news. */
  #generation = 0;
  #retryAtMs = -Infinity;
  #startedAtMs = -Infinity;
  #dropped: CacheError | undefined;

  constructor(key: string, options: CacheSlotOptions<T>) {
    this.key = key;
    this.#options = options;
  }

  get holdsValue(): boolean {
    return this.#held !== undefined;
  }

  /** The outcome of the fetch under way. */
  get pending(): Promise<RefreshOutcome<T>> | undefined {
    return this.#flight?.outcome;
  }

  /** True when the fetch under way was asked for before the last invalidation. */
  get pendingIsOutdated(): boolean {
    return this.#flight !== undefined && this.#flight.generation !== this.#generation;
  }

  /** How long an earlier failure still forbids a fetch; 0 or less: it does not. */
  get retryInMs(): number {
    return this.#retryAtMs - performance.now();
  }

  /** Whether a read may start a fetch now. */
  get mayRevalidate(): boolean {
    const sinceStartMs = performance.now() - this.#startedAtMs;
    const idle = this.#flight === undefined && this.#dropped === undefined;
    return idle && this.retryInMs <= 0 && sinceStartMs >= this.#options.minRefreshMs;
  }

  reading(): CacheReading<T> {
    const problem = this.#problem;
    if (this.#held === undefined) return { kind: 'missing', problem };
    const { value, receivedAtMs } = this.#held;
    const now = performance.now();
    const ageMs = now - receivedAtMs;
    const freshness = freshnessAt(now, { ...this.#held, maxStaleMs: this.#options.maxStaleMs });
    if (freshness.kind === 'expired') return { kind: 'expired', problem };
    if (freshness.kind === 'stale') {
      return { kind: 'stale', value, ageMs, window: freshness.window, problem };
    }
    return { kind: 'fresh', value, ageMs, remainingMs: freshness.remainingMs, problem };
  }

  /** Starts a fetch, or joins the one under way. The promise never rejects. */
  async fetch(): Promise<RefreshOutcome<T>> {
    this.#flight ??= this.#start();
    return await this.#flight.outcome;
  }

  /** @throws CacheError `CACHE_OVER` when the value's signed end has passed: it must not replace a good one. */
  accept(fetched: FetchedValue<T>, invalidated: boolean = false): RefreshOutcome<T> {
    const notAfterMs =
      fetched.notAfterMs === undefined ? undefined : monotonicMs(fetched.notAfterMs);
    const now = performance.now();
    if (notAfterMs !== undefined && notAfterMs <= now) {
      throw new CacheError('CACHE_OVER', `The value of '${this.key}' is past its signed end`);
    }
    const previous = this.#held?.value;
    const unchanged = previous !== undefined && this.#options.equals(previous, fetched.value);
    const value = unchanged ? this.#options.renewed(previous, fetched.value) : fetched.value;
    const ttlMs = effectiveTtlMs(fetched.pageTtlMs);
    const held: HeldValue<T> = { value, receivedAtMs: now, ttlMs, notAfterMs, invalidated };
    this.#held = held;
    this.#problem = undefined;
    this.#retryAtMs = -Infinity;
    if (value !== previous) this.savedAtMs = -Infinity;
    this.#options.onGood(this, held);
    return unchanged ? { kind: 'unchanged', value } : { kind: 'updated', value, previous };
  }

  /** Takes over a value of an earlier run, as stale. @returns false when it is too old for that. */
  restore(fetched: FetchedValue<T>, ageMs: number): boolean {
    const receivedAtMs = performance.now() - ageMs;
    const held: HeldValue<T> = {
      value: fetched.value,
      receivedAtMs,
      ttlMs: effectiveTtlMs(fetched.pageTtlMs),
      notAfterMs: fetched.notAfterMs === undefined ? undefined : monotonicMs(fetched.notAfterMs),
      invalidated: true,
    };
    const window = { ...held, maxStaleMs: this.#options.maxStaleMs };
    if (freshnessAt(performance.now(), window).kind === 'expired') return false;
    this.#held = held;
    this.savedAtMs = receivedAtMs;
    return true;
  }

  /** What is held, and what is being fetched, is out of date. Lifts the wait after a failure. */
  invalidate(): void {
    this.#generation += 1;
    this.#retryAtMs = -Infinity;
    this.#outdate();
  }

  /** The same value is to be had by another fetch: what is held stays, as stale, and the fetch under way ends unheeded. */
  restart(reason: CacheError): void {
    this.invalidate();
    const flight = this.#flight;
    if (flight === undefined) return;
    this.#flight = undefined;
    flight.abort.abort(reason);
  }

  /** Ends the fetch under way; from now on its answers are ignored. Settles when it has ended. */
  async drop(reason: CacheError): Promise<void> {
    this.#dropped = reason;
    this.#flight?.abort.abort(reason);
    await this.#flight?.outcome;
  }

  #outdate(): void {
    if (this.#held !== undefined) this.#held = { ...this.#held, invalidated: true };
  }

  #start(): Flight<T> {
    this.#startedAtMs = performance.now();
    const abort = new AbortController();
    const generation = this.#generation;
    return { abort, generation, outcome: this.#run(abort, generation) };
  }

  async #run(abort: AbortController, generation: number): Promise<RefreshOutcome<T>> {
    const { fetchTimeoutMs } = this.#options;
    const timer = setTimeout(() => {
      const message = `No answer within ${fetchTimeoutMs} ms`;
      abort.abort(new CacheError('CACHE_FETCH_TIMEOUT', message));
    }, fetchTimeoutMs);
    timer.unref();
    try {
      // Yields first, so that `#flight` is set before this can end; a fetch may also throw before its first await.
      await Promise.resolve();
      const fetched = await this.#fetchOrAbort(abort.signal);
      // An answer and the end may fall together; a removed key must not come back.
      if (this.#dropped !== undefined) throw this.#dropped;
      if (this.#flight?.abort !== abort) throw abort.signal.reason;
      return this.accept(fetched, generation !== this.#generation);
    } catch (error) {
      if (this.#flight?.abort !== abort && this.#dropped === undefined) {
        return { kind: 'failed', failure: 'transient', error, retryInMs: 0 }; // another fetch has taken its place
      }
      return this.#fail(error);
    } finally {
      clearTimeout(timer);
      if (this.#flight?.abort === abort) this.#flight = undefined;
    }
  }

  /** Ends with the signal even when the fetch does not listen to it. */
  async #fetchOrAbort(signal: AbortSignal): Promise<FetchedValue<T>> {
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([promise, this.#options.fetch(this.key, signal)]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #fail(thrown: unknown): RefreshOutcome<T> {
    if (this.#dropped !== undefined) {
      return { kind: 'failed', failure: 'transient', error: this.#dropped, retryInMs: Infinity };
    }
    const { classify, minRefreshMs, random } = this.#options;
    const failure = classify(thrown);
    const failures = (this.#problem?.failures ?? 0) + 1;
    this.#problem = { kind: failure.kind, error: thrown, failures };
    const ttlMs = this.#held?.ttlMs ?? 0;
    const retryInMs = holdMs({ failure, failures, ttlMs, minRefreshMs, random });
    this.#retryAtMs = performance.now() + retryInMs;
    // What the server now sends cannot be read, so what it sent before is no longer what it offers (S4-30).
    if (failure.kind === 'malformed') this.#outdate();
    return { kind: 'failed', failure: failure.kind, error: thrown, retryInMs };
  }
}
