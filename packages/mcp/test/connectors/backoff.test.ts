import { expect, test } from 'vitest';
import { backoffDelayMs, parseRetryAfterMs } from '../../src/connectors/refresh/backoff.ts';

const almostOne = (): number => 1 - Number.EPSILON;

test('backoffDelayMs() draws from a bound that doubles up to the cap', () => {
  const bounds = [1, 2, 3, 8, 9, 10, 40, 5_000].map((failures) =>
    Math.round(backoffDelayMs(failures, { random: almostOne })),
  );
  expect(bounds).toEqual([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000, 300_000]);
  expect(backoffDelayMs(3, { random: () => 0.5, baseMs: 10, capMs: 30, minMs: 0 })).toBe(15);
});

test('backoffDelayMs() never returns less than minMs', () => {
  expect(backoffDelayMs(1, { random: () => 0 })).toBe(100);
  expect(backoffDelayMs(0, { random: () => 0, minMs: 7 })).toBe(7);
});

test('backoffDelayMs() never goes before Retry-After, caps it, and spreads those who got the same', () => {
  const options = { retryAfterMs: 20_000, random: () => 0 };
  expect(backoffDelayMs(1, options)).toBe(20_000);
  expect(backoffDelayMs(1, { ...options, random: () => 0.5 })).toBe(20_500);
  expect(backoffDelayMs(1, { ...options, retryAfterMs: 1e12 })).toBe(300_000);
  expect(backoffDelayMs(1, { ...options, retryAfterMs: -5 })).toBe(100);
});

test('parseRetryAfterMs() reads seconds and HTTP dates, nothing else', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  expect(parseRetryAfterMs(' 120 ', now)).toBe(120_000);
  expect(parseRetryAfterMs('Fri, 20 Nov 2026 12:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfterMs('Fri, 20 Nov 2026 11:00:00 GMT', now)).toBe(0);
  for (const text of ['', '-1', '1.5', '2026-11-20', 'soon', 'Friday?', '99999999999']) {
    expect(parseRetryAfterMs(text, now)).toBeUndefined();
  }
});
