import { expect, test } from 'vitest';
import { judgeMapTime, type MapTimeLimits } from '../../src/connectors/map/service-map-time.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const times = { generatedAtMs: NOW, ttlMs: 60_000, notAfterMs: undefined };
const limits: MapTimeLimits = {
  nowEpochMs: NOW,
  lastGeneratedAtMs: undefined,
  acceptStaleMs: 0,
  maxStaleMs: 24 * HOUR,
};

function codeOf(changes: object, limitChanges: object = {}): string {
  const verdict = judgeMapTime({ ...times, ...changes }, { ...limits, ...limitChanges });
  return verdict.kind === 'rejected' ? verdict.code : 'accepted';
}

test('judgeMapTime() grants TTL from receipt, then the stale window', () => {
  expect(judgeMapTime(times, limits)).toEqual({
    kind: 'accepted',
    freshForMs: 60_000,
    usableForMs: 60_000 + 24 * HOUR,
  });
});

test('judgeMapTime() refuses maps dated more than five minutes ahead (defect 12)', () => {
  expect(codeOf({ generatedAtMs: NOW + 300_000 })).toBe('accepted');
  expect(codeOf({ generatedAtMs: NOW + 300_001 })).toBe('MAP_FUTURE');
});

test('judgeMapTime() refuses maps past TTL and skew, unless they may arrive stale (defect 12)', () => {
  const old = { generatedAtMs: NOW - 60_000 - 300_001 };
  expect(codeOf({ generatedAtMs: NOW - 60_000 - 300_000 })).toBe('accepted');
  expect(codeOf(old)).toBe('MAP_EXPIRED');
  const stale = judgeMapTime({ ...times, ...old }, { ...limits, acceptStaleMs: HOUR });
  expect(stale).toEqual({ kind: 'accepted', freshForMs: 0, usableForMs: 24 * HOUR - 1 });
  expect(codeOf({ generatedAtMs: NOW - 2 * HOUR }, { acceptStaleMs: HOUR })).toBe('MAP_EXPIRED');
});

test('judgeMapTime() refuses a map older than the newest accepted, not the same one (defect 12)', () => {
  expect(codeOf({}, { lastGeneratedAtMs: NOW })).toBe('accepted');
  expect(codeOf({}, { lastGeneratedAtMs: NOW + 1 })).toBe('MAP_REPLAYED');
});

test('judgeMapTime() refuses maps that could never be fresh', () => {
  expect(codeOf({ ttlMs: 0 })).toBe('MAP_NEVER_FRESH');
  expect(codeOf({ ttlMs: Number.NaN })).toBe('MAP_NEVER_FRESH');
  expect(codeOf({ notAfterMs: NOW })).toBe('MAP_NEVER_FRESH');
});

test('judgeMapTime() lets nothing outlive a signed notAfter', () => {
  const verdict = judgeMapTime({ ...times, notAfterMs: NOW + 10_000 }, limits);
  expect(verdict).toEqual({ kind: 'accepted', freshForMs: 10_000, usableForMs: 10_000 });
  const generatedAtMs = NOW - HOUR;
  expect(codeOf({ generatedAtMs, notAfterMs: NOW - 1 }, { acceptStaleMs: 24 * HOUR })).toBe(
    'MAP_EXPIRED',
  );
});

const freshFor = (ttlMs: number): number => {
  const verdict = judgeMapTime({ ...times, ttlMs }, limits);
  return verdict.kind === 'accepted' ? verdict.freshForMs : -1;
};

test('judgeMapTime() keeps TTLs between 5 s and 24 h (defect 12: no minimum)', () => {
  expect(freshFor(1_000)).toBe(5_000);
  expect(freshFor(99 * 24 * HOUR)).toBe(24 * HOUR);
});
