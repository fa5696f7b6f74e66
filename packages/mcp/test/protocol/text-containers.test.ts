import { expect, test } from 'vitest';
import { afterValue } from '../../src/protocol/json-strict.ts';
import { afterValueIn, textContainers } from '../../src/protocol/text-containers.ts';

const LONG = JSON.stringify({ rows: Array.from({ length: 300 }, (_, n) => ({ n, ok: true })) });

function has(bytes: Buffer): boolean {
  return textContainers(bytes.toString(), bytes) !== undefined;
}

test('textContainers() is for long texts of which each character is one byte', () => {
  expect(has(Buffer.from(LONG))).toBe(true);
  expect(has(Buffer.from(LONG.slice(0, 1_024)))).toBe(false);
  expect(has(Buffer.from(LONG.replace('rows', 'röws')))).toBe(false);
  expect(has(Buffer.from(`\uFEFF${LONG}`))).toBe(false);
  // A character that breaks off after two bytes is one U+FFFD.
  const [before = '', after = ''] = LONG.split('rows');
  const cut = Buffer.concat([
    Buffer.from(before),
    Buffer.from('€').subarray(0, 2),
    Buffer.from(after),
  ]);
  expect(has(cut)).toBe(false);
});

test('afterValueIn() finds what afterValue() finds, as deep, whatever stands there', () => {
  const bytes = Buffer.from(LONG);
  const containers = textContainers(LONG, bytes);
  expect(containers).toBeDefined();
  for (let at = 0; at < 200; at += 1) {
    for (const depth of [0, 1, 2, 3, 1_000]) {
      expect(afterValueIn(LONG, at, depth, containers)).toBe(afterValue(LONG, at, depth));
    }
  }
});

test('afterValueIn() reads numbers longer than WebAssembly looks at', () => {
  const text = `[${'1'.repeat(200_000)}]`;
  const containers = textContainers(text, Buffer.from(text));
  expect(containers?.after(0, 10)).toBeUndefined();
  expect(afterValueIn(text, 0, 10, containers)).toBe(text.length);
});
