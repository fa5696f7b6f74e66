import { assert, dictionary, integer, jsonValue, oneof, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerScan } from '../../src/upstream/streamable-http/answer-scan.ts';

function scan(text: string, id: string | number, cut: number = text.length): string | undefined {
  const bytes = Buffer.from(text, 'utf8');
  const subject = new AnswerScan(id);
  for (let at = 0; at < bytes.length; at += cut) subject.feed(bytes.subarray(at, at + cut));
  return subject.end();
}

test.for([
  ['id first', '{"id":5,"jsonrpc":"2.0","result":{"id":6}}', 5],
  ['id last, with spaces', ' { "result" : [1,{"id":6}] , "jsonrpc":"2.0", "id" : 5 } \n', 5],
  ['an error', '{"jsonrpc":"2.0","id":5,"error":{"code":1}}', 5],
  ['a string id with escapes and commas', '{"id":"a,\\"}\\u00e9\\/","result":{}}', 'a,"}é/'],
  ['an escaped key', '{"\\u0069d":5,"result":{}}', 5],
  ['brackets and quotes in strings', '{"result":{"a":"}]\\\\\\"{"},"id":5}', 5],
] as const)('AnswerScan accepts %s, however it is cut', ([, text, id]) => {
  for (const cut of [1, 2, 3, 7, 1_000]) expect(scan(text, id, cut)).toBeUndefined();
});

test.for([
  ['another id', '{"id":6,"result":{}}', 'another request'],
  ['the id as a string', '{"id":"5","result":{}}', 'another request'],
  ['an object as id', '{"id":{"a":5},"result":{}}', 'another request'],
  ['an id twice', '{"id":5,"result":{},"id":5}', 'given twice'],
  ['an id twice, once escaped', '{"id":5,"i\\u0064":6,"result":{}}', 'given twice'],
  ['result and error', '{"id":5,"result":{},"error":{}}', 'given twice'],
  ['no id', '{"result":{}}', 'no id'],
  ['no result', '{"id":5,"jsonrpc":"2.0"}', 'neither'],
  ['an array', '[{"id":5,"result":{}}]', 'not one JSON object'],
  ['two objects', '{"id":5,"result":{}}{}', 'not one JSON object'],
  ['text behind the object', '{"id":5,"result":{}}x', 'not one JSON object'],
  ['HTML', '<html>', 'not one JSON object'],
  ['a cut object', '{"id":5,"result":{}', 'no complete'],
  ['nothing', '', 'no complete'],
] as const)('AnswerScan refuses %s', ([, text, problem]) => {
  for (const cut of [1, 1_000]) expect(scan(text, 5, cut)).toContain(problem);
});

test('AnswerScan sees the same outermost members as JSON.parse', () => {
  assert(
    property(
      oneof(integer(), string()),
      jsonValue(),
      dictionary(string(), jsonValue()),
      integer({ min: 1, max: 40 }),
      (id, result, extra, cut) => {
        const { id: _id, result: _result, error: _error, ...rest } = extra;
        const answer = { ...rest, result, id };
        expect(scan(JSON.stringify(answer), id, cut)).toBeUndefined();
        expect(scan(JSON.stringify(answer, undefined, 2), id, cut)).toBeUndefined();
        expect(scan(JSON.stringify({ ...answer, id: `${id}x` }), id, cut)).toBeDefined();
      },
    ),
  );
});
