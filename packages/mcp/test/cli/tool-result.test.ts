import { expect, test } from 'vitest';
import { readAnswer, showResult } from '../../src/cli/tool-result.ts';

function error(body: string): unknown {
  return readAnswer(`{"id":1,"error":${body}}`);
}

test('readAnswer() gives the result letter for letter, or what the error says', () => {
  expect(readAnswer('{"jsonrpc":"2.0","id":1,"result":{ "a":1.0 }}')).toEqual({
    kind: 'result',
    text: '{ "a":1.0 }',
  });
  expect(error('{"code":-32602,"message":"no such tool"}')).toEqual({
    kind: 'error',
    message: 'no such tool (code -32602)',
    code: '-32602',
    rpcCode: '-32602',
  });
  expect(error('{"message":"x"}')).toMatchObject({ kind: 'error', message: 'x' });
  expect(error('{"code":1}')).toMatchObject({ kind: 'error', message: '{"code":1}' });
  expect(readAnswer('{}')).toEqual({
    kind: 'error',
    message: 'there was no answer',
    code: 'CALL_FAILED',
  });
  expect(error('7')).toEqual({ kind: 'error', message: '7', code: 'CALL_FAILED' });
});

test('readAnswer() takes code, remedy, connector and phase from the data of an error of ours (T4)', () => {
  const data = { code: 'SPAWN_FAILED', remedy: 'install it', connector: 'web', phase: 'spawn' };
  expect(error(JSON.stringify({ code: -32_010, message: 'no', data }))).toEqual({
    kind: 'error',
    message: 'no (code -32010)',
    rpcCode: '-32010',
    ...data,
  });
});

test('showResult() shows texts as they are, binaries by size and anything else as JSON', () => {
  const content = [
    { type: 'text', text: 'a\nb' },
    { type: 'image', mimeType: 'image/png', data: 'AAAA' },
    { type: 'audio' },
    { type: 'resource_link', uri: 'x:y' },
    7,
  ];
  expect(showResult(JSON.stringify({ content }), false)).toEqual({
    text: 'a\nb\n[image image/png, 3 bytes]\n[audio ]\n{\n  "type": "resource_link",\n  "uri": "x:y"\n}\n7',
    isError: false,
  });
  expect(showResult('{"structuredContent":{"a":1}}', false).text).toBe('{\n  "a": 1\n}');
  expect(showResult('{"content":[],"isError":true}', false).isError).toBe(true);
  expect(showResult('3', false).text).toBe('3');
});

test('showResult() keeps a server from steering the terminal, and leaves a pipe its bytes', () => {
  const result = JSON.stringify({ content: [{ type: 'text', text: 'a\u001b[2J\u0007\tb\n' }] });
  expect(showResult(result, true).text).toBe('a\tb\n');
  expect(showResult(result, false).text).toContain('\u001b[2J');
});
