import { expect, test } from 'vitest';
import { HeldBytes, joined } from '../../src/upstream/streamable-http/held-bytes.ts';

test('HeldBytes keeps all bytes in order, be the pieces large or small', () => {
  const held = new HeldBytes();
  const expected: Buffer[] = [];
  for (let n = 0; n < 3_000; n += 1) {
    const piece = Buffer.alloc(n % 100 === 0 ? 5_000 : n % 7, n % 251);
    expected.push(piece);
    held.push(piece);
    // Asked for in between, which must not lose the room that is left.
    if (n % 500 === 0) held.pieces();
  }
  expect(joined(held.pieces())).toEqual(Buffer.concat(expected));
  expect(held.length).toBe(Buffer.concat(expected).length);
});

test('HeldBytes copies small pieces together, so that a body sent byte by byte is not an object a byte (S13)', () => {
  const held = new HeldBytes();
  const byte = Buffer.from('x');
  for (let n = 0; n < 1_000_000; n += 1) held.push(byte);
  expect(held.length).toBe(1_000_000);
  expect(held.pieces().length).toBeLessThan(100);
});

test('HeldBytes does not copy what comes in large pieces', () => {
  const held = new HeldBytes();
  const pieces = Array.from({ length: 20 }, (_, n) => Buffer.alloc(2_000, n));
  for (const piece of pieces) held.push(piece);
  expect(held.pieces().every((piece, n) => piece === pieces[n])).toBe(true);
});

test('joined() of one piece is that piece', () => {
  const piece = Buffer.from('a');
  expect(joined([piece])).toBe(piece);
  expect(joined([])).toHaveLength(0);
  expect(joined([piece, piece]).toString()).toBe('aa');
});
