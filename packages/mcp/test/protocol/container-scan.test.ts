import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteText } from '../../src/protocol/byte-scan.ts';
import { afterValue } from '../../src/protocol/byte-value.ts';
import { containerScan } from '../../src/protocol/container-scan.ts';
import { damagedTexts, isJson } from './damaged-texts.ts';

const DEPTH = 999;
/** Windows so small that everything is cut somewhere, and the one that is used. */
const WINDOWS = [16, 17, 23, 32, 61, undefined];

function scanOf(
  bytes: Buffer | readonly Buffer[],
  windowBytes?: number,
): NonNullable<ReturnType<typeof containerScan>> {
  const scan = containerScan(bytes, windowBytes);
  if (scan === undefined) throw new Error('there is no WebAssembly here');
  return scan;
}

/** The same bytes in pieces, of which some are empty. */
function piecesOf(bytes: Buffer, size: number): readonly Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, n) => [
    bytes.subarray(n * size, (n + 1) * size),
    Buffer.alloc(0),
  ]).flat();
}

/** Where a container at the beginning ends, as each of the ways to find out says; without those that cannot judge. */
function ends(text: string, depth: number = DEPTH): readonly number[] {
  const bytes = Buffer.from(text);
  const compiled = WINDOWS.map((windowBytes) => scanOf(bytes, windowBytes).after(0, depth));
  const inPieces = [1, 5, 16].map((size) => scanOf(piecesOf(bytes, size), 23).after(0, depth));
  const said = [afterValue(byteText(bytes), 0, depth), ...compiled, ...inPieces];
  return [...new Set(said.filter((end) => end !== undefined))];
}

/** Those of the texts of which not everybody says whether they are one container. */
function disputed(texts: readonly string[]): readonly string[] {
  const found = texts.filter((text) => {
    const [end, ...others] = ends(text);
    return others.length > 0 || (end === Buffer.byteLength(text)) !== isJson(text);
  });
  return found.slice(0, 5);
}

const SCALARS = [
  '0 -0 -1 10 1.5 -0.25 1e5 1E+5 1e-05 123456789 -1234.56789e+10 true false null',
  '01 -01 1. .5 -.5 1e 1e+ +1 - -e 1.e5 Infinity NaN tru nul fals truee t f n undefined 0x1 1_0',
  String.raw`"\"" "\\" "\/" "\b\f\n\r\t" "\u00e9" "\uD83d" "\u00g0" "\u00" "\u0@00" "\u00:0" "\u00G0" "\x41" "\" "a`,
  '"\t" "\u0001" "\u001f" "\u007f" "\u0080" "é" "𝄞" "" é \u00a0 \0',
].flatMap((line) => line.split(' '));

test('after() takes for JSON what JSON.parse takes, wherever it begins (S3)', () => {
  const texts = Array.from({ length: 18 }, (_, room) => ' '.repeat(room)).flatMap((space) =>
    SCALARS.flatMap((scalar) => [
      `[${space}${scalar}]`,
      `[0,${scalar}${space},0]`,
      `{${space}"a":${scalar}}`,
      `{"a"${space}:${space}${scalar}${space},"b":[]}`,
      `{${scalar}:0}`,
    ]),
  );
  expect(disputed(texts)).toEqual([]);
});

test('after() says of every escape, and of every byte in a text and outside, what JSON.parse says (S3)', () => {
  const characters = Array.from({ length: 256 }, (_, code) => String.fromCodePoint(code));
  const texts = characters.flatMap((one) => [
    `["\\${one}"]`,
    `["\\u00${one}0"]`,
    `["${one}"]`,
    `[${one}]`,
    `[0${one}]`,
    `[-${one}]`,
    `[0.${one}]`,
    `[1e${one}]`,
    `{"a"${one}0}`,
  ]);
  expect(disputed(texts)).toEqual([]);
});

test('after() and JSON.parse agree on texts that were damaged anywhere, whatever the window cuts', () => {
  const text = `{"a": [1,-2.50e+10,{"y":"z\\u00e9\\n"}, [ ] ,{}],"é":\r\n\t  {"long key of more than sixteen bytes":"${'x'.repeat(40)}\\"é"},"l":[true , false,null]}`;
  const bits = ['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '\n', '0', '-', '.', 'e', '\0', 'u'];
  expect(disputed([text])).toEqual([]);
  expect(disputed(damagedTexts(text, bits).map((one) => `[${one}]`))).toEqual([]);
});

test('after() finds the end of any JSON, and none in a part of it', () => {
  const json = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));
  const space = fc.constantFrom(undefined, 1, 4, '\t');
  fc.assert(
    fc.property(
      json,
      space,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (value, indent, part) => {
        const text = JSON.stringify(value, null, indent);
        expect(ends(`${text}]`)).toEqual([Buffer.byteLength(text)]);
        expect(ends(text.slice(0, Math.floor(part * text.length)))).toEqual([-1]);
      },
    ),
    { numRuns: 300 },
  );
});

