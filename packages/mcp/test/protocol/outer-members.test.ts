import { expect, test } from 'vitest';
import { objectMembers } from '../../src/protocol/json-scan.ts';
import { outerMembers } from '../../src/protocol/outer-members.ts';

function piecesOf(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}

const LONG = `[${'{"type":"text","text":"a \\" b ] } \\\\"},'.repeat(5_000)}null]`;

/** Objects of ASCII, so that places in bytes are those in text. */
const OBJECTS = [
  '{}',
  '{ \n}',
  '{"a":1}',
  '{"a":1,"a":2}',
  `{"content":${LONG},"isError":false,"resultType":"complete"}`,
  `{ "resultType" : "complete" ,\n\t"content" : ${LONG} , "n" : -1.5e+3 , "t":true,"z":null , "o" : { } }`,
  `{"resultType":"com\\u0070lete","s":"\\"\\\\","content":${LONG},"structuredContent":{"a":${LONG}}}`,
  `{"":${LONG},"a b":[],"c":"[{,}]:"}`,
];

test.for([16, 17, 100, 65_536])(
  'outerMembers() is objectMembers(), in pieces of %i bytes',
  (size) => {
    for (const text of OBJECTS) {
      expect(outerMembers(piecesOf(text, size))).toEqual(objectMembers(text));
    }
  },
);

test('outerMembers() counts bytes, whatever they stand for', () => {
  const text = '{"s":"é😀","content":["é"],"resultType":"complete"}';
  const bytes = Buffer.from(text);
  const found = outerMembers([bytes]);
  const values = found?.map(({ start, end }) => bytes.toString('utf8', start, end));
  expect(values).toEqual(['"é😀"', '["é"]', '"complete"']);
});

test.for([
  ['a long text', `{"a":"${'x'.repeat(2_000)}"}`],
  ['a long number', `{"a":${'1'.repeat(2_000)}}`],
  ['a long key', `{"${'x'.repeat(2_000)}":1}`],
  ['much space', `{"a":1${' '.repeat(2_000)}}`],
  ['an escape in a key', '{"\\u0061":1}'],
  ['a key that is not ASCII', '{"é":1}'],
  ['many members', `{${Array.from({ length: 40 }, (_, n) => `"k${n}":${n}`).join(',')}}`],
  ['deep nesting', `{"a":${'['.repeat(1_200)}${']'.repeat(1_200)}}`],
] as const)('outerMembers() leaves %s to those who read text', ([, text]) => {
  expect(outerMembers([Buffer.from(text)])).toBeUndefined();
});
