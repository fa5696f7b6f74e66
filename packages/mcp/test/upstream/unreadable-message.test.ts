import { expect, test } from 'vitest';
import { glimpse } from '../../src/upstream/unreadable-message.ts';

test.for([
  ['a value that is no JSON', '{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}', 7],
  ['the same with the id last', '{"result":{"a":NaN},"jsonrpc":"2.0","id":7}', 7],
  ['an end that is missing', '{"jsonrpc":"2.0","id":7,"result":{"a":"b', 7],
  ['a broken string, the id last', '{"result":{"a":"b}},"jsonrpc":"2.0","id":7}', 7],
  ['an id inside of the result', '{"result":{"id":9,"b":oops},"id": 7 }', 7],
  ['a text id', '{"id":"a\\"b","error":oops}', 'a"b'],
  ['no id', '{"result":oops}', undefined],
  ['an id that says nothing', '{"error":{"code":-32700},"id":null}', null],
  ['an id that is neither', '{"error":{},"id":[1]}', undefined],
] as const)('glimpse() finds the id of an answer with %s', ([, text, id]) => {
  expect(glimpse(text)).toStrictEqual({ id, hasMethod: false, isAnswer: true });
});

test('glimpse() tells a request and what is nothing at all', () => {
  const request = glimpse('{"id":3,"method":"roots/list","params":[1],"result":{}}');
  expect(request).toStrictEqual({ id: 3, hasMethod: true, isAnswer: false });
  expect(glimpse('{not json').isAnswer).toBe(false);
  expect(glimpse('{}').isAnswer).toBe(false);
});
