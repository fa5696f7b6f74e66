import { expect, test } from 'vitest';
import { placeFor } from '../../../src/upstream/replicas/rendezvous.ts';

const places = ['http://a/', 'http://b/', 'http://c/'].map((key) => ({ key, weight: 1 }));
const callers = Array.from({ length: 3_000 }, (_, index) => `session-${index}`);

test('placeFor() gives a caller the same place each time, and spreads callers evenly', () => {
  const counts = new Map<string, number>();
  for (const caller of callers) {
    const key = placeFor(caller, places)?.key ?? '';
    expect(placeFor(caller, places.toReversed())?.key).toBe(key);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(count).toBeGreaterThan(850);
  expect(counts.size).toBe(3);
});

test('placeFor() moves only the callers of a place that is gone', () => {
  const fewer = places.slice(0, 2);
  for (const caller of callers) {
    const before = placeFor(caller, places);
    if (before?.key === 'http://c/') continue;
    expect(placeFor(caller, fewer)).toBe(before);
  }
  expect(placeFor('anyone', [])).toBeUndefined();
});

test('placeFor() gives a place with three times the weight three times the callers', () => {
  const uneven = [
    { key: 'big', weight: 3 },
    { key: 'small', weight: 1 },
  ];
  const big = callers.filter((caller) => placeFor(caller, uneven)?.key === 'big').length;
  expect(big / callers.length).toBeGreaterThan(0.71);
  expect(big / callers.length).toBeLessThan(0.79);
});