test('after() takes runs of blanks, texts and empty containers of every length up to four windows', () => {
  const texts = Array.from({ length: 70 }, (_, length) => [
    `[${' '.repeat(length)}]`,
    `[1${'\n'.repeat(length)},2${' \t'.repeat(length)}]`,
    `{${' '.repeat(length)}}`,
    `["${'x'.repeat(length)}"]`,
    `["${'x'.repeat(length)}`,
    `["${'x'.repeat(length)}\\`,
    `["${'x'.repeat(length)}\\u00`,
    `{"${'é'.repeat(length)}":0}`,
    `[${'[],'.repeat(length)}{}]`,
    `[${'\\'.repeat(length)}]`,
    `["${'\\'.repeat(length)}"]`,
  ]).flat();
  expect(disputed(texts)).toEqual([]);
});

const nested = (levels: number): string =>
  '[{"a":'.repeat(levels / 2) + '0' + '}]'.repeat(levels / 2);

test('after() bounds depth (S13)', () => {
  for (const depth of [2, 62, 64, 998]) {
    expect(ends(nested(depth), depth)).toEqual([Buffer.byteLength(nested(depth))]);
    expect(ends(nested(depth), depth - 1)).toEqual([-1]);
  }
  expect(ends('['.repeat(3_000))).toEqual([-1]);
  expect(ends('[]]', 1)).toEqual([2]);
  expect(ends('[]', 0)).toEqual([-1]);
});

test('after() leaves to others what is longer than its window and may not be taken apart', () => {
  const bytes = Buffer.from(`[1,${'1'.repeat(40)},2]`);
  expect(scanOf(bytes, 16).after(0, DEPTH)).toBeUndefined();
  expect(afterValue(byteText(bytes, scanOf(bytes, 16)), 0, DEPTH)).toBe(bytes.length);
  expect(scanOf(bytes, 48).after(0, DEPTH)).toBe(bytes.length);
});

test('after() judges a number that ends where the window does by what follows', () => {
  const texts = Array.from({ length: 40 }, (_, length) => '0'.repeat(length)).flatMap((zeros) =>
    ['', '.5', '.', 'e1', 'e', 'e+', '-'].map((rest) => `[1${zeros}${rest},${zeros}]`),
  );
  expect(disputed(texts)).toEqual([]);
});

test('after() begins at any place, forth and back, with other texts in between', () => {
  const one = `{"a":[1],"b":${'[2,'.repeat(30)}"x"${']'.repeat(30)},"c":{"d":[]}}`;
  const other = Buffer.from(`[${'"]",'.repeat(40)}`);
  const bytes = Buffer.concat([Buffer.from('[[['), Buffer.from(one), Buffer.from(']')]).subarray(3);
  const scan = scanOf(bytes, 24);
  const another = scanOf(other, 24);
  const places = ['[1]', '[2', '{"d"', '[]', '{"a"', '{"d"', '[1]'].map((text) =>
    one.indexOf(text),
  );
  for (const from of [...places, ...places.toReversed()]) {
    expect(scan.after(from, DEPTH)).toBe(afterValue(byteText(bytes), from, DEPTH));
    expect(another.after(0, DEPTH)).toBe(-1);
  }
});

test('after() does not read what an earlier, longer text has left behind', () => {
  const whole = `["${'x'.repeat(200)}",[1,2,true],{"k":"v\\u00e9"}]`;
  const cut = Array.from({ length: whole.length - 1 }, (_, length) => whole.slice(0, length));
  for (const text of cut) {
    expect(scanOf(Buffer.from(whole)).after(0, DEPTH)).toBe(whole.length);
    expect(scanOf(Buffer.from(text)).after(0, DEPTH)).toBe(-1);
  }
});

test('after() takes texts of many windows', () => {
  const text = JSON.stringify(
    Array.from({ length: 20_000 }, (_, index) => ({
      [`key ${index}`]: [index / 7, 'é\n'.repeat(index % 30), { null: null }],
    })),
    null,
    1,
  );
  const bytes = Buffer.from(`${text},`);
  expect(bytes.length).toBeGreaterThan(1_000_000);
  expect(scanOf(bytes).after(0, DEPTH)).toBe(bytes.length - 1);
  expect(scanOf(bytes.subarray(0, -2)).after(0, DEPTH)).toBe(-1);
});

test('after() looks at a text in pieces from any place, forwards and back', () => {
  const bytes = Buffer.from(
    `[${'[1,"é"],'.repeat(40_000)}[]] {"a":{"b":"${'x'.repeat(200_000)}"}}`,
  );
  const second = bytes.indexOf('{');
  for (const size of [1_000, 65_536, 131_072]) {
    const scan = scanOf(piecesOf(bytes, size));
    expect(scan.after(second, DEPTH)).toBe(bytes.length);
    expect(scan.after(0, DEPTH)).toBe(second - 1);
    expect(scan.after(second + 5, DEPTH)).toBe(bytes.length - 1);
  }
});
