import { expect, test } from 'vitest';
import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { createMemoryStore } from '../../src/store/memory-store.ts';
import { published } from '../lib/records.ts';
import { openGallery } from './lib/gallery-client.ts';
import { document, openApi, type OpenedApi } from './lib/open-api.ts';

const count = 10_000;
const stable = Array.from({ length: count }, (_, i) => `io.test/s${String(i).padStart(5, '0')}`);

/** Adds, changes and removes entries all over the list, none of them one of `stable`, until it is told to stop. */
function keepWriting({ cache, call }: OpenedApi) {
  const state = { isStopped: false };
  let writes = 0;
  const run = async () => {
    while (!state.isStopped) {
      const near = stable[(writes * 7_919) % count] ?? '';
      const name = `${near}-extra`;
      await cache.upsertMany([published(name, '1.0.0'), published(name, `1.0.${writes}`)]);
      await cache.remove(`${stable[((writes - 5) * 7_919) % count] ?? ''}-extra`);
      if (writes % 10 === 0) await call('/publish', { json: document(`${near}-new${writes}`) });
      writes++;
    }
  };
  const done = run();
  return {
    stop: async () => {
      state.isStopped = true;
      await done;
      return writes;
    },
  };
}

test('a VS Code gallery client pages through 10,000 servers without gap or repeat during writes', async () => {
  const cache = await RegistryMemoryCache.open(createMemoryStore(), {
    random: () => 0.5,
    windowMs: 1,
  });
  const opened = await openApi({ cache });
  await cache.upsertMany(
    stable.flatMap((name, i) =>
      i % 3 === 0
        ? [published(name, '1.0.0'), published(name, '1.1.0')]
        : [published(name, '1.0.0')],
    ),
  );
  const gallery = await openGallery(opened.base);
  const writer = keepWriting(opened);
  const names = await gallery.query();
  const found = await gallery.query('S09');
  expect(await writer.stop()).toBeGreaterThan(50);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => /s\d{5}$/u.test(name))).toEqual(stable);
  expect(names).toEqual(names.toSorted());
  expect(found.filter((name) => /s\d{5}$/u.test(name))).toEqual(stable.slice(9_000));
}, 60_000);

test('the gallery client finds nothing in an empty registry and says so', async () => {
  const { base } = await openApi();
  const gallery = await openGallery(base);
  expect(await gallery.query('anything')).toEqual([]);
});
