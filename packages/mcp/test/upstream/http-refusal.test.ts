import { expect, test } from 'vitest';
import {
  isAnswer,
  parseRetryAfter,
  readRefusal,
  refusalError,
} from '../../src/upstream/streamable-http/http-refusal.ts';

test.for([
  [undefined, undefined],
  ['2', 2_000],
  [' 0 ', 0],
  ['999999999', 86_400_000],
  ['Sat, 21 Nov 2026 00:00:10 GMT', 10_000],
  ['Sat, 21 Nov 2026 00:00:00 GMT', 0],
  ['soon', undefined],
] as const)('parseRetryAfter(%j) is %j', ([value, expected]) => {
  expect(parseRetryAfter(value, Date.UTC(2026, 10, 21))).toBe(expected);
});

const ERROR = '{"jsonrpc":"2.0","error":{"code":-32602,"message":"m"},"id":1}';

test.for([
  [400, ERROR, true],
  [404, ERROR, true],
  [400, '<html>', false],
  [400, '{"jsonrpc":"2.0","result":{},"id":1}', false],
  [401, ERROR, false],
  [403, ERROR, false],
  [429, ERROR, false],
  [500, ERROR, false],
  [302, ERROR, false],
] as const)('isAnswer(): %i with %s is %s', ([status, body, expected]) => {
  expect(isAnswer(readRefusal(status, {}, body))).toBe(expected);
});

test('refusalError() keeps status, pause and JSON-RPC error, and never the body', () => {
  const headers = { 'retry-after': ['3', '4'] };
  const where = { connectorId: 'alpha', phase: 'list' } as const;
  const error = refusalError(readRefusal(500, headers, ERROR), where);
  expect(error).toMatchObject({
    ...where,
    code: 'HTTP_STATUS',
    httpStatus: 500,
    retryAfterMs: 3_000,
    rpcCode: -32_602,
    rpcErrorText: '{"code":-32602,"message":"m"}',
    message: 'the server answered with HTTP status 500',
  });
  const denied = refusalError(readRefusal(403, {}, 'secret'), where);
  expect(denied.code).toBe('UNAUTHORIZED');
  expect(denied.message).toMatch(/403.*grant access/);
  expect(denied.message).not.toContain('secret');
});
