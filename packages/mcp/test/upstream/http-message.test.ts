import { expect, test } from 'vitest';
import {
  MalformedMessageError,
  isUnasked,
  readMessages,
  withProgressToken,
} from '../../src/upstream/streamable-http/http-message.ts';

test('readMessages() keeps results and errors letter for letter', () => {
  expect(
    readMessages('\uFEFF{"result": {"n":1.0,"__proto__":{}} ,"jsonrpc":"2.0","id":1}'),
  ).toEqual([{ kind: 'result', id: 1, text: '{"n":1.0,"__proto__":{}}' }]);
  expect(readMessages('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"m"}}')).toEqual(
    [
      {
        kind: 'error',
        id: undefined,
        text: '{"code":-32000,"message":"m"}',
        code: -32_000,
        message: 'm',
      },
    ],
  );
  expect(readMessages('{"jsonrpc":"2.0","id":"a","error":{}}')).toEqual([
    { kind: 'error', id: 'a', text: '{}', code: 0, message: '' },
  ]);
});

test('readMessages() tells requests, notifications and batches apart', () => {
  const notification = '{"jsonrpc":"2.0","method":"n","params":{"progressToken":3}}';
  expect(readMessages(`[ {"jsonrpc":"2.0","id":1,"method":"ping"}, ${notification} ]`)).toEqual([
    { kind: 'request', id: 1, method: 'ping' },
    { kind: 'notification', method: 'n', text: notification, progressToken: 3 },
  ]);
});

test.for([
  '',
  'nonsense',
  '5',
  '{"id":1}',
  '{"id":1,"result":1,"error":{}}',
  '{"id":1,"error":"text"}',
  '{"result":{}}',
  '{"id":1,"result":{},"id":2}',
  '[1]',
])('readMessages() refuses %j', (text) => {
  expect(() => readMessages(text)).toThrow(MalformedMessageError);
});

test('withProgressToken() changes the token and nothing else', () => {
  const text =
    '{"params":{"x":{"progressToken":1},"progressToken": 7 ,"progress":1.0},"method":"p"}';
  expect(withProgressToken(text, '"t"')).toBe(text.replace(' 7 ', ' "t" '));
  expect(withProgressToken('{"method":"p"}', '1')).toBe('{"method":"p"}');
  expect(withProgressToken('{"params":{}}', '1')).toBe('{"params":{}}');
});

test('isUnasked() knows the notifications that belong to no request', () => {
  expect(isUnasked('notifications/tools/list_changed')).toBe(true);
  expect(isUnasked('notifications/resources/updated')).toBe(true);
  expect(isUnasked('notifications/progress')).toBe(false);
});

test('readMessages() refuses what would take seconds to read', () => {
  const deep = `{"jsonrpc":"2.0","id":1,"result":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  expect(() => readMessages(deep)).toThrow(/nests deeper than 1000 levels/);
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  expect(() => readMessages(`[${Array.from({ length: 1_001 }, () => ping).join(',')}]`)).toThrow(
    /more than 1000 messages/,
  );
});
