import { join } from 'node:path';
import {
  importFromRegistry,
  type RegistryImportOptions,
} from '../../src/sources/import-registry.ts';
import { openCache } from './open-cache.ts';
import { tempFolder } from './temp-folder.ts';

/** A registry in a folder of its own, and imports from others into it. */
export async function registryPlace() {
  const stateFolder = tempFolder();
  const { cache } = await openCache({ path: join(stateFolder, 'servers.json') });
  const run = async (url: string, more: Partial<RegistryImportOptions> = {}) =>
    importFromRegistry({
      url,
      target: cache,
      stateFolder,
      plainHttp: 'loopback',
      now: () => new Date(),
      ...more,
    });
  return { stateFolder, cache, run };
}
