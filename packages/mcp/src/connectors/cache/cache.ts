import { CacheError, classifyCacheFailure, type CacheFailure } from './cache-failure.ts';
import {
  CacheSlot,
  type CacheFetch,
  type CacheReading,
  type CacheSlotOptions,
  type FetchedValue,
  type HeldValue,
  type RefreshOutcome,
} from './cache-slot.ts';
import type { CacheStore } from './cache-store.ts';
import { waitForShared, type WaitOptions } from './cache-wait.ts';
import { CacheWriter } from './cache-writer.ts';
import { DEFAULT_MAX_STALE_MS } from './freshness.ts';

export interface ManifestCacheOptions<T> {
  readonly fetch: CacheFetch<T>;
  /** Uniform in [0, 1); spreads retries. */
  readonly random: () => number;
  /** Stale-if-error: how long past its TTL a value may be served. Default 24 h. */
  readonly maxStaleMs?: number | undefined;
  /** The least time between two fetches that reads may start, whatever the TTL. Default 5000. */
  readonly minRefreshMs?: number | undefined;
  /** A fetch that takes longer has failed. Default 30000. */
  readonly fetchTimeoutMs?: number | undefined;
  /** Beyond it the key added first is dropped. Default 10000. */
  readonly maxEntries?: number | undefined;
  /** Whether two values are the same to clients. Default: never. */
  readonly equals?: ((a: T, b: T) => boolean) | undefined;
  /** What is held when two are. Default: the one that was. */
  readonly renewed?: ((held: T, fetched: T) => T) | undefined;
  /** Default `classifyCacheFailure`. */
  readonly classify?: ((error: unknown) => CacheFailure) | undefined;
  /** Keeps values over a restart. Default: nothing is kept. */
  readonly store?: CacheStore<T> | undefined;
  /** A store that fails does not disturb the cache; it is told here. Default: ignored. */
  readonly onStoreError?: ((key: string, error: unknown) => void) | undefined;
}

/** An unchanged value is written again after this long, so that its age on disk stays near the truth. */
const RESAVE_MS = 3_600_000;

/**
 * Keeps the last good value of each key: fresh, then stale, then expired (S4-08, RFC 5861). One fetch per key at a
 * time, shared by all who wait; reading never waits while there is anything to serve; what cannot be fetched or
 * parsed never replaces what was good. All times run on the monotonic clock. Starts nothing by itself.
 */
export class ManifestCache<T> {
  readonly #slots = new Map<string, CacheSlot<T>>();
  readonly #slotOptions: CacheSlotOptions<T>;
  readonly #store: CacheStore<T> | undefined;
  readonly #writer: CacheWriter<T> | undefined;
  readonly #maxEntries: number;
  #closed = false;

