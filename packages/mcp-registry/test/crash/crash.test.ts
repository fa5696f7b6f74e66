import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openFileStore } from '../../src/store/file-store.ts';
import type { StoredRecord } from '../../src/stored-record.ts';
import { CrashDisk, type PowerCut } from '../lib/crash-disk.ts';
import { diskPath, freeLock, openOnDisk } from '../lib/open-cache.ts';
import { server, stored } from '../lib/records.ts';

type Step = (cache: RegistryMemoryCache) => Promise<unknown>;

/** A life of a registry: each step is one batch; a snapshot (by closing and opening) lies between. */
const firstLife: readonly Step[] = [
  async (cache) => cache.upsertMany([server('a', { n: 1 }), server('b', { n: 1 })]),
  async (cache) => cache.upsert(server('a', { n: 2 })),
  async (cache) => cache.remove('b'),
];
const secondLife: readonly Step[] = [
  async (cache) => cache.upsertMany([server('b', { n: 3 }), server('c', { n: 3 })]),
  async (cache) => cache.remove('a'),
];

/** Content after each number of steps; the model the disk is compared with. */
const states = [{}, { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 2 }, { a: 2, b: 3, c: 3 }, { b: 3, c: 3 }];

function content(cache: RegistryMemoryCache): Record<string, unknown> {
  return Object.fromEntries(cache.getAll().map((one) => [one.name, one['n']]));
}

/** Runs until the disk stops; returns how many steps were acknowledged. */
async function live(disk: CrashDisk): Promise<number> {
  let acknowledged = 0;
  try {
    for (const life of [firstLife, secondLife]) {
      const { cache } = await openOnDisk(disk);
      for (const step of life) {
        await step(cache);
        acknowledged++;
      }
      await cache.close();
    }
  } catch {
    // The disk stopped, which is what this run is for.
  }
  return acknowledged;
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function expectOldOrNew(disk: CrashDisk, acknowledged: number, label: string) {
  const { cache } = await openOnDisk(disk);
  const allowed = [states[acknowledged], states[acknowledged + 1]].filter(Boolean);
  const found = content(cache);
  const fits = allowed.some((state) => isDeepStrictEqual(state, found));
  await cache.close();
  const strays = disk.paths().filter((path) => /\.(?:next|probe)$/u.test(path));
  expect({ label, found, fits, strays }).toEqual({ label, found, fits: true, strays: [] });
}

const cuts: readonly ('process' | PowerCut)[] = ['process', 'nothing', 'everything'];

test('a stop at every disk operation leaves the old or the new state (S4-28, S4-33, F2, F3)', async () => {
  const whole = new CrashDisk();
  expect(await live(whole)).toBe(5);
  for (let stopAt = 1; stopAt <= whole.operations; stopAt++) {
    const disk = new CrashDisk();
    disk.stopAt = stopAt;
    const acknowledged = await live(disk);
    const at = disk.log.at(-1);
    for (const cut of cuts)
      await expectOldOrNew(disk.reboot(cut), acknowledged, `${String(cut)} at ${stopAt}: ${at}`);
  }
});

test('a power cut that keeps random blocks and names leaves the old or the new state (F3)', async () => {
  const whole = new CrashDisk();
  expect(await live(whole)).toBe(5);
  for (let stopAt = 1; stopAt <= whole.operations; stopAt++) {
    for (let seed = 1; seed <= 4; seed++) {
      const disk = new CrashDisk();
      disk.stopAt = stopAt;
      const acknowledged = await live(disk);
      const label = `seed ${seed} at ${stopAt}: ${disk.log.at(-1)}`;
      await expectOldOrNew(disk.reboot(seeded(seed * 1_000 + stopAt)), acknowledged, label);
    }
  }
});

test('a stop during the recovery from a stop leaves the same state', async () => {
  const disk = new CrashDisk();
  await live(disk);
  const text = disk.text('/state/servers.json') ?? '';
  const damaged = () => {
    const copy = disk.reboot('process');
    copy.put('/state/servers.json', `${text.slice(0, 40)}#${text.slice(41)}`);
    return copy;
  };
  const { cache } = await openOnDisk(damaged());
  const expected = content(cache);
  const probe = damaged();
  await (await openOnDisk(probe)).cache.close();
  for (let stopAt = 1; stopAt <= probe.operations; stopAt++) {
    const second = damaged();
    second.stopAt = stopAt;
    const opened = await openOnDisk(second).catch(() => undefined);
    await opened?.cache.close().catch(() => undefined);
    for (const cut of cuts) {
      const third = await openOnDisk(second.reboot(cut));
      const label = `${String(cut)} at ${stopAt}`;
      expect({ label, content: content(third.cache) }).toEqual({ label, content: expected });
    }
  }
});

test('control: a disk that ignores syncs is found out, so the harness can fail', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  const lying = disk.reboot('nothing');
  const honest = await openOnDisk(lying);
  expect(honest.cache.size).toBe(1);
  const forgetful = new CrashDisk();
  const open = forgetful.open.bind(forgetful);
  forgetful.open = async (...args) => ({
    ...(await open(...args)),
    datasync: async () => undefined,
  });
  const { cache: second } = await openOnDisk(forgetful);
  await second.upsert(server('a'));
  const after = await openOnDisk(forgetful.reboot('nothing'));
  expect(after.cache.size).toBe(0);
});

/** Appends two batches while a snapshot runs; returns the highest acknowledged generation. */
async function appendDuringSnapshot(disk: CrashDisk): Promise<number> {
  let acknowledged = 0;
  try {
    const store = await openFileStore({ path: diskPath, fileSystem: disk, takeLock: freeLock });
    await store.load();
    const model: StoredRecord[] = [];
    const append = async (name: string) => {
      const record = stored(name);
      model.push(record);
      const at = model.length;
      await store.append({ from: at, to: at, changes: [{ kind: 'put', key: name, record }] });
      acknowledged = Math.max(acknowledged, at);
    };
    await append('a');
    const capture = () => ({ generation: model.length, records: [...model], extra: {} });
    const snapshot = store.snapshot(capture, { paced: false }).catch(() => undefined);
    for (const name of ['b', 'c', 'd', 'e']) await append(name);
    await snapshot;
    await append('f');
    await store.close();
  } catch {
    // The disk stopped, which is what this run is for.
  }
  return acknowledged;
}

test('a stop while a snapshot and appends run side by side loses nothing acknowledged (P3)', async () => {
  const whole = new CrashDisk();
  expect(await appendDuringSnapshot(whole)).toBe(6);
  for (let stopAt = 1; stopAt <= whole.operations; stopAt++) {
    const disk = new CrashDisk();
    disk.stopAt = stopAt;
    const acknowledged = await appendDuringSnapshot(disk);
    for (const cut of [...cuts, seeded(stopAt), seeded(stopAt + 7_000)]) {
      const { cache } = await openOnDisk(disk.reboot(cut));
      const label = `${typeof cut === 'string' ? cut : 'random'} at ${stopAt}: ${disk.log.at(-1)}`;
      const found = cache
        .getAll()
        .map((one) => one.name)
        .join('');
      const fits = [acknowledged, acknowledged + 1].some((n) => 'abcdef'.slice(0, n) === found);
      expect({ label, found, fits }).toEqual({ label, found, fits: true });
    }
  }
});
