import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { parseMessage, type IncomingMessage } from '../../src/protocol/json-rpc.ts';
import { ProtocolError } from '../../src/protocol/message.ts';
import { readMessage } from '../../src/protocol/read-message.ts';
import { damagedTexts } from './damaged-texts.ts';

const META = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":7}`;
const CALL = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__b","arguments":{"x":[1,2.50,{"y":"z"}],"x":null},${META}}}`;

type Read = (text: string) => IncomingMessage;

/** What a reader says of a text, in a form that can be compared. */
function said(read: Read, text: string): unknown {
  try {
    const message = read(text);
    if (message.kind === 'response') return message;
    const { members, meta, value } = message.params;
    const { name, uri, cursor, arguments: args, requestState } = value;
    return { ...message, params: { members, meta, name, uri, cursor, args, requestState } };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { code: error.rpcCode, message: error.message, id: error.id, data: error.data };
  }
}

/** Those of the texts of which the two readers do not say the same. */
function disputed(...texts: readonly string[]): readonly string[] {
  return texts.filter(
    (text) => !isDeepStrictEqual(said(readMessage, text), said(parseMessage, text)),
  );
}

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const withArguments = (text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${text}}}`;

test('readMessage() reads a call, passes its arguments letter for letter and parses them when asked (S3)', () => {
  const message = readMessage(CALL);
  if (message.kind !== 'request') throw new Error('it is a request');
  expect(message.params.members).toEqual([
    { key: 'name', text: '"a__b"' },
    { key: 'arguments', text: '{"x":[1,2.50,{"y":"z"}],"x":null}' },
  ]);
  expect(message.params.meta.map(({ key }) => key)).toContain('progressToken');
  expect(message.params.value['arguments']).toEqual({ x: null });
  expect(message.params.value['arguments']).toBe(message.params.value['arguments']);
  expect(message.params.value['_meta']).toMatchObject({ progressToken: 7 });
});

test.each([
  CALL,
  ` \n${CALL}\r\t `,
  `${CALL}x`,
  '',
  '{}',
  '[]',
  'null',
  '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
  '{"jsonrpc":"2.0","method":"ping","params":{}}',
  '{"jsonrpc":"2.0","id":"a","result":{}}',
  '{"jsonrpc":"2.0","id":"","method":"tools/list","params":{"cursor":"\\u0041"}}',
  '{"jsonrpc":"2.0","id":"é\\n","method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1.0,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1.5,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":-0,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":null,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":true,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":{},"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1,"id":1,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"\\u0070ing","method":"tools/call","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":7,"params":{}}',
  '{"jsonrpc":"1.0","id":1,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.\\u0030","id":1,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":1}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"Name":1}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"a","name":"b"}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"na\\u006de":"a"}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{},"_meta":{}}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a/b":1}}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":1,"progressToken":1}}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"ProgressToken":1}}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"extra":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"a",}}',
  '{"jsonrpc":"2.0","id":1 "method":"tools/list","params":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}',
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"a"}',
])('readMessage() says of %s what parseMessage() says', (text) => {
  expect(disputed(text)).toEqual([]);
});

test.each([
  '0 -0 -1 10 1.5 -0.25 1e5 1E+5 1e-05 true false null "" "a" [] {} [1] [1,2] {"a":1} {"":{}}',
  '01 -01 1. .5 -.5 1e 1e+ +1 - Infinity NaN tru nul falsee undefined 0x1 1_0 1.e5',
  '[1,] [,1] [1 [1}, {"a"} {"a":} {"a":1,} {,"a":1} {"a" 1} {a:1} ]',
  String.raw`"\"" "\\" "\/" "\b\f\n\r\t" "\u00e9" "\uD83D" "\u00g0" "\u00" "\x41" "\" "a`,
  '"\t" "\u0001" "\u007f" "\u2028" "é" "𝄞"',
])('readMessage() takes for JSON what JSON.parse takes: %s (S3)', (texts) => {
  const cases = texts
    .split(' ')
    .flatMap((text) => [text, ` ${text}\n`, `{"k":[${text}]}`])
    .map(withArguments);
  expect(disputed(...cases)).toEqual([]);
});

test('readMessage() takes for long strings what JSON.parse takes (S3)', () => {
  const long = 'x'.repeat(100);
  const ends = [
    '',
    '\\n',
    '\\"',
    '\\\\',
    '\\u00e9',
    '\\u00zz',
    '\\q',
    '\\',
    '\n',
    '\u0000',
    'é',
    '"',
    '","',
  ];
  const cases = ends
    .flatMap((end) => [
      `"${long}${end}"`,
      `"${end}${long}"`,
      `"${long}${end}${long}"`,
      `["${long}${end}${long}", "${end}"]`,
      `"${long}${end}`,
    ])
    .map(withArguments);
  expect(disputed(...cases)).toEqual([]);
});

test('readMessage() bounds depth as parseMessage() does (S13)', () => {
  const cases = [1, 62, 63, 64, 65, 999, 1_001, 3_000]
    .map(nested)
    .flatMap((value) => [
      withArguments(value),
      withArguments(value).replace('"arguments"', '"_meta"'),
      `{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":${value}}}}`,
    ]);
  expect(disputed(...cases)).toEqual([]);
});

test('readMessage() and parseMessage() agree on texts that were damaged anywhere', () => {
  const bits = ['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '0', '-', 'e', '\u0000', 'id', ''];
  expect(disputed(...damagedTexts(CALL, bits))).toEqual([]);
});

const metaWith = (more: string): string =>
  `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}${more}}`;
const callWith = (metaText: string, rest = ''): string =>
  `{"method":"tools/call","params":{"name":"t","_meta":${metaText}${rest}},"jsonrpc":"2.0","id":1}`;

test('_meta that came before is recognised, and nothing else is taken for it', () => {
  const known = callWith(metaWith(''));
  for (let n = 0; n < 3; n += 1) expect(disputed(known)).toEqual([]);
  const others = [
    ',"progressToken":1',
    ',"progressToken":"é"',
    ',"io.modelcontextprotocol/clientCapabilities":{}',
    ',"x":1',
    ',',
    '}',
  ].map((more) => callWith(metaWith(more)));
  const behind = [',"arguments":{}', ',"_meta":{}', ' ', '}', ' }', 'x', '"'].map((rest) =>
    callWith(metaWith(''), rest),
  );
  for (const text of [...others, ...behind, known]) {
    // Twice, so that each that can be has become known, and then as the first was.
    expect(disputed(text, text, text, known)).toEqual([]);
  }
});

test('of a client whose _meta differs each time, and of many, nothing is mistaken', () => {
  const texts = Array.from({ length: 12 }, (_, n) =>
    CALL.replace('"progressToken":7', `"progressToken":${n}`),
  );
  for (const text of [...texts, ...texts.flatMap((one) => [one, one]), ...texts]) {
    expect(disputed(text)).toEqual([]);
  }
});

test('usual keys are read where space stands around them, and are no others', () => {
  const spaced = CALL.replaceAll('":', '" : ').replaceAll(',"', ' ,\n"');
  const odd = ['"i":1', '"idx":1', '"meth\\u006fd":1', '"params" "x":1', '"id"1', '"id":'];
  expect(disputed(spaced, ...odd.map((one) => CALL.replace('"id":1', one)))).toEqual([]);
});
