import { expect, test } from 'vitest';
import type { StoredEntry } from '../../src/connectors/cache/cache-store.ts';
import { cacheOf, HOUR, memoryStore, scripted, turn } from './cache-fixture.ts';
import { advance, useFakeTime } from './fake-time.ts';

useFakeTime();

test('delete() ends the fetch; its answer does not bring the key back', async () => {
  const { fetch, calls } = scripted();
  const { store, saved } = memoryStore();
  const cache = cacheOf({ fetch, store });
  const outcome = cache.refresh('a');
  await turn();
  const answered = calls[0]?.answer('late');
  cache.delete('a');
  await answered;
  expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'CACHE_DROPPED' } });
  expect(cache.get('a').kind).toBe('missing');
  expect(cache.keys()).toEqual([]);
  await cache.close();
  expect(saved.size).toBe(0);
});

test('delete() wins over an answer that comes in at the same moment, whichever step it is at', async () => {
  for (let microtasks = 0; microtasks < 12; microtasks += 1) {
    const { fetch, calls } = scripted();
    const { store, saved } = memoryStore();
    const cache = cacheOf({ fetch, store });
    const outcome = cache.refresh('a');
    await turn();
    const answered = calls[0]?.answer('late');
    for (let i = 0; i < microtasks; i += 1) await Promise.resolve();
    cache.delete('a');
    await Promise.all([answered, outcome]);
    await cache.close();
    expect([cache.keys(), [...saved.keys()]]).toEqual([[], []]);
  }
});

test('the number of keys is bounded: the one added first goes', async () => {
  const { fetch } = scripted();
  const cache = cacheOf({ fetch, maxEntries: 2 });
  for (const key of ['a', 'b', 'c']) cache.set(key, { value: key, pageTtlMs: [1_000] });
  expect(cache.keys()).toEqual(['b', 'c']);
  await cache.close();
});

const ago = (ageMs: number): number => Date.now() - ageMs;

test('restore() serves what an earlier run kept, as stale and with its true age (M8)', async () => {
  const stored = (key: string, ageMs: number): StoredEntry<string> => ({
    key,
    value: `kept ${key}`,
    ttlMs: 2 * HOUR,
    storedAtMs: ago(ageMs),
    notAfterMs: undefined,
  });
  const { store, saved } = memoryStore([
    stored('young', HOUR),
    stored('old', 25 * HOUR),
    stored('over', 27 * HOUR),
    stored('live', HOUR),
    stored('future', -HOUR),
    { ...stored('signed', HOUR), notAfterMs: ago(1) },
  ]);
  const { fetch } = scripted();
  const cache = cacheOf({ fetch, store });
  cache.set('live', { value: 'new', pageTtlMs: [60_000] });
  await cache.restore();
  expect(cache.get('young')).toMatchObject({ kind: 'stale', ageMs: HOUR, value: 'kept young' });
  expect(cache.get('old')).toMatchObject({ kind: 'stale', window: 'error' });
  expect(cache.get('over').kind).toBe('missing');
  expect(cache.get('signed').kind).toBe('missing');
  expect(cache.get('live')).toMatchObject({ kind: 'fresh', value: 'new' });
  expect(cache.get('future')).toMatchObject({ kind: 'stale', ageMs: 0 });
  await advance(2 * HOUR);
  expect(cache.get('old').kind).toBe('expired');
  await cache.close();
  expect([...saved.keys()]).toEqual(['young', 'old', 'live', 'future']);
});

test('good values are kept with their wall-clock time; unchanged ones are rewritten hourly', async () => {
  const { store, saved, writes } = memoryStore();
  const cache = cacheOf({
    fetch: async () => await Promise.resolve({ value: 'v', pageTtlMs: [1_000] }),
    equals: (a, b) => a === b,
    store,
  });
  await cache.refresh('a');
  await turn();
  expect(saved.get('a')).toEqual({
    key: 'a',
    value: 'v',
    ttlMs: 1_000,
    storedAtMs: Date.now(),
    notAfterMs: undefined,
  });
  await advance(HOUR - 1);
  await cache.refresh('a');
  await turn();
  expect(writes()).toBe(1);
  await advance(1);
  await cache.refresh('a');
  await turn();
  expect(writes()).toBe(2);
  expect(saved.get('a')?.storedAtMs).toBe(Date.now());
  await cache.close();
});

test('a store that fails is reported, disturbs nothing, and is tried again with the next good value', async () => {
  const { store, saved } = memoryStore();
  const problems: unknown[] = [];
  let broken = true;
  const cache = cacheOf({
    fetch: async () => await Promise.resolve({ value: 'v', pageTtlMs: [1_000] }),
    equals: () => true,
    store: {
      ...store,
      save: async (entry) => {
        if (broken) throw new Error('disk full');
        await store.save(entry);
      },
    },
    onStoreError: (key, error) => problems.push([key, error]),
  });
  expect(await cache.refresh('a')).toMatchObject({ kind: 'updated' });
  await turn();
  expect(problems).toEqual([['a', new Error('disk full')]]);
  broken = false;
  await cache.refresh('a');
  await cache.close();
  expect(saved.has('a')).toBe(true);
});

test('saves of one key follow each other, and of those waiting only the latest is written', async () => {
  const written: string[] = [];
  const gates: (() => void)[] = [];
  const { fetch } = scripted();
  const cache = cacheOf({
    fetch,
    store: {
      ...memoryStore().store,
      save: async ({ value }) => {
        written.push(value);
        await new Promise<void>((resolve) => gates.push(resolve));
      },
    },
  });
  for (const value of ['v1', 'v2', 'v3']) {
    cache.set('a', { value, pageTtlMs: [1_000] });
    await turn();
  }
  expect(written).toEqual(['v1']);
  gates[0]?.();
  await turn();
  expect(written).toEqual(['v1', 'v3']);
  const closing = cache.close();
  gates[1]?.();
  await closing;
});

test('close() ends fetches, keeps values readable, and starts nothing any more', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'v', pageTtlMs: [0] });
  const outcome = cache.refresh('a');
  await turn();
  await cache.close();
  expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'CACHE_CLOSED' } });
  expect(calls[0]?.signal.aborted).toBe(true);
  expect(cache.read('a')).toMatchObject({ kind: 'stale', value: 'v' });
  expect(await cache.refresh('a')).toMatchObject({ error: { code: 'CACHE_CLOSED' } });
  expect(await cache.load('b')).toMatchObject({ kind: 'missing' });
  cache.set('a', { value: 'x', pageTtlMs: [1] });
  expect(cache.get('a')).toMatchObject({ value: 'v' });
  await cache.close();
  expect(calls).toHaveLength(1);
});
