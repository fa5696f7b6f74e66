import { join } from 'node:path';
import process from 'node:process';
import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { importFromRegistry } from '../../src/sources/import-registry.ts';
import { openFileStore } from '../../src/store/file-store.ts';

// Imports from the registry at argv[3] into the folder argv[2], and says what it has done.
const [, , folder = '', url = ''] = process.argv;
const store = await openFileStore({ path: join(folder, 'servers.json') });
const cache = await RegistryMemoryCache.open(store, { random: () => 0.5, windowMs: 0 });
const report = await importFromRegistry({
  url,
  target: cache,
  stateFolder: folder,
  now: () => new Date(),
  plainHttp: 'loopback',
});
await cache.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
