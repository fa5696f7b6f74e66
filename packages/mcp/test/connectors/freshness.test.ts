import { expect, test } from 'vitest';
import { effectiveTtlMs, freshnessAt, MAX_TTL_MS } from '../../src/connectors/cache/freshness.ts';

test('effectiveTtlMs() takes the least of all pages; absent, negative and unusable count as 0 (M1)', () => {
  expect(effectiveTtlMs([60_000, 30_000, 90_000])).toBe(30_000);
  expect(effectiveTtlMs([60_000, undefined])).toBe(0);
  expect(effectiveTtlMs([60_000, -1])).toBe(0);
  expect(effectiveTtlMs([Number.NaN])).toBe(0);
  expect(effectiveTtlMs([])).toBe(0);
});

test('effectiveTtlMs() caps at 24 h: no server can pin an entry', () => {
  expect(effectiveTtlMs([7 * MAX_TTL_MS])).toBe(86_400_000);
  expect(effectiveTtlMs([Infinity])).toBe(0);
});

const window = {
  receivedAtMs: 1_000,
  ttlMs: 100,
  maxStaleMs: 1_000,
  notAfterMs: undefined,
  invalidated: false,
};

test('freshnessAt() goes from fresh over the two stale windows to expired, at exact instants', () => {
  expect(freshnessAt(1_000, window)).toEqual({ kind: 'fresh', remainingMs: 100 });
  expect(freshnessAt(1_099, window)).toEqual({ kind: 'fresh', remainingMs: 1 });
  expect(freshnessAt(1_100, window)).toEqual({
    kind: 'stale',
    window: 'revalidate',
    staleForMs: 0,
  });
  expect(freshnessAt(1_199, window)).toMatchObject({ window: 'revalidate' });
  expect(freshnessAt(1_200, window)).toEqual({ kind: 'stale', window: 'error', staleForMs: 100 });
  expect(freshnessAt(2_099, window)).toMatchObject({ kind: 'stale' });
  expect(freshnessAt(2_100, window)).toEqual({ kind: 'expired' });
});

test('freshnessAt() lets nothing outlive a signed notAfter, fresh or stale (M3)', () => {
  const signed = { ...window, notAfterMs: 1_050 };
  expect(freshnessAt(1_000, signed)).toEqual({ kind: 'fresh', remainingMs: 50 });
  expect(freshnessAt(1_050, signed)).toEqual({ kind: 'expired' });
  const later = { ...window, notAfterMs: 1_500 };
  expect(freshnessAt(1_499, later)).toMatchObject({ kind: 'stale' });
  expect(freshnessAt(1_500, later)).toEqual({ kind: 'expired' });
});

test('freshnessAt() never calls an invalidated value fresh', () => {
  const old = { ...window, invalidated: true };
  expect(freshnessAt(1_001, old)).toEqual({ kind: 'stale', window: 'revalidate', staleForMs: 0 });
});

test('freshnessAt() has a TTL of 0 stale at once and usable for maxStaleMs', () => {
  const zero = { ...window, ttlMs: 0 };
  expect(freshnessAt(1_000, zero)).toEqual({ kind: 'stale', window: 'error', staleForMs: 0 });
  expect(freshnessAt(1_999, zero)).toMatchObject({ kind: 'stale' });
});
