import { startConformanceServer, waitUntil, type ConformanceServer } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  modernBody,
  modernHeaders,
  openSession,
  send,
  type RawAnswer,
} from '../gateway/raw-client.ts';
import { startAskingServer, type AskingServer } from './asking-server.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

let asking: AskingServer;
let modern: ConformanceServer;
let old: ConformanceServer;
let gateway: TestGateway;

beforeAll(async () => {
  asking = await startAskingServer();
  modern = await startConformanceServer({ eras: 'modern' });
  old = await startConformanceServer({ eras: 'legacy' });
  gateway = await startGateway([
    connector('asking', { kind: 'http', url: asking.url, headers: {} }),
    connector('old', { kind: 'http', url: old.url, headers: {} }),
    connector('modern', { kind: 'http', url: modern.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await modern.close();
  await old.close();
  await asking[Symbol.asyncDispose]();
});

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const ASKABLE = { [CAPABILITIES]: { elicitation: { form: {}, url: {} } } };

interface InputRequired {
  readonly resultType: string;
  readonly inputRequests: Readonly<Record<string, { method: string; params: { message: string } }>>;
  readonly requestState: string;
}

/** One modern `tools/call`, as a client without an SDK sends it. */
async function call(
  name: string,
  params: Readonly<Record<string, unknown>> = {},
  meta: Readonly<Record<string, unknown>> = {},
  connectorId: string | undefined = 'asking',
): Promise<RawAnswer> {
  const sent = { name, arguments: {}, ...params };
  return await send(gateway.url(connectorId), {
    headers: modernHeaders('tools/call', name),
    body: modernBody('tools/call', sent, { ...ASKABLE, ...meta }),
  });
}

const resultOf = (answer: RawAnswer): InputRequired =>
  (answer.json() as { result: InputRequired }).result;
const callsInFlight = (): number =>
  (gateway.service.status()['clients'] as { callsInFlight: number }).callsInFlight;
const accept = (reply: string) => ({ action: 'accept', content: { reply } });

test('a question of a legacy server becomes input_required; its retry gets the answer (SEP-2322)', async () => {
  const asked = resultOf(await call('form', { arguments: { message: 'Ünïque?' } }));
  const [key = ''] = Object.keys(asked.inputRequests);
  const question = asked.inputRequests[key];
  expect(asked.resultType).toBe('input_required');
  expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Ünïque?' } });
  const answer = await call('form', {
    // Written in another way, the same value.
    arguments: { message: 'Ünïque?' },
    inputResponses: { [key]: accept('yes'), unheard: accept('of') },
    requestState: asked.requestState,
  });
  expect(answer.json()).toMatchObject({
    id: 1,
    result: { resultType: 'complete', content: [{ text: JSON.stringify(accept('yes')) }] },
  });
});

test('questions asked at once come together; what is left unanswered is asked again', async () => {
  const asked = resultOf(await call('two'));
  const keys = Object.keys(asked.inputRequests);
  expect(keys).toHaveLength(2);
  const [first = '', second = ''] = keys;
  const again = resultOf(
    await call('two', {
      inputResponses: { [first]: accept('1') },
      requestState: asked.requestState,
    }),
  );
  expect(Object.keys(again.inputRequests)).toEqual([second]);
  expect(again.requestState).not.toBe(asked.requestState);
  const done = await call('two', {
    inputResponses: { [second]: accept('2') },
    requestState: again.requestState,
  });
  expect(done.json()).toMatchObject({
    result: { content: [{ text: JSON.stringify([accept('1'), accept('2')]) }] },
  });
});

test('a state is good once, for the same tool, endpoint and arguments, and cannot be made up', async () => {
  const asked = resultOf(await call('form', { arguments: { message: 'a' } }));
  const inputResponses = { 'question-1': accept('x') };
  const retry = { arguments: { message: 'a' }, inputResponses, requestState: asked.requestState };
  const flipped =
    asked.requestState.slice(0, -2) + (asked.requestState.endsWith('AA') ? 'BB' : 'AA');
  const wrong = [
    await call('form', { ...retry, arguments: { message: 'b' } }),
    await call('url', retry),
    await call('asking__form', retry, {}, undefined),
    await call('form', { ...retry, requestState: flipped }),
    await call('form', { ...retry, requestState: 'made up' }),
    await call('form', { ...retry, inputResponses: 'text' }),
    await call('form', { ...retry, inputResponses: { 'question-1': 7 } }),
  ];
  for (const answer of wrong) expect(answer.json()).toMatchObject({ error: { code: -32_602 } });
  // None of it has used it up.
  expect((await call('form', retry)).json()).toMatchObject({ result: { resultType: 'complete' } });
  expect((await call('form', retry)).json()).toMatchObject({
    error: { code: -32_602, message: expect.stringContaining('used before') as unknown },
  });
});

test('progress and log messages go to the request that waits now, with its own token and level', async () => {
  const first = await call('steps', {}, { progressToken: 'first' });
  expect(first.text).toContain('"progressToken":"first"');
  const asked = /data: (.*input_required.*)/.exec(first.text)?.[1] ?? '{}';
  const { result } = JSON.parse(asked) as { result: InputRequired };
  const [key = ''] = Object.keys(result.inputRequests);
  const retry = { inputResponses: { [key]: accept('on') }, requestState: result.requestState };
  const level = { 'io.modelcontextprotocol/logLevel': 'info' };
  const second = await call('steps', retry, { ...level, progressToken: 2 });
  const messages = [...second.text.matchAll(/data: (.*)/g)].map(
    ([, text = '']) => JSON.parse(text) as Record<string, unknown>,
  );
  expect(messages).toMatchObject([
    { method: 'notifications/progress', params: { progressToken: 2, progress: 2 } },
    { method: 'notifications/message', params: { level: 'warning' } },
    { result: { resultType: 'complete' } },
  ]);
});

test('a client that asked for no level gets no log messages (2026-07-28, logging)', async () => {
  const asked = resultOf(await call('steps'));
  const [key = ''] = Object.keys(asked.inputRequests);
  const retry = { inputResponses: { [key]: accept('on') }, requestState: asked.requestState };
  const answer = await call('steps', retry);
  expect(answer.headers['content-type']).toBe('application/json');
});

test('a server that loses interest goes on, and the retry gets its result', async () => {
  const asked = resultOf(await call('forget'));
  const [key = ''] = Object.keys(asked.inputRequests);
  await waitUntil(() => callsInFlight() === 0, { describe: 'the server has answered' });
  const retry = { inputResponses: { [key]: accept('late') }, requestState: asked.requestState };
  const answer = await call('forget', retry);
  expect(answer.json()).toMatchObject({
    id: 1,
    result: {
      resultType: 'complete',
      content: [{ text: expect.stringContaining('TimeoutError') as unknown }],
    },
  });
});

test('-32042 becomes input_required with the URL; agreeing sends the request anew, declining ends it', async () => {
  asking.visited = false;
  const asked = resultOf(await call('visit'));
  expect(asked).toMatchObject({
    resultType: 'input_required',
    inputRequests: {
      'url-1': {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://example.com/in', message: 'Sign in' },
      },
    },
  });
  expect(asked.inputRequests['url-1']?.params).not.toHaveProperty('elicitationId');
  const { requestState } = asked;
  const retry = (action: string) => ({ inputResponses: { 'url-1': { action } }, requestState });
  expect((await call('visit', retry('decline'))).json()).toMatchObject({
    error: { code: -32_603 },
  });
  expect(resultOf(await call('visit', retry('accept'))).resultType).toBe('input_required');
  asking.visited = true;
  expect((await call('visit', retry('accept'))).json()).toMatchObject({
    result: { resultType: 'complete', content: [{ text: 'welcome' }] },
  });
});

test('-32042 for a client that cannot show URLs is -32021 with HTTP 400', async () => {
  asking.visited = false;
  const answer = await call('visit', {}, { [CAPABILITIES]: { elicitation: {} } });
  expect([answer.status, answer.json()]).toMatchObject([
    400,
    { error: { code: -32_021, data: { requiredCapabilities: { elicitation: { url: {} } } } } },
  ]);
});

test('a legacy tool that fails without what the client has not declared is -32021 with HTTP 400', async () => {
  const answer = await call('test_missing_capability', {}, {}, 'old');
  expect([answer.status, answer.json()]).toMatchObject([
    400,
    {
      error: {
        code: -32_021,
        data: { requiredCapabilities: { sampling: {} }, result: { isError: true } },
      },
    },
  ]);
});

test('a retry for a legacy server without a state is the request anew', async () => {
  const asked = resultOf(await call('form', { inputResponses: { 'question-1': accept('x') } }));
  expect(asked.resultType).toBe('input_required');
});

test('between modern peers rounds pass unread, letter for letter (§4.9)', async () => {
  const name = 'test_input_required_result_request_state';
  const direct = async (params: object) =>
    await send(modern.url, {
      headers: modernHeaders('tools/call', name),
      body: modernBody('tools/call', { name, arguments: {}, ...params }, ASKABLE),
    });
  const through = await call(name, {}, {}, 'modern');
  const { inputRequests, requestState } = resultOf(through);
  expect(inputRequests).toEqual(resultOf(await direct({})).inputRequests);
  const [key = ''] = Object.keys(inputRequests);
  const retry = {
    inputResponses: { [key]: { action: 'accept', content: { ok: true } } },
    requestState,
  };
  const done = await call(name, retry, {}, 'modern');
  expect(done.text).toBe((await direct(retry)).text);
});

test('a legacy client without the capability gets a clear answer from a modern server’s tool', async () => {
  const session = await openSession(gateway.url('modern'));
  const answer = await session.send('tools/call', {
    name: 'test_missing_capability',
    arguments: {},
  });
  expect(answer.json()).toMatchObject({
    error: {
      code: -32_600,
      message: expect.stringContaining('sampling') as unknown,
      data: { requiredCapabilities: { sampling: {} } },
    },
  });
});
