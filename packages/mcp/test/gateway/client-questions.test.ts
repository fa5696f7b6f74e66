import { expect, test } from 'vitest';
import { CallQuestions, type QuestionOutcome } from '../../src/gateway/call/call-questions.ts';
import { ClientQuestions, type ClientQuestion } from '../../src/gateway/call/client-questions.ts';
import { parseMessage } from '../../src/protocol/json-rpc.ts';
import type { JsonObject } from '../../src/protocol/message.ts';
import type { RpcAnswer, ServerRequest } from '../../src/upstream/upstream.ts';

interface TestRequest extends ServerRequest {
  readonly answers: RpcAnswer[];
  /** Progress it was told of. */
  readonly told: unknown[];
  cancel(): void;
}

function requestOf(method = 'roots/list', paramsText?: string): TestRequest {
  const answers: RpcAnswer[] = [];
  const listeners: (() => void)[] = [];
  const told: unknown[] = [];
  return {
    told,
    progress: (text) => void told.push(JSON.parse(text)),
    method,
    paramsText,
    answers,
    respond: (answer) => void answers.push(answer),
    onCancelled: (listener) => void listeners.push(listener),
    cancel: () => {
      for (const listener of listeners) listener();
    },
  };
}

/** A call's questions, put to a session whose messages are collected. */
function rig(capabilities: JsonObject = { roots: {} }, reachable = true) {
  const session = new ClientQuestions();
  const sent: Record<string, unknown>[] = [];
  const counted: QuestionOutcome[] = [];
  let closed = 0;
  const ask = (question: ClientQuestion): void =>
    session.ask(question, (text) => {
      if (reachable) sent.push(JSON.parse(text) as Record<string, unknown>);
      return reachable;
    });
  const questions = new CallQuestions({
    capabilities: () => capabilities,
    ask,
    count: (outcome) => void counted.push(outcome),
    onClosed: () => {
      closed += 1;
    },
  });
  return { session, questions, sent, counted, closed: () => closed };
}

test('a question reaches the client with an id of ours, its answer the server as it is', () => {
  const { session, questions, sent, counted, closed } = rig();
  const request = requestOf('roots/list', '{"_meta":{"n":1.0}}');
  questions.ask(request);
  expect(sent).toEqual([
    { jsonrpc: '2.0', id: 1, method: 'roots/list', params: { _meta: { n: 1 } } },
  ]);
  expect(questions.waiting).toBe(true);
  session.take({ id: 1, resultText: '{"roots":[],"x":1.0}', errorText: undefined });
  session.take({ id: 1, resultText: '{}', errorText: undefined });
  expect(request.answers).toEqual([{ kind: 'result', text: '{"roots":[],"x":1.0}' }]);
  expect([questions.waiting, counted, closed()]).toEqual([false, ['asked'], 1]);
});

test('progress of the client reaches the server that asked, under its own token', () => {
  const { session, questions, sent } = rig();
  const params = '{"_meta":{"progressToken":"same","n":1.0}}';
  const [one, two, silent] = [
    requestOf('roots/list', params),
    requestOf('roots/list', params),
    requestOf('roots/list', '{"progressToken":9}'),
  ];
  for (const request of [one, two, silent]) questions.ask(request);
  expect(sent.map(({ params: given }) => given)).toEqual([
    { _meta: { progressToken: 1, n: 1 } },
    { _meta: { progressToken: 2, n: 1 } },
    { progressToken: 9 },
  ]);
  const say = (progressToken: unknown): void => {
    const told = { progressToken, progress: 0.5, _meta: { a: 1 } };
    const text = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: told,
    });
    const message = parseMessage(text);
    if (message.kind === 'notification') session.progress(message.params);
  };
  for (const token of [2, 'same', 3, 9, undefined]) say(token);
  session.take({ id: 2, resultText: '{}', errorText: undefined });
  say(2);
  expect([one.told, silent.told]).toEqual([[], []]);
  expect(two.told).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'same', progress: 0.5, _meta: { a: 1 } },
    },
  ]);
});

test('an error of the client passes through, what is no object does not', () => {
  const { session, questions } = rig();
  const [refused, odd] = [requestOf(), requestOf()];
  questions.ask(refused);
  questions.ask(odd);
  session.take({ id: 1, resultText: undefined, errorText: '{"code":-1,"message":"no"}' });
  session.take({ id: 2, resultText: '[]', errorText: undefined });
  expect(refused.answers).toEqual([{ kind: 'error', text: '{"code":-1,"message":"no"}' }]);
  expect(odd.answers).toMatchObject([{ kind: 'error' }]);
});

test('a client that cannot be reached, or has not declared the capability, is not asked', () => {
  const unreachable = rig({ roots: {} }, false);
  const lost = requestOf();
  unreachable.questions.ask(lost);
  expect(lost.answers[0]?.text).toContain('no stream open');
  expect(unreachable.session.size).toBe(0);
  const { questions, sent, counted } = rig({});
  const refused = requestOf();
  questions.ask(refused);
  expect(JSON.parse(refused.answers[0]?.text ?? '')).toMatchObject({ code: -32_601 });
  expect([sent, counted, questions.missing]).toEqual([[], ['refused'], 'roots']);
});

test('a server that loses interest has the client told, and gets no answer', () => {
  const { session, questions, sent } = rig();
  const request = requestOf();
  questions.ask(request);
  request.cancel();
  expect(sent[1]).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 1 } });
  session.take({ id: 1, resultText: '{}', errorText: undefined });
  expect([request.answers, questions.waiting, session.size]).toEqual([[], false, 0]);
});

test('when the call is over the client is told and the server does not wait', () => {
  const { questions, sent } = rig();
  const [open, late] = [requestOf(), requestOf()];
  questions.ask(open);
  questions.close('it was cancelled');
  questions.ask(late);
  expect(sent[1]).toMatchObject({
    method: 'notifications/cancelled',
    params: { requestId: 1, reason: 'it was cancelled' },
  });
  for (const { answers } of [open, late]) {
    expect(answers[0]?.text).toContain('the call is over: it was cancelled');
  }
});

test('a call has at most 16 questions open, a client 64', () => {
  const { questions } = rig();
  const requests = Array.from({ length: 17 }, () => requestOf());
  for (const request of requests) questions.ask(request);
  expect(requests.map(({ answers }) => answers.length)).toEqual([...Array(16).fill(0), 1]);
  const session = new ClientQuestions();
  const answers: RpcAnswer[] = [];
  for (let index = 0; index < 65; index += 1) {
    const question = {
      method: 'roots/list',
      paramsText: undefined,
      answer: (answer: RpcAnswer) => void answers.push(answer),
      onWithdrawn: () => undefined,
    };
    session.ask(question, () => true);
  }
  expect([session.size, answers.length]).toEqual([64, 1]);
  session.close('gone');
  expect([session.size, answers.length]).toEqual([0, 65]);
});
