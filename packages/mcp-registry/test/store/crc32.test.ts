import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { createCrc32 } from '../../src/store/crc32.ts';

const TEXTS = ['', 'a', '123456789', 'Grüße, 世界 🎉', '\n', 'x'.repeat(5_000)];

test('crc32() is the one of zlib, for text and bytes, with and without a start', () => {
  const crc32 = createCrc32();
  expect(crc32('123456789')).toBe(0xcbf43926);
  for (const text of TEXTS) {
    for (const start of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      expect(crc32(text, start)).toBe(zlibCrc32(text, start));
      expect(crc32(Buffer.from(text), start)).toBe(zlibCrc32(text, start));
    }
  }
  const bytes = Uint8Array.from({ length: 1_024 }, (_, index) => (index * 31) & 0xff);
  expect(crc32(bytes.subarray(100, 900))).toBe(zlibCrc32(bytes.subarray(100, 900)));
});

test('crc32() gives the same when it goes over to zlib', () => {
  const crc32 = createCrc32(8);
  const parts = ['1234', '5678', 'ö', 'and what zlib sums up', ''];
  let sum = 0;
  for (const part of parts) sum = crc32(part, sum);
  expect(sum).toBe(zlibCrc32(parts.join('')));
});
