import { expect, test } from 'vitest';
import { largeResult } from '../../src/upstream/streamable-http/large-result.ts';
import { plainResult } from '../../src/upstream/streamable-http/plain-result.ts';
import { JSON_BITS, damagedTexts } from '../protocol/damaged-texts.ts';

const VALUE = '{"a":["x\\"}",{"id":8},true],"é😀":-1.5e3,"result":{"id":7}}';
const ANSWERS = [
  `{"jsonrpc":"2.0","id":7,"result":${VALUE}}`,
  `{"result":${VALUE},"jsonrpc":"2.0","id":7}`,
  `{"id":7,"result":${VALUE},"jsonrpc":"2.0"}`,
];

/** What it makes of a text that comes in pieces of so many bytes. */
function read(text: string, size: number = Infinity, idText: string = '7'): string | undefined {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return largeResult(pieces, idText)?.toString();
}

test.for([1, 2, 3, 5, 16, 17, Infinity])(
  'largeResult() gives the result wherever the id is, in pieces of %i bytes',
  (size) => {
    expect(ANSWERS.map((answer) => read(answer, size))).toEqual(ANSWERS.map(() => VALUE));
    expect(read(` {\n"id" : 7 ,\t"result" : ${VALUE}\r\n }\r\n`, size)).toBe(VALUE);
  },
);

test('largeResult() copies nothing of what it gives', () => {
  const bytes = Buffer.from(`{"id":7,"result":{"a":"${'x'.repeat(100_000)}"}}`);
  const result = largeResult([bytes.subarray(0, 70_000), bytes.subarray(70_000)], '7');
  expect(result?.pieces.map(({ buffer }) => buffer)).toEqual([bytes.buffer, bytes.buffer]);
  expect(result?.length).toBe(bytes.length - 18);
});

test.for([
  ['another id', `{"id":8,"result":${VALUE}}`],
  ['an id of another type', `{"id":"7","result":${VALUE}}`],
  ['an id written otherwise', `{"id":7.0,"result":${VALUE}}`],
  ['two ids', `{"id":7,"result":${VALUE},"id":7}`],
  ['an id with an escape in its key', `{"id":7,"result":${VALUE},"i\\u0064":8}`],
  ['two results', `{"id":7,"result":${VALUE},"result":{}}`],
  ['a result and an error', `{"id":7,"result":${VALUE},"error":{}}`],
  ['an error', '{"id":7,"error":{"code":1,"message":"","data":{"result":{}}}}'],
  ['a request', `{"id":7,"method":"a","result":${VALUE}}`],
  ['a notification', `{"method":"a","params":{"id":7,"result":${VALUE}}}`],
  ['no id', `{"result":${VALUE}}`],
  ['a result that is no object', '{"id":7,"result":[{}]}'],
  ['a result within a text', '{"jsonrpc":"2.0,\\"result\\":{}","id":7}'],
  ['a text that ends before the result', '{"id":"7,"result":{}}'],
  ['an array', `[{"id":7,"result":${VALUE}}]`],
  ['a byte order mark', `\uFEFF{"id":7,"result":${VALUE}}`],
  ['something behind it', `{"id":7,"result":${VALUE}} x`],
  ['much behind it', `{"id":7,"result":${VALUE}${' '.repeat(5_000)}}`],
  ['much before it', `{"id":7,${' '.repeat(5_000)}"result":${VALUE}}`],
  ['a result without an end', '{"id":7,"result":{"a":"'],
  ['levels without end', `{"id":7,"result":{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}}`],
  ['nothing', ''],
])('largeResult() leaves %s to others', ([, text]) => {
  expect(read(text ?? '')).toBeUndefined();
});

test('largeResult() knows an id that is a text', () => {
  expect(read(`{"id":"a-1","result":${VALUE}}`, 9, '"a-1"')).toBe(VALUE);
});

test('largeResult() takes no damaged answer for another than plainResult() does (S3)', () => {
  const bits = [...JSON_BITS, '\n', '\0', '"id":8,', '\u00a0'];
  for (const answer of ANSWERS) {
    // Half a character is no UTF-8.
    const damaged = damagedTexts(answer.replace('😀', ''), bits);
    const taken = damaged.filter((text) => read(text) !== undefined);
    expect(taken.length).toBeGreaterThan(100);
    expect(taken.map((text) => read(text))).toEqual(taken.map((text) => plainResult(text, '7')));
    // And leaves to others what is no object, or damaged, or has an odd version.
    const sound = damaged.filter(
      (text) =>
        plainResult(text, '7')?.startsWith('{') === true && !/"jsonrpc":"[^"]*[,{}[\]]/.test(text),
    );
    expect(sound.filter((text) => read(text) === undefined)).toEqual([]);
  }
});
