import { expect, test } from 'vitest';
import type { JsonRpcId } from '../../src/protocol/message.ts';
import { containerScan } from '../../src/protocol/container-scan.ts';
import { plainAnswer } from '../../src/upstream/streamable-http/answer-glance.ts';
import { AnswerScan } from '../../src/upstream/streamable-http/answer-scan.ts';
import { JSON_BITS, damagedTexts } from '../protocol/damaged-texts.ts';

function scanned(text: string, id: JsonRpcId): string | undefined {
  const scan = new AnswerScan(id);
  scan.feed(Buffer.from(text, 'latin1'));
  return scan.end();
}

const RESULT = '{"jsonrpc":"2.0","id":7,"result":{"a":["x\\"}",{"id":8}],"b":1.5}}';

test.each([
  [RESULT, 'result'],
  [' {\n"id" : 7 ,\t"result" : "a\\\\" }\r\n', 'result'],
  ['{"result":null,"id":7}', 'result'],
  ['{"id":7,"error":{"code":-1}}', 'error'],
  ['{"id":7,"x":"é","result":true}', 'result'],
] as const)('plainAnswer() knows %s for what it is', (text, expected) => {
  expect(plainAnswer(text, '7')).toBe(expected);
  expect(scanned(text, 7)).toBeUndefined();
});

test.each([
  ['another id', '{"id":8,"result":{}}'],
  ['an id of another type', '{"id":"7","result":{}}'],
  ['an id written otherwise', '{"id":7.0,"result":{}}'],
  ['two ids', '{"id":7,"id":7,"result":{}}'],
  ['an id with an escape in its key', '{"id":7,"i\\u0064":8,"result":{}}'],
  ['two results', '{"id":7,"result":{},"result":{}}'],
  ['a result and an error', '{"id":7,"result":{},"error":{}}'],
  ['neither', '{"id":7}'],
  ['no id', '{"result":{}}'],
  ['nothing', ''],
  ['an empty object', '{}'],
  ['an array', '[{"id":7,"result":{}}]'],
  ['something behind it', '{"id":7,"result":{}} x'],
  ['a string without its first quote', '{"id":7,"a":2.0","result":{}}'],
  ['a missing value', '{"id":7,"result":}'],
  ['a missing comma', '{"id":7 "result":{}}'],
  ['a missing colon', '{"id" 7,"result":{}}'],
  ['an open string', '{"id":7,"result":"a'],
  ['an open key', '{"id":7,"res'],
  ['an open object', '{"id":7,"result":{"a":1}'],
  ['a bracket too many', '{"id":7,"result":1]'],
])('plainAnswer() leaves %s to AnswerScan', (_what, text) => {
  expect(plainAnswer(text, '7')).toBeUndefined();
});

test('plainAnswer() passes no damaged answer that AnswerScan would refuse', () => {
  const bits = [...JSON_BITS, '"id":8,', ''];
  const damaged = damagedTexts(RESULT, bits);
  const passed = damaged.filter((text) => plainAnswer(text, '7') !== undefined);
  expect(passed.length).toBeGreaterThan(0);
  expect(passed.filter((text) => scanned(text, 7) !== undefined)).toEqual([]);
});

test.for([
  ['{"jsonrpc":"2.0","id":7,"result":{"a":"}"}}', 'result'],
  ['{"result":{"a":["]",{}]},"jsonrpc":"2.0","id":7}', 'result'],
  ['{"jsonrpc":"2.0","id":7,"result":{}} ', 'result'],
  ['{"jsonrpc":"2.0","id":7,"result":{},"id":8}', undefined],
  ['{"jsonrpc":"2.0","id":7,"result":{},"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":7,"result":{}}}', undefined],
  ['{"jsonrpc":"2.0","id":7,"result":{}', undefined],
  ['{"jsonrpc":"2.0","id":77,"result":{}}', undefined],
  ['{"result":{},"jsonrpc":"2.0","id":7}}', undefined],
  ['{"result":{},"jsonrpc":"2.0","id":8}', undefined],
  ['{"result":{},"id":8,"jsonrpc":"2.0","id":7}', undefined],
  ['{"result":{}"jsonrpc":"2.0","id":7}', undefined],
] as const)('plainAnswer() of %s, as servers write it or nearly, is %s', ([text, expected]) => {
  expect(plainAnswer(text, '7')).toBe(expected);
});

test('plainAnswer() says the same of a text whose containers are looked through in WebAssembly', () => {
  const texts = [
    ...damagedTexts('{"result":{"a":["]",{}]},"jsonrpc":"2.0","id":7}', JSON_BITS),
    ...damagedTexts(RESULT, JSON_BITS),
  ];
  const looked = texts.map((text) => {
    const containers = containerScan(Buffer.from(text, 'latin1'));
    return { text, said: plainAnswer(text, '7', containers) };
  });
  expect(looked.some(({ said }) => said === 'result')).toBe(true);
  expect(looked.filter(({ text, said }) => said !== plainAnswer(text, '7'))).toEqual([]);
});
