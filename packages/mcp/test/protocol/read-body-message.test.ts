import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { IncomingMessage } from '../../src/protocol/json-rpc.ts';
import { ProtocolError, requestBody, requestText } from '../../src/protocol/message.ts';
import { isBatch, readBodyMessage } from '../../src/protocol/read-body-message.ts';
import { readMessage } from '../../src/protocol/read-message.ts';
import { damagedTexts } from './damaged-texts.ts';

const META = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":7}`;
const CALL = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__b","arguments":{"x":[1,2.50,{"y":"z"}],"x":null},${META}}}`;

/** Nothing is too small. */
const ALL = { smallBytes: 0, memberBytes: 0, compiledBytes: Infinity };
const ALL_COMPILED = { ...ALL, compiledBytes: 0 };
const ALL_TEXT = { ...ALL_COMPILED, smallBytes: Infinity };

/** What a reader says of a text, in a form that can be compared. */
function said(read: () => IncomingMessage): unknown {
  try {
    const message = read();
    if (message.kind === 'response') return message;
    const { members, meta, value } = message.params;
    const { name, uri, cursor, arguments: args, requestState, _meta, task } = value;
    const texts = members.map(({ key, text }) => ({ key, text }));
    const metaTexts = meta.map(({ key, text }) => ({ key, text }));
    return {
      ...message,
      params: { texts, metaTexts, name, uri, cursor, args, requestState, _meta, task },
    };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { code: error.rpcCode, message: error.message, id: error.id, data: error.data };
  }
}

/** Bytes that begin at some place of a word, as those of a socket may. */
function placed(text: string): Buffer {
  const offset = text.length % 4;
  const whole = Buffer.alloc(Buffer.byteLength(text) + offset);
  whole.write(text, offset);
  return whole.subarray(offset);
}

/** Those of the texts of which the bytes are read otherwise. */
function disputed(...texts: readonly string[]): readonly string[] {
  const found = texts.filter((text) => {
    const expected = said(() => readMessage(text));
    return [ALL, ALL_COMPILED, ALL_TEXT].some((limits) => {
      const bytes = said(() => readBodyMessage(placed(text), limits));
      return !isDeepStrictEqual(bytes, expected);
    });
  });
  return found.slice(0, 5);
}

