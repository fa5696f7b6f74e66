import { expect, test } from 'vitest';
import { objectMembers } from '../../src/protocol/json-scan.ts';
import { outerObject } from '../../src/protocol/outer-members.ts';
import { JSON_BITS, damagedTexts, isJson } from './damaged-texts.ts';

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
  'outerObject() is objectMembers(), in pieces of %i bytes',
  (size) => {
    for (const text of OBJECTS) {
      const found = outerObject(piecesOf(text, size));
      expect(found).toEqual({ members: objectMembers(text), end: text.length });
    }
  },
);

test('outerObject() counts bytes, whatever they stand for', () => {
  const text = '{"s":"é😀","content":["é"],"resultType":"complete"}';
  const bytes = Buffer.from(text);
  const found = outerObject([bytes]);
  const values = found?.members.map(({ start, end }) => bytes.toString('utf8', start, end));
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
] as const)('outerObject() leaves %s to those who read text', ([, text]) => {
  expect(outerObject([Buffer.from(text)])).toBeUndefined();
});

test('outerObject() finds an object within a text', () => {
  const text = `[1,{"a":${LONG}, "b" : 2 } ,3]`;
  const found = outerObject(piecesOf(text, 1_000), 3);
  const values = found?.members.map(({ start, end }) => text.slice(start, end));
  expect(values).toEqual([LONG, '2']);
  expect(found?.end).toBe(text.length - 4);
});

test('outerObject() takes no damaged object for another than JSON.parse does (S3)', () => {
  const text = '{"a":"x\\u0041\\"", "b":[1,{}] ,"c":-1.5e+3,"d":true,"e":0 }';
  const bits = [...JSON_BITS, '.', '-', '\n', '\0', '\u000b', 'null'];
  // Its brace is known to be there.
  const damaged = damagedTexts(text, bits).filter((other) => other.startsWith('{'));
  const taken = damaged.flatMap((other) => {
    const found = outerObject([Buffer.from(other)]);
    return found === undefined ? [] : [{ other: other.slice(0, found.end), found }];
  });
  expect(taken.length).toBeGreaterThan(100);
  expect(taken.filter(({ other }) => !isJson(other))).toEqual([]);
  expect(taken.map(({ found }) => found.members)).toEqual(
    taken.map(({ other }) => objectMembers(other)),
  );
  // And leaves only what has an escape in a key.
  const left = damaged.filter(
    (other) => isJson(other) && outerObject([Buffer.from(other)]) === undefined,
  );
  expect(left.filter((other) => !/"[^",:]*\\[^"]*"\s*:/.test(other))).toEqual([]);
});
