import { expect, test } from 'vitest';
import { textContainers } from '../../src/protocol/text-containers.ts';
import { readMessages } from '../../src/upstream/streamable-http/http-message.ts';
import { numberedResponse, plainResult } from '../../src/upstream/streamable-http/plain-result.ts';
import { JSON_BITS, damagedTexts } from '../protocol/damaged-texts.ts';

const RESULT = '{"jsonrpc":"2.0","id":7,"result":{"a":["x\\"}",{"id":8},true],"b":-1.5e3}}';

/** What the slower way makes of a text: the results with this id. */
function readResult(text: string, id: number): string | undefined {
  let messages;
  try {
    messages = readMessages(text);
  } catch {
    // Malformed: there is no result in it.
    return undefined;
  }
  const [message] = messages;
  const isOne = messages.length === 1 && message?.kind === 'result' && message.id === id;
  return isOne ? message.text : undefined;
}

test.each([
  [RESULT, '{"a":["x\\"}",{"id":8},true],"b":-1.5e3}'],
  [' {\n"id" : 7 ,\t"result" : "a\\\\" }\r\n', '"a\\\\"'],
  ['{"result":null,"id":7}', 'null'],
  [`{"id":7,"result":"${'é'.repeat(100)}"}`, `"${'é'.repeat(100)}"`],
])('plainResult() gives the result of %s', (text, expected) => {
  expect(plainResult(text, '7')).toBe(expected);
  expect(readResult(text, 7)).toBe(expected);
});

test('plainResult() knows an id that is a string', () => {
  const text = '{"id":"a\\n7","result":1}';
  expect(plainResult(text, JSON.stringify('a\n7'))).toBe('1');
  expect(plainResult(text, '7')).toBeUndefined();
});

test.each([
  ['another id', '{"id":8,"result":{}}'],
  ['an id of another type', '{"id":"7","result":{}}'],
  ['an id written otherwise', '{"id":7.0,"result":{}}'],
  ['two ids', '{"id":7,"id":7,"result":{}}'],
  ['two versions', '{"jsonrpc":"2.0","jsonrpc":"2.0","id":7,"result":{}}'],
  ['an id with an escape in its key', '{"id":7,"i\\u0064":8,"result":{}}'],
  ['two results', '{"id":7,"result":{},"result":{}}'],
  ['a result and an error', '{"id":7,"result":{},"error":{}}'],
  ['an error', '{"id":7,"error":{"code":1,"message":""}}'],
  ['a request', '{"id":7,"method":"a"}'],
  ['a notification', '{"method":"a"}'],
  ['a member of its own', '{"id":7,"result":{},"mine":1}'],
  ['no id', '{"result":{}}'],
  ['nothing', ''],
  ['an empty object', '{}'],
  ['an array', '[{"id":7,"result":{}}]'],
  ['a byte order mark', '\uFEFF{"id":7,"result":{}}'],
  ['something behind it', '{"id":7,"result":{}} x'],
  ['a word', '{"id":7,"result":nul}'],
  ['a control character', '{"id":7,"result":"a\nb"}'],
  ['a missing value', '{"id":7,"result":}'],
  ['a missing comma', '{"id":7 "result":{}}'],
  ['a comma too many', '{"id":7,"result":{},}'],
  ['a missing colon', '{"id" 7,"result":{}}'],
  ['an open string', '{"id":7,"result":"a'],
  ['an open key', '{"id":7,"res'],
  ['an open object', '{"id":7,"result":{"a":1}'],
  ['a bracket too many', '{"id":7,"result":1]'],
  ['levels without end', `{"id":7,"result":${'['.repeat(2_000)}${']'.repeat(2_000)}}`],
])('plainResult() leaves %s to readMessages()', (_what, text) => {
  expect(plainResult(text, '7')).toBeUndefined();
});

test('plainResult() takes no damaged answer for another than readMessages() does', () => {
  const bits = [...JSON_BITS, '.', 'e', '\n', '\0', '"id":8,', ''];
  const damaged = damagedTexts(RESULT, bits);
  const taken = damaged.filter((text) => plainResult(text, '7') !== undefined);
  expect(taken.length).toBeGreaterThan(0);
  expect(taken.map((text) => plainResult(text, '7'))).toEqual(
    taken.map((text) => readResult(text, 7)),
  );
});

test('plainResult() says the same of a text whose containers are looked through in WebAssembly', () => {
  const bits = [...JSON_BITS, '.', 'e', '\n', '\0', '"id":8,', ''];
  const texts = [RESULT, ...damagedTexts(RESULT, bits)];
  const looked = texts.flatMap((text) => {
    const containers = textContainers(text, Buffer.from(text), 0);
    return containers === undefined ? [] : [{ text, said: plainResult(text, '7', containers) }];
  });
  expect(looked.length).toBeGreaterThan(1_000);
  expect(looked.filter(({ said }) => said !== undefined).length).toBeGreaterThan(0);
  expect(looked.filter(({ text, said }) => said !== plainResult(text, '7'))).toEqual([]);
});

test.each([
  ['{"jsonrpc":"2.0","id":7,"result":{"a":1}}', { id: 7, result: '{"a":1}' }],
  [
    ' {"result":[],"jsonrpc":"2.0","id":999999999999999}\r',
    { id: 999_999_999_999_999, result: '[]' },
  ],
  ['{"id":7,"result":{}}', undefined],
  ['{"jsonrpc":"1.0","id":7,"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":"7","result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":7.0,"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":-7,"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":9999999999999999,"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":7,"error":{}}', undefined],
  ['{"jsonrpc":"2.0","id":7,"result":{},"method":"m"}', undefined],
  ['{"jsonrpc":"2.0","id":7}', undefined],
])('numberedResponse() makes of %s what it says', (text, expected) => {
  expect(numberedResponse(text)).toEqual(expected);
});

test('numberedResponse() says of a long text what it says of it without its bytes', () => {
  const rows = Array.from({ length: 200 }, (_, n) => ({ n, text: `a "${n}"` }));
  const whole = JSON.stringify({ result: { rows }, jsonrpc: '2.0', id: 7 });
  for (const text of [
    whole,
    `\uFEFF${whole}`,
    whole.replace('rows', 'röws'),
    whole.replace(']', '}'),
  ]) {
    expect(numberedResponse(text, Buffer.from(text))).toEqual(numberedResponse(text));
  }
  expect(numberedResponse(whole, Buffer.from(whole))?.result).toBe(JSON.stringify({ rows }));
});
