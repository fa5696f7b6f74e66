import { expect, test } from 'vitest';
import { answeredMs, outcomeOf, shownOutcomes, type Outcome } from '../../bench/lib/outcome.ts';

const answered = (ms: number): Outcome => ({ kind: 'answered', ms, servers: 0 });
const silent = (ms: number): Outcome => ({ kind: 'silent', ms });
const failed = (ms: number, what: string, code?: string): Outcome => ({
  kind: 'error',
  ms,
  what,
  code,
});

test('outcomeOf() tells a result from an error, and an error of the protocol by its stable code', () => {
  const result = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
  expect(outcomeOf(200, result, 3)).toEqual({ kind: 'answered', ms: 3, servers: 0 });
  const dead = '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"fetch failed"}}';
  expect(outcomeOf(200, dead, 9)).toEqual(failed(9, 'fetch failed'));
  const typed =
    '{"error":{"code":-32010,"message":"no answer","data":{"code":"TIMEOUT","connector":"a"}}}';
  expect(outcomeOf(200, typed, 9)).toEqual(failed(9, 'no answer', 'TIMEOUT'));
});

test('outcomeOf() reads answers that come as an event, and errors that tools give as results', () => {
  const event = 'event: message\ndata: {"id":1,"result":{"tools":[]}}\n\n';
  expect(outcomeOf(200, event, 1)).toMatchObject({ kind: 'answered', servers: 0 });
  const tool =
    '{"result":{"isError":true,"content":[{"type":"text","text":"at 127.0.0.1:40123 |"}]}}';
  expect(outcomeOf(200, tool, 1)).toEqual(failed(1, 'at 127.0.0.1:PORT /'));
});

test('outcomeOf() counts the servers that a list has tools of', () => {
  const tools = ['a__x', 'a__y', 'b__x'].map((name) => ({ name }));
  const list = JSON.stringify({ id: 1, result: { tools } });
  expect(outcomeOf(200, list, 1)).toMatchObject({ kind: 'answered', servers: 2 });
});

test('outcomeOf() takes what is no JSON, no success or wrapped by a gateway for an error', () => {
  expect(outcomeOf(502, 'Bad Gateway', 1)).toEqual(failed(1, '502 Bad Gateway'));
  expect(outcomeOf(500, '{"result":{}}', 1)).toMatchObject({ kind: 'error' });
  const inner = 'Error POSTing: {"error":{"code":-32001,"message":"Session not found"}}';
  const wrapped = JSON.stringify({ error: { code: -32603, message: inner } });
  expect(outcomeOf(200, wrapped, 1)).toEqual(failed(1, 'Session not found'));
  const long = outcomeOf(200, JSON.stringify({ error: { code: 1, message: 'x'.repeat(99) } }), 1);
  expect(long).toEqual(failed(1, `${'x'.repeat(60)}…`));
});

test('shownOutcomes() tells an error after x ms from no answer, with how often each was', () => {
  expect(shownOutcomes([])).toBe('-');
  expect(shownOutcomes([answered(3)])).toBe('3.0 ms');
  expect(shownOutcomes([silent(5_002)])).toBe('no answer in 5 s');
  expect(
    shownOutcomes([
      failed(9, 'fetch failed'),
      failed(11, 'fetch failed'),
      silent(700),
      answered(4),
      failed(2_000, 'no answer came', 'TIMEOUT'),
    ]),
  ).toBe(
    'error after 10 (9–11) ms (2 of 5): fetch failed, no answer in 0.7 s (1 of 5), 4.0 ms (1 of 5), ' +
      'error after 2000 ms (1 of 5): TIMEOUT',
  );
});

test('answeredMs() leaves out what is no result', () => {
  expect(answeredMs([answered(1), silent(2), failed(3, 'x'), answered(4)])).toEqual([1, 4]);
});
