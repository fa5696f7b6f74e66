import { waitUntil } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { CacheStore, StoredEntry } from '../src/connectors/cache/cache-store.ts';
import type { MapStore } from '../src/connectors/map/map-store.ts';
import { exclusiveStart } from '../src/service/exclusive-start.ts';
import { ownedCacheStore, ownedMapStore } from '../src/service/owned-stores.ts';
import { closeInWaves } from '../src/service/service-closing.ts';
import { SOLE_OWNER, type StateOwner } from '../src/service/state-owner.ts';

/** An owner that is told when it owns. */
function waitingOwner(): StateOwner & { take(): void } {
  let owns = false;
  const listeners: (() => void)[] = [];
  return {
    ...SOLE_OWNER,
    get owns() {
      return owns;
    },
    onOwned: (listener) => void listeners.push(listener),
    take: () => {
      owns = true;
      for (const listener of listeners) listener();
    },
  };
}

const entry = (key: string, value: number): StoredEntry<number> => ({
  key,
  value,
  ttlMs: 1,
  storedAtMs: 1,
  notAfterMs: undefined,
});

function memoryStore(failing: string = ''): CacheStore<number> & { readonly done: string[] } {
  const done: string[] = [];
  return {
    done,
    loadAll: async () => await Promise.resolve([entry('kept', 0)]),
    save: async ({ key, value }) => {
      if (key === failing) throw new Error('the disk is full');
      await Promise.resolve(done.push(`save ${key} ${value}`));
    },
    delete: async (key) => void (await Promise.resolve(done.push(`delete ${key}`))),
  };
}

const map = (name: string) => ({ name }) as unknown as Parameters<MapStore['save']>[0];
const limit = async <T>(run: () => Promise<T>): Promise<T> => await run();
const start = async (): Promise<string> => await Promise.resolve('started');

const fails = async () => await Promise.reject(new Error('the disk is full'));

test('ownedCacheStore() holds writes back until the state is owned: the last of each key, and errors are told', async () => {
  const owner = waitingOwner();
  const store = memoryStore('bad');
  const errors: string[] = [];
  const owned = ownedCacheStore(store, owner, (key) => errors.push(key));
  expect(await owned.loadAll()).toHaveLength(1);
  await owned.save(entry('a', 1));
  await owned.save(entry('a', 2));
  await owned.save(entry('bad', 1));
  await owned.save(entry('b', 1));
  await owned.delete('b');
  expect(store.done).toEqual([]);
  owner.take();
  await waitUntil(() => store.done.length === 2, { describe: 'what was held back is written' });
  expect(store.done).toEqual(['save a 2', 'delete b']);
  expect(errors).toEqual(['bad']);
  await owned.save(entry('c', 1));
  await owned.delete('c');
  expect(store.done.slice(2)).toEqual(['save c 1', 'delete c']);
});

test('what was held back never undoes what the owner has written since', async () => {
  const owner = waitingOwner();
  const store = memoryStore();
  const owned = ownedCacheStore(store, owner, () => undefined);
  await owned.save(entry('a', 1));
  await owned.save(entry('b', 1));
  await owned.save(entry('c', 1));
  owner.take();
  // The first is being written now.
  await Promise.all([owned.save(entry('b', 2)), owned.delete('c')]);
  await waitUntil(() => store.done.length >= 3, { describe: 'everything is written' });
  expect(store.done).toEqual(['save a 1', 'save b 2', 'delete c']);
});

test('ownedMapStore() keeps the last map for the time it is owned', async () => {
  const owner = waitingOwner();
  const saved: unknown[] = [];
  const errors: unknown[] = [];
  const store: MapStore = {
    mapPath: '/map.json',
    loadFloor: async () => await Promise.resolve(undefined),
    save: async (raw) => {
      await Promise.resolve(saved.push(raw));
      if (saved.length === 2) throw new Error('the disk is full');
    },
  };
  const owned = ownedMapStore(store, owner, (error) => errors.push(error));
  expect([owned.mapPath, await owned.loadFloor()]).toEqual(['/map.json', undefined]);
  await owned.save(map('one'), undefined);
  await owned.save(map('two'), undefined);
  expect(saved).toEqual([]);
  owner.take();
  await waitUntil(() => saved.length === 1, { describe: 'the last map is written' });
  expect(saved).toEqual([{ name: 'two' }]);
  await expect(owned.save(map('three'), undefined)).rejects.toThrow('full');
});

test('exclusiveStart() starts at once when the state is owned, and else as soon as it is', async () => {
  expect(await exclusiveStart('one', SOLE_OWNER, limit)(start)).toBe('started');
  const owner = waitingOwner();
  const waiting = exclusiveStart('one', owner, limit)(start);
  owner.take();
  expect(await waiting).toBe('started');
});

test('exclusiveStart() listens once, however often it waits in vain', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let listeners = 0;
  const owner: StateOwner = {
    ...SOLE_OWNER,
    owns: false,
    onOwned: () => void (listeners += 1),
  };
  const limited = exclusiveStart('one', owner, limit);
  for (let time = 0; time < 3; time += 1) {
    const failed = limited(start).catch(() => 'failed');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failed).toBe('failed');
  }
  expect(listeners).toBe(1);
});

test('exclusiveStart() gives up after 30 s with an error that names why, and starts nothing', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let started = false;
  const waiting = exclusiveStart(
    'one',
    waitingOwner(),
    limit,
  )(async () => {
    await Promise.resolve();
    started = true;
  }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await waiting).toMatchObject({
    code: 'SPAWN_FAILED',
    connectorId: 'one',
    message: expect.stringContaining('exclusive'),
  });
  expect(started).toBe(false);
});

test('closeInWaves() closes all parts of a wave before the next, and logs those that fail', async () => {
  const said: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line) => void said.push(line) });
  const say = (what: string) => async () => void (await Promise.resolve(said.push(what)));
  await closeInWaves([[fails, say('first')], [say('second')]], logger);
  expect(said.map((line) => (line.includes('the disk is full') ? 'error' : line))).toEqual([
    'first',
    'error',
    'second',
  ]);
});
