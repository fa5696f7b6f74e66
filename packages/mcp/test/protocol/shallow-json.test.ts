import { assert, jsonValue, property } from 'fast-check';
import { expect, test } from 'vitest';
import { parseMessage } from '../../src/protocol/json-rpc.ts';
import { parseShallow } from '../../src/protocol/shallow-json.ts';

const filler = (value: unknown): string =>
  `{"small":${JSON.stringify(value)},"large":[${'0,'.repeat(40_000)}0],"object":{"x":"${'y'.repeat(70_000)}"},"text":"${'z'.repeat(70_000)}"}`;

test('parseShallow() is JSON.parse for small text, and for large text but for what is large in it (S13)', () => {
  assert(
    property(jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(parseShallow(text)).toEqual(JSON.parse(text));
      expect(parseShallow(filler(value))).toEqual({
        small: JSON.parse(text) as unknown,
        large: [],
        object: {},
        text: 'z'.repeat(70_000),
      });
    }),
    { numRuns: 30 },
  );
});

test('parseShallow() takes large arrays and strings as they are, and __proto__ as a key like any other (S14)', () => {
  const list = `[${'0,'.repeat(40_000)}0]`;
  expect(parseShallow(list)).toHaveLength(40_001);
  const odd = filler(1).replace('"small"', '"__proto__"');
  expect(Object.keys(Object(parseShallow(odd)))).toContain('__proto__');
});

test.each([
  ['a comma too many', filler(1).replace('}"', '},"').replace('0],', '0,],')],
  ['an end too early', filler(1).slice(0, -1)],
  ['more behind it', `${filler(1)}{}`],
  ['a number that is none', filler('@').replace('"@"', '01')],
  ['a bare line end in a string', filler('@').replace('@', '\n')],
  ['1,001 levels', filler('@').replace('"@"', '['.repeat(1_001) + ']'.repeat(1_001))],
])('parseShallow() refuses large text with %s', (_what, text) => {
  expect(() => parseShallow(text)).toThrow(SyntaxError);
});

test('parseShallow() refuses large objects of more than 1,000 members', () => {
  const many = Array.from({ length: 20_000 }, (_, n) => `"k${n}":0`).join();
  expect(() => parseShallow(`{${many}}`)).toThrow('more than 1000 members');
});

test('parseMessage() leaves large members to those who ask for them, and loses none (S13)', () => {
  const args = `{"list":[${'0,'.repeat(40_000)}1]}`;
  const answers = `{"a":{"content":"${'x'.repeat(70_000)}"}}`;
  const message = parseMessage(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","x":[${'0,'.repeat(40_000)}1],"params":{"name":"t","arguments":${args},"inputResponses":${answers},"_meta":{"progressToken":7,"y":"${'x'.repeat(70_000)}"}}}`,
  );
  if (message.kind !== 'request') throw new Error(message.kind);
  const { value, meta, members } = message.params;
  expect(value['name']).toBe('t');
  expect(value['arguments']).toEqual(JSON.parse(args));
  expect(value['arguments']).toBe(value['arguments']);
  expect(value['inputResponses']).toEqual(JSON.parse(answers));
  expect(meta[0]).toEqual({ key: 'progressToken', text: '7' });
  expect(members.map(({ key }) => key)).toEqual(['name', 'arguments', 'inputResponses']);
});
