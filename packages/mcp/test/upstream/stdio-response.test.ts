import { expect, test } from 'vitest';
import { largeResponse } from '../../src/upstream/stdio/stdio-response.ts';

const RESULT = `{"content":[{"type":"text","text":"${'é{"id":9}'.replaceAll('"', '\\"').repeat(9_000)}"}],"n":1.0}`;

/** As it might come off a pipe, cut in the middle of a character. */
function read(text: string) {
  const bytes = Buffer.from(text);
  const pieces = [1, 40, 70_001, bytes.length].map((end, at, ends) =>
    bytes.subarray(ends[at - 1] ?? 0, end),
  );
  const response = largeResponse(pieces);
  return response && { id: response.id, text: response.result?.toString() };
}

test.each([
  ['the id first', `{"jsonrpc":"2.0","id":7,"result":${RESULT}}`, 7],
  ['the id last', `{"result":${RESULT},"jsonrpc":"2.0","id":7}`, 7],
  ['space everywhere', ` { "jsonrpc" : "2.0" ,\t"id" : 7 , "result" : ${RESULT} } \r`, 7],
])('largeResponse() takes the result out with %s', (_what, text, id) => {
  expect(read(text)).toEqual({ id, text: RESULT });
});

test.each([
  ['a request', `{"jsonrpc":"2.0","id":7,"method":"m","params":${RESULT}}`],
  ['an error', `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m","data":${RESULT}}}`],
  ['a result with a method', `{"jsonrpc":"2.0","id":7,"result":${RESULT},"method":"m"}`],
  ['two ids', `{"jsonrpc":"2.0","id":7,"result":${RESULT},"id":8}`],
  ['two results', `{"jsonrpc":"2.0","id":7,"result":${RESULT},"result":{}}`],
  ['an id that is no number of ours', `{"jsonrpc":"2.0","result":${RESULT},"id":"7"}`],
  ['no id', `{"jsonrpc":"2.0","result":${RESULT}}`],
  ['a result that is a list', `{"jsonrpc":"2.0","id":7,"result":[${RESULT}]}`],
  [
    'a result that is no JSON',
    `{"jsonrpc":"2.0","id":7,"result":${RESULT.replace(':1.0', ':01')}}`,
  ],
  ['an end that is missing', `{"jsonrpc":"2.0","id":7,"result":${RESULT}`],
  ['more behind it', `{"jsonrpc":"2.0","id":7,"result":${RESULT}}{}`],
  ['a batch', `[{"jsonrpc":"2.0","id":7,"result":${RESULT}}]`],
  ['a log line', `INFO ${RESULT}`],
])('largeResponse() leaves %s to those who read text', (_what, text) => {
  expect(read(text)).toBeUndefined();
});
