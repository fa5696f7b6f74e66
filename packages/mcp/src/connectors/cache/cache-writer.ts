import type { CacheStore, StoredEntry } from './cache-store.ts';

/** What is to happen to a key in the store. */
type Write<T> =
  | { readonly kind: 'save'; readonly entry: StoredEntry<T> }
  | { readonly kind: 'delete' };

/**
 * Puts saves and deletes in order: one write per key at a time, and of those waiting only the latest. A write that
 * fails is reported, never thrown: the cache works without its store.
 */
export class CacheWriter<T> {
  readonly #store: CacheStore<T>;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #waiting = new Map<string, Write<T>>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(store: CacheStore<T>, onError: (key: string, error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  save(entry: StoredEntry<T>): void {
    this.#enqueue(entry.key, { kind: 'save', entry });
  }

  delete(key: string): void {
    this.#enqueue(key, { kind: 'delete' });
  }

  /** Resolves when nothing is waiting or running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #enqueue(key: string, write: Write<T>): void {
    this.#waiting.set(key, write);
    if (!this.#running.has(key)) this.#running.set(key, this.#drain(key));
  }

  async #drain(key: string): Promise<void> {
    // Yields first, so that the caller has registered this run before it can end.
    await Promise.resolve();
    for (;;) {
      const write = this.#waiting.get(key);
      if (write === undefined) break;
      this.#waiting.delete(key);
      try {
        await (write.kind === 'save' ? this.#store.save(write.entry) : this.#store.delete(key));
      } catch (error) {
        this.#onError(key, error);
      }
    }
    this.#running.delete(key);
  }
}
