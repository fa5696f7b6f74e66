import { expect, test } from 'vitest';
import { asksForInput } from '../../src/gateway/call/input-rounds.ts';
import { JsonBytes } from '../../src/protocol/json-bytes.ts';
import {
  bridgeError,
  bridgeResult,
  codeOf,
  errorCodeIn,
  errorStatus,
  failureOf,
  missingError,
} from '../../src/gateway/call/era.ts';

test('bridgeResult() leaves a result of the same era letter for letter', () => {
  const text = '{ "a" : 1.0 }';
  expect(bridgeResult(text, 'modern', 'modern', { method: 'tools/call' })).toEqual({
    kind: 'result',
    text,
  });
  expect(bridgeResult(text, 'legacy', 'legacy', { method: 'tools/call' })).toEqual({
    kind: 'result',
    text,
  });
});

test('bridgeResult() to modern adds resultType, and to a read that nobody may keep it', () => {
  expect(bridgeResult('{"content":[1.0]}', 'legacy', 'modern', { method: 'tools/call' }).text).toBe(
    '{"resultType":"complete","content":[1.0]}',
  );
  expect(bridgeResult('{ }', 'legacy', 'modern', { method: 'tools/call' }).text).toBe(
    '{"resultType":"complete" }',
  );
  expect(
    JSON.parse(
      bridgeResult('{"contents":[]}', 'legacy', 'modern', {
        method: 'resources/read',
      }).text.toString(),
    ),
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
  expect(bridgeResult(text, 'modern', 'legacy', { method: 'resources/read' })).toEqual({
    kind: 'result',
    text: '{"x-vendor":{"n":1.0},"contents":[]}',
  });
  expect(bridgeResult('{"content":[]}', 'modern', 'legacy', { method: 'tools/call' }).text).toBe(
    '{"content":[]}',
  );
});

test('bridgeResult() tells a legacy client what its revision cannot express', () => {
  const text = '{"resultType":"input_required","inputRequests":{}}';
  const bridged = bridgeResult(text, 'modern', 'legacy', { method: 'tools/call' });
  expect(bridged.kind).toBe('error');
  expect(JSON.parse(bridged.text.toString())).toMatchObject({
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

test('bridgeResult() to legacy wraps what is no object, of tools only', () => {
  const wrapped = bridgeResult(
    '{"structuredContent":[1],"resultType":"complete"}',
    'modern',
    'legacy',
    {
      method: 'tools/call',
    },
  );
  expect(wrapped.text).toBe('{"structuredContent":{"result":[1]}}');
  const told = { method: 'tools/call', wrapsOutput: true };
  expect(bridgeResult('{"structuredContent":{"a":1}}', 'modern', 'legacy', told).text).toBe(
    '{"structuredContent":{"result":{"a":1}}}',
  );
  const read = bridgeResult('{"structuredContent":[1]}', 'modern', 'legacy', {
    method: 'resources/read',
  });
  expect(read.text).toBe('{"structuredContent":[1]}');
});

/** As a large result comes: in pieces, of which it has several. */
function inPieces(text: string): JsonBytes {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / 1_000);
  const piece = (n: number): Buffer => bytes.subarray(n * 1_000, (n + 1) * 1_000);
  return new JsonBytes(Array.from({ length: count }, (_, n) => piece(n)));
}

const CONTENT = `[${'{"type":"text","text":"é \\" ]"},'.repeat(200)}{}]`;
const RESULTS: readonly (readonly [what: string, text: string])[] = [
  ['nothing', '{}'],
  ['no member of an era', `{"content":${CONTENT},"isError":false}`],
  ['the type alone', '{"resultType":"complete"}'],
  [
    'all members of the modern era',
    `{"resultType":"complete","ttlMs":5,"x":1.0,"cacheScope":"public","content":${CONTENT}}`,
  ],
  ['space around', `{ "content" : ${CONTENT} , "resultType" : "complete" }`],
  ['an escape in the type', `{"resultType":"com\\u0070lete","content":${CONTENT}}`],
  ['an escape in a key', `{"\\u0078":1,"resultType":"complete","content":${CONTENT}}`],
  ['a question', `{"resultType":"input_required","inputRequests":{"a":${CONTENT}}}`],
  [
    'a question within',
    `{"content":["\\"resultType\\":\\"input_required\\""],"resultType":"complete"}`,
  ],
  ['another type', `{"resultType":"later","content":${CONTENT}}`],
  [
    'output that is no object',
    `{"structuredContent":${CONTENT},"content":[],"resultType":"complete"}`,
  ],
  ['small output that is no object', `{"content":${CONTENT},"structuredContent":7}`],
  ['output that is an object', `{"structuredContent":{"a":${CONTENT}},"content":[]}`],
];

test.for(RESULTS)('a large result is bridged as text is: %s', ([, text]) => {
  for (const [from, to] of [
    ['legacy', 'modern'],
    ['modern', 'legacy'],
    ['modern', 'modern'],
  ] as const) {
    for (const call of [
      { method: 'tools/call' },
      { method: 'tools/call', wrapsOutput: true },
      { method: 'resources/read', wrapsOutput: true },
    ]) {
      const asText = bridgeResult(text, from, to, call);
      const asBytes = bridgeResult(inPieces(text), from, to, call);
      expect(asBytes.kind).toBe(asText.kind);
      // Space between members is kept or not; the members are the same, letter for letter.
      expect(compact(asBytes.text.toString())).toBe(compact(asText.text.toString()));
    }
  }
  expect(asksForInput(inPieces(text))).toBe(asksForInput(text));
});

/** Without what space a test of this file has between members. */
function compact(text: string): string {
  return text.replaceAll(/ (?=[:,}])|(?<=[:,{]) /g, '');
}

test('a large result between eras is not copied, nor made text', () => {
  const raw = inPieces(`{"resultType":"complete","content":${CONTENT},"isError":false}`);
  const toLegacy = bridgeResult(raw, 'modern', 'legacy', { method: 'tools/call' }).text;
  const toModern = bridgeResult(inPieces(`{"content":${CONTENT}}`), 'legacy', 'modern', {
    method: 'tools/call',
  }).text;
  expect(toLegacy).toBeInstanceOf(JsonBytes);
  expect(toModern).toBeInstanceOf(JsonBytes);
  const shared = (toLegacy as JsonBytes).pieces.filter(
    ({ buffer }) => buffer === raw.pieces[0]?.buffer,
  );
  expect(shared.length).toBeGreaterThanOrEqual(raw.pieces.length - 1);
});

test('bridgeError() tells a legacy client what it has not declared in a code of its revision', () => {
  const error = '{"code":-32021,"message":"x","data":{"requiredCapabilities":{"roots":{}}}}';
  expect(bridgeError(error, 'modern', 'legacy')).toBe(error.replace('-32021', '-32600'));
  expect(bridgeError('{"message":"x"}', 'modern', 'legacy')).toBe('{"message":"x"}');
});

test('failureOf() is a result for tools, which models read, and an error for the rest', () => {
  const tool = failureOf('tools/call', 'why');
  expect([tool.kind, JSON.parse(tool.text)]).toEqual([
    'result',
    { content: [{ type: 'text', text: 'why' }], isError: true },
  ]);
  expect(failureOf('prompts/get', 'why')).toMatchObject({ kind: 'error' });
});

test('missingError() replaces a failure, not a success (2026-07-28, -32021)', () => {
  const failed = missingError({ kind: 'result', text: '{"isError":true}' }, 'sampling.tools');
  expect(JSON.parse(failed ?? '')).toMatchObject({
    code: -32_021,
    data: { requiredCapabilities: { sampling: { tools: {} } }, result: { isError: true } },
  });
  const refused = missingError({ kind: 'error', text: '{"code":-1,"message":"no"}' }, 'roots');
  expect(JSON.parse(refused ?? '')).toMatchObject({ data: { error: { code: -1 } } });
  for (const text of ['{"content":[]}', '{"isError":false}', '{"text":"isError"}']) {
    expect(missingError({ kind: 'result', text }, 'roots')).toBeUndefined();
  }
});

test('errorCodeIn() and codeOf() look into an answer no further than they must', () => {
  expect(errorCodeIn(Buffer.from('{"id":1,"error":{}}'))).toBe(0);
  expect(errorCodeIn(Buffer.from('{"id":1,"error":{"code":-32602}}'))).toBe(-32602);
  expect(errorCodeIn(Buffer.from('{"id":1,"result":{"error":1}}'))).toBeUndefined();
  expect(errorCodeIn(Buffer.from('{"error"'))).toBeUndefined();
  expect(errorCodeIn(Buffer.from(`{"error":"${'x'.repeat(20_000)}"}`))).toBeUndefined();
  expect([codeOf('{"code":-5}'), codeOf('{}'), codeOf('7')]).toEqual([-5, 0, 0]);
});
