import { expect, test } from 'vitest';
import { listServers } from '../../src/tools/read-tools.ts';
import { createCacheHandle } from '../../src/tools/registry-handle.ts';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

test('listServers() looks at a large registry in pieces and finds the same', async () => {
  const { cache } = await openCache({ path: `${tempFolder()}/servers.json` });
  await cache.upsertMany(
    Array.from({ length: 2_400 }, (_, i) => server(`s${1000 + i}`, { tags: [`t${i % 1_200}`] })),
  );
  const search = cache.search.bind(cache);
  const steps: unknown[] = [];
  cache.search = (query) => {
    steps.push(query?.maxScanned);
    return search(query);
  };
  const handle = createCacheHandle(cache);
  const first = await listServers(handle, { tags: ['t1199'], limit: 1 });
  expect(steps).toEqual(Array.from({ length: 5 }, () => 500));
  expect(first['servers']).toMatchObject([{ name: 's2199' }]);
  const cursor = String(first['nextCursor']);
  const second = await listServers(handle, { tags: ['t1199'], limit: 1, cursor });
  expect(second['servers']).toMatchObject([{ name: 's3399' }]);
  expect(second).not.toHaveProperty('nextCursor');
  expect(await listServers(handle, { pattern: '*none*' })).toEqual({ servers: [], total: 2_400 });
});
