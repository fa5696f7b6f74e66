import { advance } from './fake-time.ts';
import type { FetchedValue } from '../../src/connectors/cache/cache-slot.ts';
import type { CacheStore, StoredEntry } from '../../src/connectors/cache/cache-store.ts';
import { ManifestCache, type ManifestCacheOptions } from '../../src/connectors/cache/cache.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';

export const HOUR = 3_600_000;

/** An upstream whose answers the test gives one by one. */
export function scripted(ttlMs: number = 60_000) {
  const calls: {
    key: string;
    signal: AbortSignal;
    answer: (value: string, more?: Partial<FetchedValue<string>>) => Promise<void>;
    fail: (error: unknown) => Promise<void>;
  }[] = [];
  const fetch = async (key: string, signal: AbortSignal): Promise<FetchedValue<string>> => {
    const { promise, resolve, reject } = Promise.withResolvers<FetchedValue<string>>();
    calls.push({
      key,
      signal,
      answer: async (value, more = {}) => {
        resolve({ value, pageTtlMs: [ttlMs], ...more });
        await advance(0);
      },
      fail: async (error) => {
        reject(error);
        await advance(0);
      },
    });
    return await promise;
  };
  return { fetch, calls };
}

export function cacheOf(
  options: Partial<ManifestCacheOptions<string>> & Pick<ManifestCacheOptions<string>, 'fetch'>,
): ManifestCache<string> {
  return new ManifestCache<string>({ random: () => 0.5, ...options });
}

/** Lets fetches that were just asked for begin. */
export const turn = async (): Promise<unknown> => await advance(0);

export function memoryStore(entries: readonly StoredEntry<string>[] = []) {
  const saved = new Map(entries.map((entry) => [entry.key, entry]));
  let writes = 0;
  const store: CacheStore<string> = {
    loadAll: async () => await Promise.resolve([...saved.values()]),
    save: async (entry) => {
      await Promise.resolve();
      writes += 1;
      saved.set(entry.key, entry);
    },
    delete: async (key) => {
      await Promise.resolve();
      saved.delete(key);
    },
  };
  return { store, saved, writes: () => writes };
}

export const upstreamError = (
  code: UpstreamError['code'],
  details: Partial<ConstructorParameters<typeof UpstreamError>[2]> = {},
): UpstreamError => new UpstreamError(code, 'x', { connectorId: 'a', phase: 'list', ...details });
