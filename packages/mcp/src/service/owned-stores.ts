import type { CacheStore, StoredEntry } from '../connectors/cache/cache-store.ts';
import type { MapStore } from '../connectors/map/map-store.ts';
import type { StateOwner } from './state-owner.ts';

type Write<T> = StoredEntry<T> | 'delete';

/**
 * A store that only the owner of the state folder writes. What another process would write is held back, the last of
 * each key, and written when it comes to own the folder.
 */
export function ownedCacheStore<T>(
  store: CacheStore<T>,
  owner: StateOwner,
  onError: (key: string, error: unknown) => void,
): CacheStore<T> {
  const waiting = new Map<string, Write<T>>();
  const writeAll = async (): Promise<void> => {
    for (const [key, write] of waiting) {
      waiting.delete(key);
      try {
        await (write === 'delete' ? store.delete(key) : store.save(write));
      } catch (error) {
        onError(key, error);
      }
    }
  };
  owner.onOwned(() => void writeAll());
  const write = async (key: string, what: Write<T>, now: () => Promise<void>): Promise<void> => {
    if (!owner.owns) {
      waiting.set(key, what);
      return;
    }
    // What was held back and is still to be written must not undo this.
    waiting.delete(key);
    await now();
  };
  return {
    loadAll: async () => await store.loadAll(),
    save: async (entry) => await write(entry.key, entry, async () => await store.save(entry)),
    delete: async (key) => await write(key, 'delete', async () => await store.delete(key)),
  };
}

/** As `ownedCacheStore`, for the one service map. */
export function ownedMapStore(
  store: MapStore,
  owner: StateOwner,
  onError: (error: unknown) => void,
): MapStore {
  let waiting: Parameters<MapStore['save']> | undefined;
  owner.onOwned(() => {
    if (waiting !== undefined) store.save(...waiting).catch(onError);
    waiting = undefined;
  });
  return {
    mapPath: store.mapPath,
    loadFloor: async () => await store.loadFloor(),
    save: async (...written) => {
      if (owner.owns) await store.save(...written);
      else waiting = written;
    },
  };
}
