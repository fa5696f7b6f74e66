import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { readSseMessages } from '../../src/upstream/http-sse/legacy-sse-message.ts';
import { SIGNAL } from './http-fixture.ts';
import { callOf, openSse, send, sseDefinition } from './legacy-sse-fixture.ts';
import { startRaw } from './legacy-sse-raw.ts';

test('a server that says nothing of itself is taken as it is', async () => {
  await using raw = await startRaw();
  raw.onMessage = ({ id, method }, response) => {
    response.writeHead(202).end();
    const result = {
      protocolVersion: '2025-03-26',
      capabilities: [],
      serverInfo: 1,
      instructions: 2,
    };
    if (method === 'initialize') raw.say({ jsonrpc: '2.0', id, result });
  };
  await using opened = openSse(sseDefinition(raw.url));
  expect(await opened.upstream.connect(SIGNAL)).toEqual({
    era: 'legacy',
    protocolVersion: '2025-03-26',
    capabilities: {},
    serverInfo: undefined,
    instructions: undefined,
  });
});

test('an initialized that is refused, and a result that is no object, fail the handshake', async () => {
  await using raw = await startRaw();
  const usual = raw.onMessage;
  raw.onMessage = (message, response) => {
    if (message['method'] === 'initialize') usual(message, response);
    else response.writeHead(503, { 'retry-after': '1' }).end();
  };
  await using refused = openSse(sseDefinition(raw.url));
  await expect(refused.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'HTTP_STATUS',
    httpStatus: 503,
    phase: 'handshake',
  });
  raw.onMessage = ({ id }, response) => {
    response.writeHead(202).end();
    raw.say({ jsonrpc: '2.0', id, result: null });
  };
  await using odd = openSse(sseDefinition(raw.url));
  await expect(odd.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
});

test('a stream that ends during the handshake fails it; the next attempt may work', async () => {
  await using raw = await startRaw();
  const usual = raw.onMessage;
  raw.onMessage = (_message, response) => {
    response.writeHead(202).end();
    raw.end();
  };
  await using opened = openSse(sseDefinition(raw.url));
  const failed = opened.upstream.connect(SIGNAL);
  await expect(failed).rejects.toMatchObject({ code: 'STREAM_CUT', phase: 'handshake' });
  expect(opened.losses).toEqual([]);
  raw.onMessage = usual;
  expect(await opened.upstream.connect(SIGNAL)).toMatchObject({ protocolVersion: '2024-11-05' });
});

test('a call that is over before its message was accepted gives the message up', async () => {
  await using raw = await startRaw();
  await using opened = openSse(sseDefinition(raw.url));
  await opened.upstream.connect(SIGNAL);
  // Answered on the stream, never accepted: some servers work before they answer the POST.
  raw.onMessage = ({ id }) => raw.say({ jsonrpc: '2.0', id, result: { early: true } });
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({ kind: 'result' });
  raw.onMessage = ({ id }) => raw.say({ jsonrpc: '2.0', id, error: { code: -5, message: 'e' } });
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({ kind: 'error' });
  await opened.upstream.close();
  await waitUntil(() => raw.posted.length === 4, { describe: 'both were there' });
});

test('progress for a client that wants none is counted, and reaches nobody', async () => {
  await using raw = await startRaw();
  await using opened = openSse(sseDefinition(raw.url));
  await opened.upstream.connect(SIGNAL);
  const { sink, handle } = send(opened.upstream, callOf('x'));
  await waitUntil(() => raw.posted.length === 3, { describe: 'the call is there' });
  const progressToken = raw.posted[2]?.['id'];
  raw.say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken } });
  await waitUntil(() => opened.upstream.ignoredMessages === 1, { describe: 'it is counted' });
  expect(sink.notifications).toEqual([]);
  handle.cancel('over');
});

test.for([
  ['{"jsonrpc":"2.0","id":3,"result":{"n":NaN}}', ['unreadable 3']],
  ['{"jsonrpc":"2.0","error":{},"id":null}', ['unreadable undefined']],
  ['{"jsonrpc":"2.0","id":4,"method":"roots/list","params":[1]}', ['question 4 roots/list [1]']],
  ['{"jsonrpc":"2.0","id":4,"method":"roots/list","params":oops}', ['ignored']],
  ['{"jsonrpc":"2.0","method":"notifications/x","params":5}', ['ignored']],
  ['[oops]', ['unreadable undefined']],
] as const)('readSseMessages() makes of %s what whoever waits must know', ([text, expected]) => {
  const told: string[] = [];
  const note =
    (what: string) =>
    (...args: readonly unknown[]): void =>
      void told.push([what, ...args].map(String).join(' '));
  readSseMessages(text, {
    answer: note('answer'),
    question: note('question'),
    questionCancelled: note('cancelled'),
    progress: () => false,
    unasked: note('unasked'),
    unattributed: note('unattributed'),
    unreadable: (id) => void told.push(`unreadable ${String(id)}`),
    ignored: note('ignored'),
  });
  expect(told).toEqual(expected);
});
