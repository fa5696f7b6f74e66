import { expect, test } from 'vitest';
import { parseMessage } from '../../src/protocol/json-rpc.ts';
import { ProtocolError, errorText, requestText, resultText } from '../../src/protocol/message.ts';

function rejection(text: string): ProtocolError {
  try {
    parseMessage(text);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

const call = (params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;

test('parseMessage() keeps arguments letter for letter', () => {
  const raw = '{ "big": 9007199254740993, "one": 1.0, "__proto__": {"x":1}, "a": 1, "a": 2 }';
  const message = parseMessage(call(`{"name":"echo","arguments":${raw},"_meta":{"k":1}}`));
  expect(message).toMatchObject({ kind: 'request', id: 1, method: 'tools/call' });
  if (message.kind !== 'request') throw new Error('not a request');
  expect(message.params.members).toEqual([
    { key: 'name', text: '"echo"' },
    { key: 'arguments', text: raw },
  ]);
  expect(message.params.meta).toEqual([{ key: 'k', text: '1' }]);
});

test('parseMessage() tells requests, notifications and responses apart', () => {
  expect(parseMessage('{"jsonrpc":"2.0","id":"a","method":"ping"}').kind).toBe('request');
  expect(parseMessage('{"jsonrpc":"2.0","method":"notifications/x"}').kind).toBe('notification');
  expect(parseMessage('{"jsonrpc":"2.0","id":3,"result":{"a":1.0}}')).toEqual({
    kind: 'response',
    id: 3,
    resultText: '{"a":1.0}',
    errorText: undefined,
  });
});

test.each([
  [
    'a duplicate of the envelope',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}',
  ],
  [
    'a case variant of the envelope',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
  ],
  ['a long s', '{"jsonrpc":"2.0","id":1,"method":"ping","param\u017F":{}}'],
  ['an escaped duplicate', String.raw`{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"x"}`],
  ['a NUL', String.raw`{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"x"}`],
  ['a duplicate of params', call('{"name":"a","name":"b"}')],
  ['a case variant of params', call('{"name":"a","Arguments":{}}')],
  ['two spellings of an unknown key', call('{"name":"a","extra":1,"EXTRA":2}')],
  ['a duplicate of _meta', call('{"name":"a","_meta":{"progressToken":1,"progressToken":2}}')],
  ['a Kelvin sign in _meta', call('{"name":"a","_meta":{"progressTo\u212Aen":1}}')],
  ['two _meta', call('{"name":"a","_meta":{},"_Meta":{}}')],
])('parseMessage() rejects %s (S3)', (_what, text) => {
  expect(rejection(text)).toMatchObject({ rpcCode: -32600, id: 1 });
});

test.each([
  ['not JSON', '{', -32700],
  ['an array', '[]', -32600],
  ['a number', '1', -32600],
  ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600],
  ['params that are no object', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
  ['_meta that is no object', call('{"_meta":1}'), -32602],
  ['result and error at once', '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600],
  ['neither method nor answer', '{"jsonrpc":"2.0","id":1}', -32600],
])('parseMessage() rejects %s', (_what, text, code) => {
  expect(rejection(text).rpcCode).toBe(code);
});

test('parseMessage() bounds the depth of arguments, naming the request', () => {
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
  expect(rejection(call(`{"name":"a","arguments":{"x":${deep}}}`))).toMatchObject({
    rpcCode: -32600,
    id: 1,
  });
});

test('requestText(), resultText() and errorText() write what JSON.parse reads back', () => {
  const members = [{ key: 'name', text: '"a"' }];
  const meta = [{ key: 'progressToken', text: '7' }];
  expect(JSON.parse(requestText('"x"', 'tools/call', members, meta))).toEqual({
    jsonrpc: '2.0',
    id: 'x',
    method: 'tools/call',
    params: { name: 'a', _meta: { progressToken: 7 } },
  });
  expect(JSON.parse(requestText('1', 'ping', [], []))).toMatchObject({ params: {} });
  expect(JSON.parse(resultText('1', '{}'))).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  expect(JSON.parse(errorText('null', '{"code":1}'))).toMatchObject({ id: null });
});
