/** A value as it is kept between runs. Times are wall clock (epoch milliseconds), since they outlive the process. */
export interface StoredEntry<T> {
  readonly key: string;
  readonly value: T;
  readonly ttlMs: number;
  /** When it was received from the upstream. */
  readonly storedAtMs: number;
  /** A signed end, if it has one. */
  readonly notAfterMs: number | undefined;
}

/** Keeps values between runs. No freshness logic: that is the cache's. */
export interface CacheStore<T> {
  /** Everything that can still be read; damaged entries are left out, never an error. */
  loadAll(): Promise<readonly StoredEntry<T>[]>;
  /** Replaces the entry of that key, all or nothing. */
  save(entry: StoredEntry<T>): Promise<void>;
  /** Does nothing when there is none. */
  delete(key: string): Promise<void>;
}