const manyMembers = (count: number): string =>
  Array.from({ length: count }, (_, index) => `"k${index}":[${index}]`).join(',');
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const withArguments = (text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${text}}}`;

test('readBodyMessage() leaves arguments bytes until somebody asks, letter for letter (S3)', () => {
  const body = Buffer.from(CALL);
  const message = readBodyMessage(body, ALL);
  if (message.kind !== 'request') throw new Error('it is a request');
  const [name, large] = message.params.members;
  expect(name).toEqual({ key: 'name', text: '"a__b"' });
  expect(large?.bytes?.between('', '').buffer).toBe(body.buffer);
  expect(large?.text).toBe('{"x":[1,2.50,{"y":"z"}],"x":null}');
  expect(message.params.value['arguments']).toEqual({ x: null });
  expect(message.params.value['arguments']).toBe(message.params.value['arguments']);
});

test('readBodyMessage() reads small bodies as text', () => {
  const message = readBodyMessage(Buffer.from(CALL));
  if (message.kind !== 'request') throw new Error('it is a request');
  expect(message.params.members.map(({ bytes }) => bytes)).toEqual([undefined, undefined]);
});

test.each([
  CALL,
  ` \n${CALL}\r\t `,
  `${CALL}x`,
  '',
  '{}',
  '[]',
  'null',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
  '{"jsonrpc":"2.0","method":"ping","params":{"arguments":{}}}',
  '{"jsonrpc":"2.0","id":"a","result":{"params":{"arguments":{}}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{},"arguments":{}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":1},"argument\\u0073":{}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"argument\\u0073":{"a":1}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"Arguments":{},"arguments":{}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":1}},"params":{"arguments":2}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":1}},"param\\u0073":{}}',
  '{"params":{"_meta":{"arguments":1},"arguments":{"a":1}},"jsonrpc":"2.0","id":1,"method":"m"}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"task":{"ttl":5},"arguments":{"a":1},"x":[1]}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":"text","name":"\\u0061"}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":null}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments" : { } , "name" : "a" } } ',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{},}}',
  '{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"é"}}',
  '{"jsonrpc":"2.0","id":"a","result":[1,{"b":2}],"x":{"y":1}}',
  '{"jsonrpc":"2.0","id":"a","result":{},"error":{}}',
  '{"jsonrpc":"2.0","id":{"a":1},"method":"m","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":[1]}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":{"c":1},"__proto__":[1]},"__proto__":{"a":1}}}',
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"data":{"a":[1]},"_meta":{"a/b":[1]}}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":',
])('readBodyMessage() says of %s what readMessage() says', (text) => {
  expect(disputed(text)).toEqual([]);
});

test.each([
  '0 -0 -1 10 1.5 -0.25 1e5 1E+5 1e-05 true false null "" "a" [] {} [1] [1,2] {"a":1} {"":{}}',
  '01 -01 1. .5 -.5 1e 1e+ +1 - Infinity NaN tru nul falsee undefined 0x1 1_0 1.e5 t f n',
  '[1,] [,1] [1 [1}, {"a"} {"a":} {"a":1,} {,"a":1} {"a" 1} {a:1} ] : ,',
  String.raw`"\"" "\\" "\/" "\b\f\n\r\t" "\u00e9" "\uD83D" "\u00g0" "\u00" "\x41" "\" "a`,
  '"\t" "\u0001" "\u007f" "\u2028" "é" "𝄞"',
])('readBodyMessage() takes for JSON what JSON.parse takes: %s (S3)', (texts) => {
  const cases = texts
    .split(' ')
    .flatMap((text) => [text, ` ${text}\n`, `{"k":[${text}]}`, `[${text} , ${text}]`])
    .map(withArguments);
  expect(disputed(...cases)).toEqual([]);
});

test('readBodyMessage() takes for long strings what JSON.parse takes, wherever they begin (S3)', () => {
  const ends = ['', '\\n', '\\"', '\\\\', '\\u00e9', '\\u00zz', '\\q', '\\', '\n', '\u0000', 'é'];
  const lengths = [20, 23, 24, 25, 26, 27, 28, 60, 61, 62, 63, 64, 100];
  const cases = lengths
    .map((length) => 'x'.repeat(length))
    .flatMap((long) =>
      [...ends, '"', '","', '\u001f', '\u0080', '\u007f', '!', '#', '[', ']'].flatMap((end) => [
        `"${long}${end}"`,
        `"${end}${long}"`,
        `"${long}${end}${long}"`,
        `"${long}${end}`,
      ]),
    )
    .map(withArguments);
  expect(disputed(...cases)).toEqual([]);
});

test('readBodyMessage() bounds depth as readMessage() does (S13)', () => {
  const cases = [1, 62, 63, 64, 65, 999, 1_001]
    .map(nested)
    .flatMap((value) => [
      withArguments(value),
      withArguments('{}').replace('"name":"t"', `"name":${value}`),
      withArguments('{}').replace('"id":1', `"id":1,"x":${value}`),
    ]);
  expect(disputed(...cases)).toEqual([]);
});

