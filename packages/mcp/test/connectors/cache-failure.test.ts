import { expect, test } from 'vitest';
import {
  CacheError,
  classifyCacheFailure,
  holdMs,
} from '../../src/connectors/cache/cache-failure.ts';
import { cacheOf, scripted, turn, upstreamError } from './cache-fixture.ts';
import { advance, useFakeTime } from './fake-time.ts';

useFakeTime();

test('defect 3: a held-back or failing upstream never hides a usable value', async () => {
  const { fetch, calls } = scripted(1_000);
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'good', pageTtlMs: [1_000] });
  for (let minute = 1; minute <= 24 * 60 - 1; minute += 1) {
    await advance(60_000);
    expect(await cache.load('a')).toMatchObject({ kind: 'stale', value: 'good' });
    await turn();
    await calls.at(-1)?.fail(upstreamError('CONNECT_FAILED'));
  }
  expect(calls.length).toBeGreaterThan(280);
  expect(cache.get('a')).toMatchObject({ problem: { kind: 'transient', failures: calls.length } });
  expect(await cache.refresh('a')).toMatchObject({ kind: 'held' });
});

test('load() answers at once while an earlier failure holds the key back', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  const first = cache.load('a');
  await turn();
  await calls[0]?.fail(upstreamError('TIMEOUT'));
  expect(await first).toMatchObject({
    kind: 'missing',
    problem: { kind: 'transient', failures: 1 },
  });
  expect(await cache.load('a')).toMatchObject({ kind: 'missing' });
  expect(calls).toHaveLength(1);
});

test('a fetch that brings nothing good leaves value, TTL and age alone (M7)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'good', pageTtlMs: [60_000] });
  await advance(10_000);
  const outcome = cache.refresh('a');
  await turn();
  await calls[0]?.fail(upstreamError('CONNECT_FAILED'));
  expect(await outcome).toMatchObject({
    kind: 'failed',
    failure: 'transient',
    retryInMs: 2_500 / 5,
  });
  expect(cache.get('a')).toMatchObject({ kind: 'fresh', value: 'good', ageMs: 10_000 });
});

test('a malformed answer keeps the good value but no longer calls it fresh (S4-30)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'good', pageTtlMs: [60_000] });
  const outcome = cache.refresh('a');
  await turn();
  await calls[0]?.fail(upstreamError('BAD_RESPONSE'));
  expect(await outcome).toMatchObject({ kind: 'failed', failure: 'malformed' });
  expect(cache.get('a')).toMatchObject({ kind: 'stale', value: 'good', problem: { failures: 1 } });
  await advance(5_000);
  cache.read('a');
  await turn();
  await calls[1]?.answer('v2');
  expect(cache.get('a')).toMatchObject({ kind: 'fresh', value: 'v2', problem: undefined });
});

test('a fetch that throws before its first await fails like any other', async () => {
  const cache = cacheOf({
    fetch: () => {
      throw new SyntaxError('bad');
    },
  });
  expect(await cache.refresh('a')).toMatchObject({ kind: 'failed', failure: 'malformed' });
});

test('a fetch that never ends fails after fetchTimeoutMs, and its late answer is ignored', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch, fetchTimeoutMs: 1_000 });
  const outcome = cache.refresh('a');
  await advance(1_000);
  expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'CACHE_FETCH_TIMEOUT' } });
  expect(calls[0]?.signal.aborted).toBe(true);
  await calls[0]?.answer('late');
  expect(cache.get('a').kind).toBe('missing');
});

test('failures back off with full jitter up to the lesser of TTL and 300 s; forcing goes through (M6)', async () => {
  const { fetch, calls } = scripted(16_000);
  const cache = cacheOf({ fetch, random: () => 0.999_999 });
  cache.set('a', { value: 'v', pageTtlMs: [16_000] });
  const waits: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    const outcome = cache.refresh('a', { force: true });
    await turn();
    await calls[i]?.fail(upstreamError('TIMEOUT'));
    const result = await outcome;
    if (result.kind === 'failed') waits.push(Math.round(result.retryInMs));
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
  await advance(15_000);
  expect(await cache.refresh('a')).toMatchObject({ kind: 'held' });
  expect(calls).toHaveLength(7);
  await advance(1_000);
  const again = cache.refresh('a');
  await turn();
  await calls[7]?.answer('v2');
  expect(await again).toMatchObject({ kind: 'updated', value: 'v2', previous: 'v' });
});

const kindOf = (error: unknown): string => classifyCacheFailure(error).kind;

test('classifyCacheFailure() tells transient, denied, absent and malformed apart (M7)', () => {
  expect(kindOf(upstreamError('TIMEOUT'))).toBe('transient');
  expect(kindOf(upstreamError('HTTP_STATUS', { httpStatus: 503 }))).toBe('transient');
  expect(kindOf(upstreamError('HTTP_STATUS', { httpStatus: 403 }))).toBe('denied');
  expect(kindOf(upstreamError('UNAUTHORIZED'))).toBe('denied');
  expect(kindOf(upstreamError('HTTP_STATUS', { httpStatus: 404 }))).toBe('absent');
  expect(kindOf(upstreamError('RPC_ERROR', { rpcCode: -32_601 }))).toBe('absent');
  expect(kindOf(upstreamError('RPC_ERROR', { rpcCode: -32_000 }))).toBe('transient');
  expect(kindOf(upstreamError('TOO_LARGE'))).toBe('malformed');
  expect(kindOf(new SyntaxError('x'))).toBe('malformed');
  expect(kindOf(new CacheError('CACHE_OVER', 'x'))).toBe('malformed');
  expect(kindOf('text')).toBe('transient');
  const limited = upstreamError('HTTP_STATUS', { httpStatus: 429, retryAfterMs: 9_000 });
  expect(classifyCacheFailure(limited).retryAfterMs).toBe(9_000);
});

test('holdMs() waits by kind: 60 s at least when denied, 300 s when absent, Retry-After capped (M7)', () => {
  const base = { failures: 1, ttlMs: 0, minRefreshMs: 5_000, random: () => 0 };
  const hold = (kind: 'transient' | 'denied' | 'absent', retryAfterMs?: number): number =>
    holdMs({ ...base, failure: { kind, retryAfterMs } });
  expect(hold('transient')).toBe(100);
  expect(hold('denied')).toBeGreaterThanOrEqual(60_000);
  expect(hold('absent')).toBe(300_000);
  expect(hold('transient', 20_000)).toBe(20_000);
  expect(hold('transient', 1e9)).toBe(300_000);
});

test('nothing outlives a signed notAfter, and a value past it replaces nothing (M3)', async () => {
  const { fetch, calls } = scripted();
  const cache = cacheOf({ fetch });
  cache.set('a', { value: 'v1', pageTtlMs: [60_000], notAfterMs: Date.now() + 10_000 });
  expect(cache.get('a')).toMatchObject({ kind: 'fresh', remainingMs: 10_000 });
  const outcome = cache.refresh('a');
  await turn();
  await calls[0]?.answer('over', { notAfterMs: Date.now() });
  expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'CACHE_OVER' } });
  expect(cache.get('a')).toMatchObject({ value: 'v1' });
  await advance(10_000);
  expect(cache.get('a').kind).toBe('expired');
  expect(() => cache.set('a', { value: 'x', pageTtlMs: [1], notAfterMs: 0 })).toThrow(CacheError);
});
