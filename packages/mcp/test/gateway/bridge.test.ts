import { expect, test } from 'vitest';
import { bridgeError, bridgeResult, errorStatus } from '../../src/gateway/bridge.ts';

test('bridgeResult() leaves a result of the same era letter for letter', () => {
  const text = '{ "a" : 1.0 }';
  expect(bridgeResult(text, 'modern', 'modern', 'tools/call')).toEqual({ kind: 'result', text });
  expect(bridgeResult(text, 'legacy', 'legacy', 'tools/call')).toEqual({ kind: 'result', text });
});

test('bridgeResult() to modern adds resultType, and to a read that nobody may keep it', () => {
  expect(bridgeResult('{"content":[1.0]}', 'legacy', 'modern', 'tools/call').text).toBe(
    '{"resultType":"complete","content":[1.0]}',
  );
  expect(bridgeResult('{ }', 'legacy', 'modern', 'tools/call').text).toBe(
    '{"resultType":"complete" }',
  );
  expect(
    JSON.parse(bridgeResult('{"contents":[]}', 'legacy', 'modern', 'resources/read').text),
  ).toEqual({
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'private',
    contents: [],
  });
});

test('bridgeResult() to legacy takes the modern members off, and nothing else', () => {
  const text =
    '{"resultType":"complete","ttlMs":5,"cacheScope":"public","x-vendor":{"n":1.0},"contents":[]}';
  expect(bridgeResult(text, 'modern', 'legacy', 'resources/read')).toEqual({
    kind: 'result',
    text: '{"x-vendor":{"n":1.0},"contents":[]}',
  });
  expect(bridgeResult('{"content":[]}', 'modern', 'legacy', 'tools/call').text).toBe(
    '{"content":[]}',
  );
});

test('bridgeResult() tells a legacy client what its revision cannot express', () => {
  const text = '{"resultType":"input_required","inputRequests":{}}';
  const bridged = bridgeResult(text, 'modern', 'legacy', 'tools/call');
  expect(bridged.kind).toBe('error');
  expect(JSON.parse(bridged.text)).toMatchObject({
    code: -32_603,
    message: expect.stringContaining('input_required') as unknown,
  });
});

test('bridgeError() gives resource-not-found its code of the other era', () => {
  const error = '{"code":-32002,"message":"x","data":{"n":1.0}}';
  expect(bridgeError(error, 'legacy', 'modern')).toBe(
    '{"code":-32602,"message":"x","data":{"n":1.0}}',
  );
  expect(bridgeError(error, 'legacy', 'legacy')).toBe(error);
  expect(bridgeError('{"code":-32000,"message":"x"}', 'legacy', 'modern')).toContain('-32000');
});

test('errorStatus() is 200 for legacy, and for modern what the revision says', () => {
  expect(errorStatus(-32_601, 'legacy')).toBe(200);
  expect(
    [-32_601, -32_020, -32_021, -32_022, -32_602].map((code) => errorStatus(code, 'modern')),
  ).toEqual([404, 400, 400, 400, 200]);
});