test('readBodyMessage() bounds members as readMessage() does (S13)', () => {
  const cases = [998, 999, 1_000, 1_001, 1_002, 1_003, 3_000].flatMap((count) => [
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{${manyMembers(count)}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{${manyMembers(count)}}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{${manyMembers(count)}}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{${manyMembers(count)},}}`,
    `{"jsonrpc":"2.0","id":1,"method":"m",${manyMembers(count)}}`,
  ]);
  expect(disputed(...cases)).toEqual([]);
});

test('readBodyMessage() and readMessage() agree on texts that were damaged anywhere', () => {
  const bits = ['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '0', '-', 'e', '\u0000', 'id', ''];
  expect(disputed(...damagedTexts(CALL, bits))).toEqual([]);
});

test('requestBody() writes of bytes what requestText() writes of text, in place where there is room', () => {
  const text = `{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"aé","arguments":{"é":1},"cursor":"c","_meta":{"progressToken":1}}}`;
  const long = { key: 'name', text: JSON.stringify('long'.repeat(9)) };
  for (const [first, inPlace] of [
    [undefined, true],
    [{ key: 'name', text: '"a"' }, true],
    [long, false],
  ] as const) {
    for (const keeps of [3, 2]) {
      const body = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
      body.write(text);
      const message = readBodyMessage(body, ALL);
      if (message.kind !== 'request') throw new Error('it is a request');
      const [name, ...others] = message.params.members;
      const members = [first ?? name, ...others].filter((member) => member !== undefined);
      const sent = ['"1"', 'tools/call', members.slice(0, keeps), message.params.meta] as const;
      const expected = requestText(...sent);
      const given = requestBody(...sent);
      expect(given.toString()).toBe(expected);
      expect(Buffer.isBuffer(given) && given.buffer === body.buffer).toBe(inPlace);
      // A second try, of which the first has overwritten what stood around.
      expect(requestBody(...sent).toString()).toBe(expected);
    }
  }
});

test('requestBody() puts bytes first or alone, and leaves text text', () => {
  const message = readBodyMessage(Buffer.from(CALL), ALL);
  if (message.kind !== 'request') throw new Error('it is a request');
  const large = message.params.members.slice(1);
  const small = message.params.members.slice(0, 1);
  for (const meta of [message.params.meta, []]) {
    expect(requestBody('1', 'm', large, meta).toString()).toBe(requestText('1', 'm', large, meta));
    expect(requestBody('1', 'm', small, meta)).toBe(requestText('1', 'm', small, meta));
  }
});

test('requestBody() writes over a body only when nothing else of the message is still there', () => {
  const text = CALL.replace('"progressToken":7', '"a/b":{"large":1}');
  const body = Buffer.allocUnsafeSlow(text.length);
  body.write(text);
  const message = readBodyMessage(body, ALL);
  if (message.kind !== 'request') throw new Error('it is a request');
  const { members, meta, value } = message.params;
  expect(requestBody('1', 'm', members, []).toString()).toBe(requestText('1', 'm', members, []));
  expect(body.toString()).toBe(text);
  expect(meta.at(-1)?.text).toBe('{"large":1}');
  expect(value['_meta']).toMatchObject({ 'a/b': { large: 1 } });
});

test('isBatch() knows an array by its first byte', () => {
  expect([' \n[', '[]', '{"a":[]}', '', '  '].map((text) => isBatch(Buffer.from(text)))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('what may not stand in a string is found wherever it stands, in strings short and long', () => {
  const lengths = [0, 1, 3, 7, 23, 24, 25, 60, 255, 256, 260, 261, 287, 288, 320, 700];
  const odd = [
    '\n',
    '\u001f',
    '\0',
    '"',
    '\\',
    '\\n',
    '\\u12',
    '\\u1234',
    '\\x',
    '\u007f',
    '\u0080',
    'ÿ',
    '€',
  ];
  const texts = lengths.flatMap((length) =>
    odd.flatMap((what) =>
      // Before what is odd, after it, and another string that the search must begin anew in.
      [0, 1, 30, 300].map((after) => {
        const long = `${'a'.repeat(length)}${what}${'b'.repeat(after)}`;
        return withArguments(`{"s":"${long}","t":["${'c'.repeat(300)}\\"${'d'.repeat(300)}"]}`);
      }),
    ),
  );
  expect(texts).toHaveLength(lengths.length * odd.length * 4);
  expect(disputed(...texts)).toEqual([]);
});

test('texts with long strings at each place of a word, and none that ends', () => {
  const whole = withArguments(
    `["${'é'.repeat(200)}","${'x'.repeat(300)}",{"k":"${'y'.repeat(500)}\\\\"}]`,
  );
  const cut = Array.from({ length: 120 }, (_, index) =>
    whole.slice(0, whole.length - 1 - index * 9),
  );
  expect(disputed(whole, ...cut)).toEqual([]);
});
