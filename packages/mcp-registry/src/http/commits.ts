import type { RegistryMemoryCache } from '../memory-cache.ts';
import { keyOf, type RecordKey, type ServerRecord } from '../server-record.ts';

/** Most writes to remember as failed; the oldest is forgotten first. */
const maxUnsettled = 1_000;

/** Writes to the cache that know which of them did not reach the disk. */
export interface Commits {
  /** Decides and writes in one step; resolves when durable. Fails like `RegistryMemoryCache.update`. */
  commit(decide: () => readonly ServerRecord[]): Promise<void>;
  /**
   * Whether the last write of an entry failed on disk. Memory has it all the same, so its repetition must not be refused
   * as done already: it waits for the disk again.
   */
  isUnsettled(key: RecordKey): boolean;
}

/** Builds it over a cache. */
export function createCommits(cache: RegistryMemoryCache): Commits {
  const unsettled = new Set<RecordKey>();

  function remember(keys: readonly RecordKey[]): void {
    for (const key of keys) unsettled.add(key);
    for (const key of unsettled) if (unsettled.size > maxUnsettled) unsettled.delete(key);
  }

  return {
    commit: async (decide) => {
      let keys: RecordKey[] = [];
      try {
        await cache.update(() => {
          const records = decide();
          keys = records.map(keyOf);
          return records;
        });
        for (const key of keys) unsettled.delete(key);
      } catch (error) {
        remember(keys);
        throw error;
      }
    },
    isUnsettled: (key) => unsettled.has(key),
  };
}
