import { setTimeout as wait } from 'node:timers/promises';
import { RegistryMemoryCache } from '../memory-cache.ts';
import { openFileStore, type FileStoreOptions } from '../store/file-store.ts';
import type { RegistryStore } from '../store/store.ts';

/** What somebody wants to do with a registry: a reader never takes the lock. */
export type RegistryUse = 'read' | 'write';

/** A way to the registry, whether it is held in memory or read from its files each time. */
export interface RegistryHandle {
  /**
   * Runs `work` with the registry as it is now. The cache must not be kept beyond it.
   * @throws RegistryError when the registry cannot be opened, or not for writing; and what `work` throws.
   */
  use<T>(use: RegistryUse, work: (cache: RegistryMemoryCache) => T | Promise<T>): Promise<T>;
}

/** The way to a registry that is open already; the caller closes it. */
export function createCacheHandle(cache: RegistryMemoryCache): RegistryHandle {
  return { use: async (_use, work) => work(cache) };
}

/** How a direct handle opens the files. */
export interface DirectHandleOptions extends FileStoreOptions {
  readonly random: () => number;
  /** How long a write waits for another process to release the lock. Default: 5000 ms. */
  readonly lockWaitMs?: number;
}

const lockRetryMs = 25;

async function openFor(use: RegistryUse, options: DirectHandleOptions): Promise<RegistryStore> {
  if (use === 'read') return openFileStore({ ...options, readOnly: true });
  const deadline = performance.now() + (options.lockWaitMs ?? 5_000);
  for (;;) {
    const store = await openFileStore(options);
    const { access } = store;
    if (access.kind === 'writer') return store;
    await store.close();
    if (access.reason.code !== 'ELOCKED' || performance.now() >= deadline) throw access.reason;
    await wait(lockRetryMs);
  }
}

/**
 * The way to the files of a registry without keeping anything: each use reads them, a use for writing holds the lock
 * for as long as it lasts. For commands that end, and for `MCP_REGISTRY_MEMORY_CACHE=false`.
 */
export function createDirectHandle(options: DirectHandleOptions): RegistryHandle {
  let writes: Promise<unknown> = Promise.resolve();
  async function run<T>(
    use: RegistryUse,
    work: (cache: RegistryMemoryCache) => T | Promise<T>,
  ): Promise<T> {
    const store = await openFor(use, options);
    let cache: RegistryMemoryCache;
    try {
      const { random, onWarning } = options;
      const warn = onWarning === undefined ? {} : { onWarning };
      cache = await RegistryMemoryCache.open(store, { random, windowMs: 0, ...warn });
    } catch (error) {
      await store.close();
      throw error;
    }
    try {
      return await work(cache);
    } finally {
      await cache.close();
    }
  }
  return {
    use: async (use, work) => {
      if (use === 'read') return run(use, work);
      // Two writers of one process would wait for each other's lock.
      const result = writes.then(async () => run(use, work));
      writes = result.catch(() => undefined);
      return result;
    },
  };
}
