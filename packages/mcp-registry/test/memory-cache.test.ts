import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServerRecord } from '../src/server-record.ts';
import { byKey } from './lib/by-key.ts';
import { CrashDisk } from './lib/crash-disk.ts';
import { diskPath, openOnDisk } from './lib/open-cache.ts';
import { published, server } from './lib/records.ts';

test('a write is visible to reads at once, before it is durable', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  const written = cache.upsert(server('a'));
  expect(cache.get('a')).toEqual(server('a'));
  expect(cache.health()).toMatchObject({ generation: 1, durableGeneration: 0 });
  await written;
  expect(cache.health()).toMatchObject({
    durableGeneration: 1,
    unflushedMs: 0,
    lastError: undefined,
  });
});

test('get() and getAll() return copies (B7.23)', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsert(server('a', { env: { A: '1' } }));
  for (const copy of [
    cache.get('a'),
    cache.getAll()[0],
    cache.search().records[0],
    cache.versions('a')[0],
  ])
    Object.assign(copy?.env ?? {}, { A: 'changed' });
  expect(cache.get('a')?.env).toEqual({ A: '1' });
});

test('get() without a version prefers the entry that has none, then the latest', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsertMany([published('x/a', '1.0.0'), published('x/a', '1.1.0')]);
  expect(cache.get('x/a')?.server?.version).toBe('1.1.0');
  expect(cache.get('x/a', '1.0.0')?.server?.version).toBe('1.0.0');
  expect(cache.get('x/a', '3.0.0')).toBeUndefined();
  await cache.upsert(server('x/a'));
  expect(cache.get('x/a')?.server).toBeUndefined();
});

test('remove() takes one version or all of a name and says whether there was any', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsertMany([published('x/a', '1.0.0'), published('x/a', '2.0.0'), server('x/a')]);
  expect(await cache.remove('x/a', '1.0.0')).toBe(true);
  expect(await cache.remove('x/a', '1.0.0')).toBe(false);
  expect(cache.size).toBe(2);
  expect(await cache.remove('x/a')).toBe(true);
  expect(cache.size).toBe(0);
});

test('remove() with null takes only the entry without a version', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsertMany([published('x/a', '1.0.0'), server('x/a')]);
  expect(await cache.remove('x/a', null)).toBe(true);
  expect(await cache.remove('x/a', null)).toBe(false);
  expect(cache.versions('x/a').map((one) => one.server?.version)).toEqual(['1.0.0']);
});

test('removeMany() counts the selections that removed something, each entry once', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsertMany([published('x/a', '1.0.0'), server('x/a'), server('b'), server('c')]);
  const selections = [
    { name: 'x/a' },
    { name: 'x/a', version: '1.0.0' },
    { name: 'b', version: null },
    { name: 'nobody' },
  ];
  expect(await cache.removeMany(selections)).toBe(2);
  expect(cache.getAll()).toEqual([server('c')]);
});

test('edit() removes after it has stored, and changes nothing when what is stored is refused', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsert(server('a'));
  const remove = [{ name: 'a' }];
  await expect(
    cache.edit(() => ({ put: [{ ...server('b'), name: '' }], remove })),
  ).rejects.toMatchObject({ code: 'EINVALIDRECORD' });
  expect(cache.getAll()).toEqual([server('a')]);
  expect(await cache.edit(() => ({ put: [server('a'), published('a', '1.0.0')], remove }))).toBe(1);
  expect(cache.size).toBe(0);
});

test('subscribe() tells of every change, and a listener that throws harms nobody', async () => {
  const { cache, warnings } = await openOnDisk(new CrashDisk());
  const told: unknown[] = [];
  cache.subscribe(() => {
    throw new Error('listener fault');
  });
  const stop = cache.subscribe((changes) => told.push(...changes));
  await cache.upsertMany([server('a'), published('x/b', '1.0.0')]);
  await cache.remove('a');
  stop();
  await cache.upsert(server('c'));
  expect(told).toEqual([
    { kind: 'put', name: 'a', version: undefined },
    { kind: 'put', name: 'x/b', version: '1.0.0' },
    { kind: 'remove', name: 'a', version: undefined },
  ]);
  expect(warnings.map((one) => one.kind)).toContain('listener-failed');
});

test('subscribe() is bounded', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  for (let i = 0; i < 1_000; i++) cache.subscribe(() => undefined);
  expect(() => cache.subscribe(() => undefined)).toThrow(/1000 listeners/u);
});

test('upsert() refuses invalid records, too many, and writes after close', async () => {
  const { cache } = await openOnDisk(new CrashDisk(), { maxRecords: 2 });
  await cache.upsertMany([server('a'), server('b')]);
  await cache.upsert(server('b', { n: 2 }));
  await expect(cache.upsert(server('c'))).rejects.toMatchObject({ code: 'EREGISTRYFULL' });
  await expect(cache.upsert(server(''))).rejects.toMatchObject({ code: 'EINVALIDRECORD' });
  await cache.close();
  await expect(cache.upsert(server('b'))).rejects.toMatchObject({ code: 'EREGISTRYCLOSED' });
  expect(cache.get('b')?.['n']).toBe(2);
});

