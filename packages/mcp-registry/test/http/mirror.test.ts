import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { officialMetaKey } from '../../src/server-record.ts';
import { openOnDisk } from '../lib/open-cache.ts';
import { published } from '../lib/records.ts';
import { createMirror, everything } from './lib/mirror.ts';
import { document, manualClock, openApi, pathTo, type OpenedApi } from './lib/open-api.ts';

interface Step {
  readonly kind:
    | 'publish'
    | 'put'
    | 'delete'
    | 'status'
    | 'all-status'
    | 'import'
    | 'tick'
    | 'sync';
  readonly name: string;
  readonly version: string;
  readonly n: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    'publish',
    'publish',
    'put',
    'delete',
    'status',
    'all-status',
    'import',
    'tick',
    'sync',
  ),
  name: fc.integer({ min: 0, max: 5 }).map((n) => `io.test/s${n}`),
  version: fc.integer({ min: 1, max: 4 }).map((n) => `${n}.0.0`),
  n: fc.nat(2),
});

const statuses = ['active', 'deprecated', 'deleted'] as const;

/** Makes one change; one that does not apply (404, 409, 400) is none. */
async function change({ call, cache }: OpenedApi, { kind, name, version, n }: Step): Promise<void> {
  const status = { status: statuses[n] };
  const path = pathTo(name, version);
  if (kind === 'publish') await call('/publish', { json: document(name, version) });
  if (kind === 'put')
    await call(path, { method: 'PUT', json: document(name, version, { title: `t${n}` }) });
  if (kind === 'delete') await call(path, { method: 'DELETE' });
  if (kind === 'status') await call(`${path}/status`, { method: 'PATCH', json: status });
  if (kind === 'all-status')
    await call(`/servers/${encodeURIComponent(name)}/status`, { method: 'PATCH', json: status });
  if (kind === 'import') {
    // An importer keeps the dates of where it imports from.
    const updatedAt = `2020-01-0${n + 1}T00:00:00.123456Z`;
    const meta = { [officialMetaKey]: { ...status, updatedAt, publishedAt: updatedAt } };
    await cache.upsert(published(name, version, { _meta: n === 0 ? {} : meta }));
  }
}

test('a mirror by updated_since ends byte-equal, tombstones and equal times included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const clock = manualClock();
      const opened = await openApi({ now: clock.now });
      const mirror = createMirror(2);
      for (const one of steps) {
        if (one.kind === 'tick') clock.move(one.n);
        else if (one.kind === 'sync') await mirror.sync(opened);
        else await change(opened, one);
      }
      await mirror.sync(opened);
      expect(mirror.contents()).toEqual(await everything(opened));
    }),
    { numRuns: 15 },
  );
}, 60_000);

test('a mirror that syncs while others write ends byte-equal after one quiet sync', async () => {
  const opened = await openApi();
  const mirror = createMirror(5);
  const steps = fc.sample(step, { numRuns: 300, seed: 7 });
  let isDone = false;
  const writing = (async () => {
    for (const one of steps) await change(opened, one);
    isDone = true;
  })();
  const hasMore = () => !isDone;
  while (hasMore()) await mirror.sync(opened);
  await writing;
  await mirror.sync(opened);
  expect(mirror.contents()).toEqual(await everything(opened));
}, 60_000);

test('a mirror goes on over a restart of the registry, also when the clock went back', async () => {
  const clock = manualClock();
  const mirror = createMirror(10);
  const before = await openApi({ now: clock.now });
  await before.cache.upsert(published('io.test/undated', '1.0.0'));
  for (const version of ['1.0.0', '2.0.0']) {
    await before.call('/publish', { json: document('io.test/a', version) });
    clock.move(1_000);
  }
  await before.call('/publish', { json: document('io.test/b') });
  await mirror.sync(before);
  await before.call(pathTo('io.test/a', '2.0.0'), { method: 'DELETE' });
  await before.cache.close();
  const { cache } = await openOnDisk(before.disk.reboot('nothing'));
  clock.move(-500);
  const after = await openApi({ cache, now: clock.now });
  await after.call('/publish', { json: document('io.test/c') });
  await mirror.sync(after);
  expect(mirror.contents()).toHaveLength(5);
  expect(mirror.contents()).toEqual(await everything(after));
});
