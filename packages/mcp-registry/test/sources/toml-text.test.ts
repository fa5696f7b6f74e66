import { expect, test } from 'vitest';
import { maxTomlLength, parseTomlText } from '../../src/sources/toml-text.ts';

test.each<[text: string, value: object]>([
  ['', {}],
  ['\uFEFFa = 1\r\nb = 2', { a: 1, b: 2 }],
  ['a = 1 # one\n\n# two\nb.c."d e".\'f\' = true', { a: 1, b: { c: { 'd e': { f: true } } } }],
  [
    'a = 0x1F\nb = -1_000\nc = 1.5e3\nd = 0o17\ne = 0b11',
    { a: 31, b: -1000, c: 1500, d: 15, e: 3 },
  ],
  [
    'a = 1979-05-27T07:32:00Z\nb = 07:32:00\nc = 1979-05-27 07:32:00',
    {
      a: '1979-05-27T07:32:00.000Z',
      b: '07:32:00.000',
      c: '1979-05-27T07:32:00.000',
    },
  ],
  [String.raw`a = "\t\"\\\u00e9\U0001F600\x41\e"`, { a: '\t"\\é😀A\u001B' }],
  ["a = 'C:\\x'", { a: 'C:\\x' }],
  ['a = """\nx \\\n   y"""""', { a: 'x y""' }],
  ["a = '''\nx\ny'''\nb = \"\"", { a: 'x\ny', b: '' }],
  ['a = [ # one\n 1, "b", [ ],\n]\nb = []', { a: [1, 'b', []], b: [] }],
  ['a = { b = 1, c.d = "e", f = { } }', { a: { b: 1, c: { d: 'e' }, f: {} } }],
  [
    '[a]\nb = 1\n[a.c]\nd = 2\n[ "e f" . g ] # x\nh = 3',
    { a: { b: 1, c: { d: 2 } }, 'e f': { g: { h: 3 } } },
  ],
  ['[[a]]\nb = 1\n[a.c]\nd = 2\n[[a]]\nb = 3', { a: [{ b: 1, c: { d: 2 } }, { b: 3 }] }],
])('parseTomlText() reads %j', (text, value) => {
  expect(parseTomlText(text)).toEqual(value);
});

test('parseTomlText() keeps names that objects have themselves', () => {
  const value = parseTomlText('[__proto__]\na = 1\n[constructor]\nb = 2');
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test.each([
  ['a = 1\nb = yes', 'line 2'],
  ['a = 01', 'line 1'],
  ['a = [1 2]', 'line 1'],
  [String.raw`a = "\q"`, 'line 1'],
  ['a = "b', 'line 1'],
  ['a = 1\na = 2', 'line 2'],
  ['[a', 'line 1'],
  ['[a] b', 'line 1'],
  ['= 1', 'line 1'],
  ['a =', 'line 1'],
  ['a = 1\n[a.b]', 'line 2'],
  ['[a]\nb = 1\n[a]\nc = 2', 'line 3'],
  [`a = ${'['.repeat(100)}${']'.repeat(100)}`, 'line 1'],
])('parseTomlText() refuses %j with the line', (text, where) => {
  expect(() => parseTomlText(text)).toThrow(expect.objectContaining({ code: 'EFORMAT' }));
  expect(() => parseTomlText(text)).toThrow(where);
});

test('parseTomlText() says nothing of what stands in a broken file (S18)', () => {
  const text = 'token = "hunter2"\nother = hunter3 hunter4\n# hunter5';
  expect(() => parseTomlText(text)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^(?!.*hunter).*line 2/u) }),
  );
});

test('parseTomlText() bounds what it reads', () => {
  const long = `a = "${'x'.repeat(maxTomlLength)}"`;
  expect(() => parseTomlText(long)).toThrow(expect.objectContaining({ code: 'ETOOLARGE' }));
});

test('parseTomlText() takes time in proportion to the text', () => {
  const items = Array.from({ length: 20_000 }, (_, n) => `k${n} = "v" # c`).join('\n');
  const members = Array.from({ length: 20_000 }, (_, n) => `k${n} = 1`).join(', ');
  const value = parseTomlText(`${items}\nlist = {${members}}\n`);
  expect(Object.keys(value)).toHaveLength(20_001);
});