test('interval durability answers at once and writes on the interval or on flush() (S4-10, P2)', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk, { durability: 'interval', intervalMs: 60_000 });
  await cache.upsert(server('a'));
  expect(cache.health()).toMatchObject({ generation: 1, durableGeneration: 0 });
  expect(cache.health().unflushedMs).toBeGreaterThan(0);
  await cache.flush();
  expect(cache.health()).toMatchObject({ durableGeneration: 1, unflushedMs: 0 });
});

test('close() of an untouched registry writes nothing (S4-B5)', async () => {
  const disk = new CrashDisk();
  const first = await openOnDisk(disk);
  await first.cache.upsert(server('a'));
  await first.cache.close();
  const before = disk.paths().map((path) => [path, disk.text(path)]);
  const { cache } = await openOnDisk(disk);
  await cache.close();
  await cache.close();
  expect(disk.paths().map((path) => [path, disk.text(path)])).toEqual(before);
  expect(disk.log.filter((line) => line === 'rename servers.json').length).toBe(1);
});

test('a snapshot follows a change by itself (S4-28, B7.22)', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk, { snapshotDelayMs: 1 });
  await cache.upsert(server('a'));
  await expect.poll(() => disk.text(diskPath) ?? '').toContain('"name":"a"');
  await expect.poll(() => disk.text('/state/servers.log') ?? '').not.toContain('"put"');
});

type Step =
  | { readonly kind: 'put'; readonly names: readonly string[]; readonly n: number }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'flush' | 'reopen' | 'fail' | 'repair' };

const name = fc.constantFrom('a', 'b', 'c', 'x/y', 'ü');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    names: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
    n: fc.nat(),
  }),
  fc.record({ kind: fc.constant('remove' as const), name }),
  fc.record({
    kind: fc.constantFrom('flush' as const, 'reopen' as const, 'fail' as const, 'repair' as const),
  }),
);

test('property: memory always equals a plain Map, and the disk does after each barrier (B7.19, P3)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const disk = new CrashDisk();
      disk.shortWrites = true;
      const model = new Map<string, ServerRecord>();
      let { cache } = await openOnDisk(disk);
      for (const one of steps) {
        if (one.kind === 'put') {
          const records = one.names.map((id) => server(id, { n: one.n }));
          for (const record of records) model.set(record.name, record);
          cache.upsertMany(records).catch(() => undefined);
        } else if (one.kind === 'remove') {
          model.delete(one.name);
          cache.remove(one.name).catch(() => undefined);
        } else if (one.kind === 'flush') await cache.flush().catch(() => undefined);
        else if (one.kind === 'fail')
          disk.fault = (operation) => (operation === 'datasync' ? 'EIO' : undefined);
        else {
          disk.fault = () => undefined;
          if (one.kind === 'reopen') {
            await cache.close();
            ({ cache } = await openOnDisk(disk));
          }
        }
        expect(byKey(cache)).toEqual(model);
      }
      disk.fault = () => undefined;
      await cache.flush();
      const after = await openOnDisk(disk.reboot('nothing'));
      expect(byKey(after.cache)).toEqual(model);
    }),
    { numRuns: 60 },
  );
});

test('update() decides and writes in one step, and changes nothing when deciding throws', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  const addOnce = async (command: string) =>
    cache.update(() => {
      if (cache.peek('a') !== undefined) throw new Error('exists');
      return [server('a', { command }), server(`b-${command}`)];
    });
  const outcomes = await Promise.allSettled(['1', '2', '3'].map(addOnce));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(cache.peek('a')).toEqual(server('a', { command: '1' }));
  expect([...byKey(cache).keys()]).toEqual(['a', 'b-1']);
  await expect(cache.update(() => [{ ...server('c'), name: '' }])).rejects.toMatchObject({
    code: 'EINVALIDRECORD',
  });
});

test('peekAll() gives the records as of the call, one at a time', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  await cache.upsertMany([server('a'), server('b'), server('c')]);
  const records = cache.peekAll();
  expect(records.next().value).toEqual(server('a'));
  await cache.remove('b');
  await cache.upsert(server('d'));
  expect([...records].map((one) => one.name)).toEqual(['b', 'c']);
});

test('peekConnectors() gives the records with a connector member themselves, as they change', async () => {
  const { cache } = await openOnDisk(new CrashDisk());
  const names = () => cache.peekConnectors().map((one) => one.name);
  await cache.upsertMany([server('a', { connector: {} }), server('b'), server('c')]);
  expect(names()).toEqual(['a']);
  expect(cache.peekConnectors()[0]).toBe(cache.peek('a'));
  expect(cache.get('a')).not.toBe(cache.peek('a'));
  await cache.upsert(server('b', { connector: { id: 'x' } }));
  expect(names()).toEqual(['a', 'b']);
  await cache.upsert(server('a'));
  await cache.remove('b');
  expect(names()).toEqual([]);
});
