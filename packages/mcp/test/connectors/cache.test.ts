import { expect, test } from 'vitest';
import { ManifestCache } from '../../src/connectors/cache/cache.ts';
import { cacheOf, HOUR, scripted, turn, upstreamError } from './cache-fixture.ts';
import { advance, useFakeTime } from './fake-time.ts';

useFakeTime();

test('get() goes from missing to fresh, stale and expired by the TTL (S4-25, S4-08)', async () => {
  const { fetch } = scripted();
  const cache = cacheOf({ fetch, maxStaleMs: 10_000 });
  expect(cache.get('a')).toEqual({ kind: 'missing', problem: undefined });
  cache.set('a', { value: 'v1', pageTtlMs: [1_000] });
  expect(cache.get('a')).toMatchObject({
    kind: 'fresh',
    value: 'v1',
    ageMs: 0,
    remainingMs: 1_000,
  });
  await advance(1_000);
  expect(cache.get('a')).toMatchObject({ kind: 'stale', window: 'revalidate', ageMs: 1_000 });
  await advance(1_000);
  expect(cache.get('a')).toMatchObject({ kind: 'stale', window: 'error' });
  await advance(9_000);
  expect(cache.get('a')).toEqual({ kind: 'expired', problem: undefined });
});

test('defect 1: after expiry the last good value is served, never the one before', async () => {
  const { fetch } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'v1', pageTtlMs: [1_000] });
  cache.set('a', { value: 'v2', pageTtlMs: [1_000] });
  await advance(1_500);
  expect(cache.get('a')).toMatchObject({ kind: 'stale', value: 'v2' });
  cache.set('a', { value: 'v3', pageTtlMs: [0] });
  expect(cache.get('a')).toMatchObject({ kind: 'stale', value: 'v3' });
});

test('defect 2: a value past its TTL is fetched again, is told from a fresh one, and has an end', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch, maxStaleMs: 24 * HOUR });
  cache.set('a', { value: 'v1', pageTtlMs: [60_000] });
  await advance(HOUR);
  expect(cache.read('a')).toMatchObject({ kind: 'stale', value: 'v1' });
  await turn();
  expect(calls).toHaveLength(1);
  await calls[0]?.answer('v2');
  expect(cache.read('a')).toMatchObject({ kind: 'fresh', value: 'v2' });
  await advance(24 * HOUR + 60_000);
  expect(cache.get('a').kind).toBe('expired');
});

test('defect 7: any number of callers share one fetch (M5)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  const waiting = [cache.refresh('a'), cache.refresh('a'), cache.load('a'), cache.load('a')];
  cache.read('a');
  await turn();
  expect(calls).toHaveLength(1);
  await calls[0]?.answer('v1');
  expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual([
    'updated',
    'updated',
    'fresh',
    'fresh',
  ]);
});

test('refresh() and load() let a caller go without ending the fetch for the others (M5)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  const abort = new AbortController();
  const impatient = cache.refresh('a', { signal: abort.signal });
  const waiter = cache.load('a', { signal: abort.signal });
  const patient = cache.refresh('a');
  await turn();
  const gone = Promise.allSettled([impatient, waiter]);
  abort.abort(new Error('client left'));
  expect(await gone).toEqual([
    { status: 'rejected', reason: new Error('client left') },
    { status: 'rejected', reason: new Error('client left') },
  ]);
  expect(calls[0]?.signal.aborted).toBe(false);
  await calls[0]?.answer('v1');
  expect(await patient).toMatchObject({ kind: 'updated', value: 'v1' });
  await expect(cache.refresh('a', { signal: abort.signal })).rejects.toThrow('client left');
});

test('load() waits only for the first value, and then no longer than its deadline (M2)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  const first = cache.load('a', { timeoutMs: 3_000 });
  await advance(3_000);
  expect(await first).toEqual({ kind: 'missing', problem: undefined });
  await calls[0]?.answer('v1');
  await advance(70_000);
  const stale = cache.load('a');
  await expect(stale).resolves.toMatchObject({ kind: 'stale', value: 'v1' });
  await calls[1]?.answer('v2');
  expect(cache.get('a')).toMatchObject({ value: 'v2' });
});

test('a TTL of 0 is revalidated on access, at most every minRefreshMs (M1)', async () => {
  const { fetch, calls } = scripted(0);
  const cache = cacheOf({ fetch, minRefreshMs: 5_000 });
  const first = cache.load('a');
  await turn();
  await calls[0]?.answer('v0');
  expect(await first).toMatchObject({ kind: 'stale', value: 'v0' });
  for (let ms = 0; ms < 20_000; ms += 100) {
    cache.read('a');
    await advance(100);
    await calls.at(-1)?.answer('v');
  }
  expect(calls).toHaveLength(1 + 3);
});

test('the least TTL of all pages counts, capped at 24 h (M1, S4-29)', async () => {
  const { fetch } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'v', pageTtlMs: [60_000, 1_000, 90_000] });
  expect(cache.get('a')).toMatchObject({ remainingMs: 1_000 });
  cache.set('a', { value: 'v', pageTtlMs: [99 * 24 * HOUR] });
  expect(cache.get('a')).toMatchObject({ remainingMs: 24 * HOUR });
});

test('invalidate() makes the value stale at once and lifts the wait (M10, S4-25)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'v1', pageTtlMs: [60_000] });
  cache.invalidate('a');
  cache.invalidate('unknown');
  expect(cache.read('a')).toMatchObject({ kind: 'stale', value: 'v1' });
  await turn();
  await calls[0]?.fail(upstreamError('TIMEOUT', { retryAfterMs: 60_000 }));
  expect(await cache.refresh('a')).toMatchObject({ kind: 'held' });
  cache.invalidate('a');
  const outcome = cache.refresh('a');
  await turn();
  await calls[1]?.answer('v2');
  expect(await outcome).toMatchObject({ kind: 'updated', previous: 'v1' });
  expect(cache.get('a').kind).toBe('fresh');
});

test('an answer asked for before invalidate() is kept, not fresh; refresh() asks once more for all', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  void cache.refresh('a');
  await turn();
  cache.invalidate('a');
  const after = [cache.refresh('a'), cache.refresh('a')];
  await turn();
  expect(calls).toHaveLength(1);
  await calls[0]?.answer('old');
  expect(cache.get('a')).toMatchObject({ kind: 'stale', value: 'old' });
  await turn();
  expect(calls).toHaveLength(2);
  await calls[1]?.answer('new');
  expect(await Promise.all(after)).toEqual([
    { kind: 'updated', value: 'new', previous: 'old' },
    { kind: 'updated', value: 'new', previous: 'old' },
  ]);
});

test('an equal value keeps the one held and renews its freshness', async () => {
  let n = 0;
  const cache = new ManifestCache<{ digest: string; n: number }>({
    fetch: async () =>
      await Promise.resolve({ value: { digest: 'd', n: (n += 1) }, pageTtlMs: [1_000] }),
    equals: (a, b) => a.digest === b.digest,
    random: () => 0.5,
  });
  await cache.refresh('a');
  await advance(2_000);
  expect(await cache.refresh('a')).toEqual({ kind: 'unchanged', value: { digest: 'd', n: 1 } });
  expect(cache.get('a')).toMatchObject({ kind: 'fresh', value: { n: 1 }, ageMs: 0 });
});
