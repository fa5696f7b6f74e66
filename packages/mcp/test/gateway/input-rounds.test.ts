import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InputRounds, asksForInput } from '../../src/gateway/call/input-rounds.ts';
import type { RawMember } from '../../src/protocol/message.ts';
import type { RpcAnswer, ServerRequest } from '../../src/upstream/upstream.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function roundsOf(answer: (request: ServerRequest) => RpcAnswer | undefined = () => undefined) {
  const asked: ServerRequest[] = [];
  const tries: { readonly members: readonly RawMember[]; readonly round: number }[] = [];
  const givenUp: string[] = [];
  const rounds = new InputRounds({
    ask: (request) => {
      asked.push(request);
      const text = answer(request);
      if (text !== undefined) request.respond(text);
    },
    again: (members, round) => void tries.push({ members, round }),
    giveUp: (why) => void givenUp.push(why),
  });
  return { rounds, asked, tries, givenUp };
}

const result = (text: string): RpcAnswer => ({ kind: 'result', text });
const url = (more: string) =>
  `{"method":"elicitation/create","params":{"mode":"url","url":"https://x"${more}}}`;
const refuse = (): RpcAnswer => ({ kind: 'error', text: '{"code":-32601,"message":"no roots"}' });
const form = '{"method":"elicitation/create","params":{"message":"?"}}';

test('asksForInput() looks at resultType only', () => {
  expect(asksForInput('{"resultType":"input_required"}')).toBe(true);
  expect(asksForInput('{"resultType":"complete","text":"input_required"}')).toBe(false);
  expect(asksForInput('{"content":["input_required"]}')).toBe(false);
  expect(asksForInput('{"content":[]}')).toBe(false);
});

test('all answers of a round go back together, with the state letter for letter (SEP-2322)', () => {
  const { rounds, asked, tries } = roundsOf();
  rounds.next(
    `{"resultType":"input_required","requestState":"\\u0061 1.0","inputRequests":{"a":${form},"b":{"method":"roots/list"}}}`,
  );
  expect(asked.map(({ method, paramsText }) => [method, paramsText])).toEqual([
    ['elicitation/create', '{"message":"?"}'],
    ['roots/list', undefined],
  ]);
  asked[1]?.respond(result('{"roots":[]}'));
  expect(tries).toEqual([]);
  asked[0]?.respond(result('{"action":"accept","content":{"n":1.0}}'));
  expect(tries).toEqual([
    {
      round: 1,
      members: [
        {
          key: 'inputResponses',
          text: '{"a":{"action":"accept","content":{"n":1.0}},"b":{"roots":[]}}',
        },
        { key: 'requestState', text: '"\\u0061 1.0"' },
      ],
    },
  ]);
});

test('two questions under one key are asked of nobody', () => {
  const { rounds, asked, givenUp } = roundsOf();
  rounds.next(`{"resultType":"input_required","inputRequests":{"a":${form},"\\u0061":${form}}}`);
  expect(asked).toEqual([]);
  expect(givenUp).toEqual(['the server asked two questions under one key']);
});

test('a result with nothing but a state is tried again after a pause', () => {
  const { rounds, tries } = roundsOf();
  rounds.next('{"resultType":"input_required","requestState":"s"}');
  expect(tries).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(tries).toEqual([{ round: 1, members: [{ key: 'requestState', text: '"s"' }] }]);
});

test('a URL elicitation gets the id its revision wants, one that has an id keeps it', () => {
  const { rounds, asked } = roundsOf();
  rounds.next(
    `{"resultType":"input_required","inputRequests":{"a":${url('')},"b":${url(',"elicitationId":"mine"')}}}`,
  );
  const [made, kept] = asked.map(({ paramsText = '' }) => JSON.parse(paramsText) as unknown);
  expect(made).toEqual({
    mode: 'url',
    url: 'https://x',
    elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
  });
  expect(kept).toMatchObject({ elicitationId: 'mine' });
});

test('a server that is never content is given up after eight rounds', () => {
  const { rounds, tries, givenUp } = roundsOf(() => result('{"action":"accept"}'));
  const text = `{"resultType":"input_required","inputRequests":{"a":${form}}}`;
  for (let round = 1; round <= 9; round += 1) rounds.next(text);
  expect(tries).toHaveLength(8);
  expect(givenUp).toEqual(['the server still wanted input after 8 rounds']);
});

test('one question without an answer ends the call, once', () => {
  const { rounds, tries, givenUp, asked } = roundsOf(refuse);
  rounds.next(
    `{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"b":${form}}}`,
  );
  expect(givenUp).toEqual(['its question "a" was not answered: no roots']);
  expect([asked.length, tries.length]).toEqual([1, 0]);
});

test.each([
  ['nothing', '{"resultType":"input_required"}', 'did not say which'],
  ['no objects', '{"resultType":"input_required","inputRequests":{"a":1}}', 'something unknown'],
  [
    'a strange method',
    '{"resultType":"input_required","inputRequests":{"a":{"method":"tools/list"}}}',
    'tools/list',
  ],
  [
    'too much',
    `{"resultType":"input_required","inputRequests":{${Array.from({ length: 17 }, (_, i) => `"${i}":${form}`).join(',')}}}`,
    'more than 16',
  ],
])('a server that asks for %s is given up', (_what, text, why) => {
  const { rounds, givenUp, asked } = roundsOf();
  rounds.next(text);
  expect(givenUp).toEqual([expect.stringContaining(why)]);
  expect(asked).toEqual([]);
});

test('an answer that comes after the call is over changes nothing, and no timer is left', () => {
  const { rounds, asked, tries } = roundsOf();
  rounds.next(`{"resultType":"input_required","inputRequests":{"a":${form}}}`);
  rounds.next('{"resultType":"input_required","requestState":"s"}');
  rounds.close();
  asked[0]?.respond(result('{}'));
  vi.advanceTimersByTime(1_000);
  expect([tries.length, vi.getTimerCount()]).toEqual([0, 0]);
});
