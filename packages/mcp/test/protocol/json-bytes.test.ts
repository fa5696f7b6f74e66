import { expect, test } from 'vitest';
import { JsonBytes, isObjectJson } from '../../src/protocol/json-bytes.ts';

/** A text in pieces of that many bytes. */
function piecesOf(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}

test.for([1, 2, 3, 7, 100])(
  'JsonBytes.within() is what stands there, in pieces of %i bytes',
  (size) => {
    const text = '{"a":"é€😀","b":[1]}';
    const pieces = piecesOf(text, size);
    const length = Buffer.byteLength(text);
    expect(JsonBytes.within(pieces, 0, length).toString()).toBe(text);
    const value = JsonBytes.within(pieces, 5, length - 9);
    expect(value.toString()).toBe('"é€😀"');
    expect(value.length).toBe(11);
    expect(JsonBytes.within(pieces, 5, 5).pieces).toEqual([]);
  },
);

test.for([1, 2, 3, 7, 100])(
  'includes() finds a text wherever it is cut, in pieces of %i bytes',
  (size) => {
    const json = new JsonBytes(piecesOf('{"resultType":"complete"}', size));
    expect(json.includes('"resultType"')).toBe(true);
    expect(json.includes('{"r')).toBe(true);
    expect(json.includes('e"}')).toBe(true);
    expect(json.includes('"result"')).toBe(false);
  },
);

test('withStart() replaces the beginning, and copies nothing of what follows', () => {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = piecesOf('{"a":1,"b":2}', 7);
  const json = new JsonBytes([first, second]).withStart('{"new":0,', 1);
  expect(json.toString()).toBe('{"new":0,"a":1,"b":2}');
  expect(json.pieces[1]?.buffer).toBe(first.buffer);
  expect(json.pieces[2]).toEqual(second);
});

test.for([
  ['{}', true],
  [' \n{}', true],
  ['[]', false],
  ['', false],
  ['"{"', false],
] as const)('isObjectJson() of %j is %s', ([text, expected]) => {
  expect(isObjectJson(text)).toBe(expected);
});

test('isObjectJson() of bytes looks at the first of them', () => {
  expect(isObjectJson(new JsonBytes([Buffer.from('{'), Buffer.from('}')]))).toBe(true);
  expect(isObjectJson(new JsonBytes([Buffer.from('[]')]))).toBe(false);
});