  constructor(options: ManifestCacheOptions<T>) {
    this.#slotOptions = {
      fetch: options.fetch,
      random: options.random,
      maxStaleMs: options.maxStaleMs ?? DEFAULT_MAX_STALE_MS,
      minRefreshMs: options.minRefreshMs ?? 5_000,
      fetchTimeoutMs: options.fetchTimeoutMs ?? 30_000,
      equals: options.equals ?? ((): boolean => false),
      renewed: options.renewed ?? ((held): T => held),
      classify: options.classify ?? classifyCacheFailure,
      onGood: (slot, held) => this.#save(slot, held),
    };
    this.#maxEntries = options.maxEntries ?? 10_000;
    this.#store = options.store;
    if (options.store === undefined) return;
    this.#writer = new CacheWriter(options.store, (key, error) => {
      const slot = this.#slots.get(key);
      // The next good fetch writes again, even when it brings the same value.
      if (slot !== undefined) slot.savedAtMs = -Infinity;
      options.onStoreError?.(key, error);
    });
  }

  /** Where the key stands. Starts nothing. */
  get(key: string): CacheReading<T> {
    return this.#slots.get(key)?.reading() ?? { kind: 'missing', problem: undefined };
  }

  /** Like `get`, and starts a fetch in the background when the value is not fresh and no wait is in force. */
  read(key: string): CacheReading<T> {
    const reading = this.get(key);
    if (reading.kind === 'fresh' || this.#closed) return reading;
    const slot = this.#slotOf(key);
    if (slot.mayRevalidate) void slot.fetch();
    return reading;
  }

  /**
   * Like `read`; waits, at most `timeoutMs` (default 3000), only when there is nothing to serve.
   * @throws the reason of `signal` when the caller gives up; the fetch goes on for the others.
   */
  async load(key: string, options: WaitOptions = {}): Promise<CacheReading<T>> {
    options.signal?.throwIfAborted();
    const reading = this.read(key);
    const pending = this.#slots.get(key)?.pending;
    const usable = reading.kind === 'fresh' || reading.kind === 'stale';
    if (usable || pending === undefined) return reading;
    const { signal, timeoutMs = 3_000 } = options;
    await waitForShared(pending, { signal, timeoutMs });
    return this.get(key);
  }

  /**
   * Fetches, or joins the fetch under way. One that began before the last `invalidate` is waited for and followed by
   * another. Never rejects for what the fetch does.
   * @param options `force`: do not mind an earlier failure. `signal` ends the waiting only.
   * @throws the reason of `signal`.
   */
  async refresh(
    key: string,
    options: { readonly force?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<RefreshOutcome<T>> {
    const wait = { signal: options.signal };
    options.signal?.throwIfAborted();
    if (this.#slots.get(key)?.pendingIsOutdated === true) {
      await waitForShared(this.#slotOf(key).fetch(), wait);
    }
    if (this.#closed) {
      return { kind: 'failed', failure: 'transient', error: closedError(), retryInMs: Infinity };
    }
    const slot = this.#slotOf(key);
    const { retryInMs } = slot;
    if (slot.pending === undefined && retryInMs > 0 && options.force !== true) {
      return { kind: 'held', retryInMs };
    }
    const outcome = slot.fetch();
    await waitForShared(outcome, wait);
    return await outcome;
  }

  /**
   * Puts a value in, as if it had just been fetched.
   * @throws CacheError `CACHE_OVER` when its signed end has passed.
   */
  set(key: string, fetched: FetchedValue<T>): void {
    if (!this.#closed) this.#slotOf(key).accept(fetched);
  }

  /** The value is out of date (`list_changed`): it is served as stale until the next good fetch. Lifts any wait. */
  invalidate(key: string): void {
    this.#slots.get(key)?.invalidate();
  }

  /** Another fetches the key from now on: what is held stays, as stale; the fetch under way is not heeded any more. */
  restart(key: string): void {
    this.#slots.get(key)?.restart(new CacheError('CACHE_DROPPED', `'${key}' was replaced`));
  }

  /** Forgets a key, here and in the store, and ends its fetch. */
  delete(key: string): void {
    void this.#slots.get(key)?.drop(new CacheError('CACHE_DROPPED', `'${key}' was removed`));
    this.#slots.delete(key);
    if (!this.#closed) this.#writer?.delete(key);
  }

  keys(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** Takes over what the store holds, as stale whatever its TTL; keys that have a value already are left alone. */
  async restore(): Promise<void> {
    for (const entry of (await this.#store?.loadAll()) ?? []) {
      const { key, value, ttlMs, notAfterMs } = entry;
      if (this.#closed || this.#slots.get(key)?.holdsValue === true) continue;
      const ageMs = Math.max(0, Date.now() - entry.storedAtMs);
      const usable = this.#slotOf(key).restore({ value, pageTtlMs: [ttlMs], notAfterMs }, ageMs);
      if (!usable) this.#writer?.delete(key);
    }
  }

  /** Ends all fetches and waits for the store. Values can still be read. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const reason = closedError();
    await Promise.all([...this.#slots.values()].map(async (slot) => await slot.drop(reason)));
    await this.#writer?.idle();
  }

  #slotOf(key: string): CacheSlot<T> {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = new CacheSlot(key, this.#slotOptions);
    this.#slots.set(key, slot);
    const first = this.#slots.keys().next().value;
    if (this.#slots.size > this.#maxEntries && first !== undefined) this.delete(first);
    return slot;
  }

  #save(slot: CacheSlot<T>, held: HeldValue<T>): void {
    const now = performance.now();
    if (this.#writer === undefined || now - slot.savedAtMs < RESAVE_MS) return;
    slot.savedAtMs = now;
    const toEpochMs = Date.now() - now;
    this.#writer.save({
      key: slot.key,
      value: held.value,
      ttlMs: held.ttlMs,
      storedAtMs: held.receivedAtMs + toEpochMs,
      notAfterMs: held.notAfterMs === undefined ? undefined : held.notAfterMs + toEpochMs,
    });
  }
}

function closedError(): CacheError {
  return new CacheError('CACHE_CLOSED', 'The cache is closed');
}
