import { onTestFinished } from 'vitest';
import { RegistryMemoryCache, type RegistryCacheOptions } from '../../src/memory-cache.ts';
import { openFileStore, type FileStoreOptions } from '../../src/store/file-store.ts';
import type { RegistryWarning } from '../../src/store/store.ts';
import type { CrashDisk } from './crash-disk.ts';

/** A lock for disks in memory. */
export const freeLock: NonNullable<FileStoreOptions['takeLock']> = async () => ({
  by: 'flock',
  release: async () => undefined,
});

export interface OpenedCache {
  readonly cache: RegistryMemoryCache;
  readonly warnings: RegistryWarning[];
}

/** Opens a cache over files; it is closed when the test ends, whatever state it is in. */
export async function openCache(
  options: FileStoreOptions,
  cacheOptions: Partial<RegistryCacheOptions> = {},
): Promise<OpenedCache> {
  const warnings: RegistryWarning[] = [];
  const onWarning = (warning: RegistryWarning) => warnings.push(warning);
  const store = await openFileStore({ onWarning, ...options });
  let cache: RegistryMemoryCache;
  try {
    cache = await RegistryMemoryCache.open(store, {
      random: () => 0.5,
      windowMs: 0,
      onWarning,
      ...cacheOptions,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  onTestFinished(async () => {
    await cache.close().catch(() => undefined);
  });
  return { cache, warnings };
}

/** Path of the registry on a disk in memory. */
export const diskPath = '/state/servers.json';

/** Opens a cache over a disk in memory. */
export async function openOnDisk(
  disk: CrashDisk,
  cacheOptions: Partial<RegistryCacheOptions> = {},
): Promise<OpenedCache> {
  return openCache({ path: diskPath, fileSystem: disk, takeLock: freeLock }, cacheOptions);
}
