import { expect, test } from 'vitest';
import { join } from 'node:path';
import { storeConformance } from '../src/conformance.ts';
import { openFileStore } from '../src/store/file-store.ts';
import { createMemoryStore } from '../src/store/memory-store.ts';
import { CrashDisk } from './lib/crash-disk.ts';
import { diskPath, freeLock } from './lib/open-cache.ts';
import { tempFolder } from './lib/temp-folder.ts';

const files = storeConformance(async () => {
  const path = join(tempFolder(), 'servers.json');
  return { open: async () => openFileStore({ path }), dispose: async () => undefined };
});
test.for(files)('files: $name', async (one) => {
  await expect(one.run()).resolves.toBeUndefined();
});

const disk = storeConformance(async () => {
  const fileSystem = new CrashDisk();
  fileSystem.shortWrites = true;
  return {
    open: async () => openFileStore({ path: diskPath, fileSystem, takeLock: freeLock }),
    dispose: async () => undefined,
  };
});
test.for(disk)('disk in memory with short writes: $name', async (one) => {
  await expect(one.run()).resolves.toBeUndefined();
});

const memory = storeConformance(async () => {
  const store = createMemoryStore();
  return { open: async () => store, dispose: async () => undefined };
});
test.for(memory)('memory: $name', async (one) => {
  await expect(one.run()).resolves.toBeUndefined();
});

test('control: a store that forgets fails the suite', async () => {
  const forgetful = storeConformance(async () => ({
    open: async () => createMemoryStore(),
    dispose: async () => undefined,
  }));
  const outcomes = await Promise.allSettled(forgetful.map(async (one) => one.run()));
  expect(outcomes.filter((one) => one.status === 'rejected').length).toBeGreaterThan(5);
});
