import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeCacheHints, readCacheHint } from '../../src/protocol/cache-hint.ts';
import {
  decodeHeaderValue,
  encodeHeaderValue,
  eraOf,
  negotiateLegacy,
} from '../../src/protocol/revision.ts';

test('eraOf() knows the five revisions and no other', () => {
  expect(eraOf('2026-07-28')).toBe('modern');
  for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
    expect(eraOf(version)).toBe('legacy');
  }
  expect(eraOf('2023-01-01')).toBeUndefined();
});

test('negotiateLegacy() answers with the client’s own revision when we speak it, else our newest', () => {
  expect(negotiateLegacy('2024-11-05')).toBe('2024-11-05');
  expect(negotiateLegacy('2026-07-28')).toBe('2025-11-25');
});

test('encodeHeaderValue() gives plain ASCII that decodeHeaderValue() reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const encoded = encodeHeaderValue(value);
      expect(encoded).toMatch(/^[\x20-\x7e]+$/);
      expect(decodeHeaderValue(encoded)).toBe(value);
    }),
  );
});

test('encodeHeaderValue() wraps what looks wrapped, and leaves plain names alone', () => {
  expect(encodeHeaderValue('get_weather')).toBe('get_weather');
  expect(encodeHeaderValue('=?base64?YQ==?=')).not.toBe('=?base64?YQ==?=');
  // Not base64, and not in that case: readers may differ about it (S15).
  for (const odd of ['=?base64?no base64?=', '=?BASE64?YQ==?=', '=?base64?']) {
    expect(encodeHeaderValue(odd)).toBe(`=?base64?${Buffer.from(odd).toString('base64')}?=`);
  }
  expect(encodeHeaderValue(' x')).toMatch(/^=\?base64\?/);
});

test('readCacheHint() caps at 24 h and takes nonsense for 0', () => {
  expect(readCacheHint({ ttlMs: 1e12, cacheScope: 'public' }, 'modern')).toEqual({
    ttlMs: 86_400_000,
    cacheScope: 'public',
  });
  for (const ttlMs of [-1, Number.NaN, '5', undefined]) {
    expect(readCacheHint({ ttlMs }, 'modern')).toEqual({ ttlMs: 0, cacheScope: 'private' });
  }
  expect(readCacheHint({}, 'legacy').ttlMs).toBe(300_000);
});

test('mergeCacheHints() takes the shortest time, and private as soon as one is', () => {
  expect(
    mergeCacheHints([
      { ttlMs: 5, cacheScope: 'public' },
      { ttlMs: 3, cacheScope: 'private' },
    ]),
  ).toEqual({ ttlMs: 3, cacheScope: 'private' });
});
