import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { ELICIT, answers, asked, asking, caller, forward } from './asking-server.ts';
import { definitionFor, json, open, recorder, sse, startWire, toolCall } from './http-fixture.ts';
import { listTools } from './notification-stream-fixture.ts';

test('a request on the stream of a call reaches its client; the answer is one POST of the session', async () => {
  await using wire = await startWire(
    asking(async (seen, response) => {
      sse(response, ELICIT);
      await waitUntil(() => answers(wire.seen).length > 0, { describe: 'the answer is here' });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: { done: true } });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  const [question] = sink.requests;
  expect(question).toMatchObject({
    method: 'elicitation/create',
    paramsText: '{"message":"name?"}',
  });
  question?.respond({ kind: 'result', text: '{"action":"accept","content":{"n":1.0}}' });
  question?.respond({ kind: 'error', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'result', text: '{"done":true}' });
  const replies = answers(wire.seen);
  expect(replies.map(({ body }) => body)).toEqual([
    '{"jsonrpc":"2.0","id":"q1","result":{"action":"accept","content":{"n":1.0}}}',
  ]);
  expect(replies[0]?.headers).toMatchObject({
    'mcp-session-id': 's1',
    'mcp-protocol-version': '2025-11-25',
  });
});

/** Two calls are held until `release`; `ask` puts a request on the GET stream. */
async function shared() {
  const streams: ServerResponse[] = [];
  const release = Promise.withResolvers<void>();
  const wire = await startWire(
    asking(
      async (seen, response) => {
        await release.promise;
        json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      },
      (_seen, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        streams.push(response);
      },
    ),
  );
  const calls = (): number => wire.methods().filter((method) => method === 'tools/call').length;
  return {
    wire,
    release: () => release.resolve(),
    ask: (message: unknown) => {
      const [stream] = streams;
      if (stream !== undefined) sse(stream, message);
    },
    arrived: async (count: number) =>
      await waitUntil(() => calls() === count, { describe: `${count} calls are under way` }),
  };
}

test('a request on the GET stream reaches the only client with calls under way', async () => {
  const { wire, release, ask, arrived } = await shared();
  await using _ = wire;
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  const sinks = [forward(opened, caller('a')), forward(opened, caller('a'))];
  await arrived(2);
  ask(ELICIT);
  await waitUntil(() => sinks.some(({ requests }) => requests.length > 0), {
    describe: 'the client is asked',
  });
  expect(sinks.map(({ requests }) => requests.length)).toEqual([0, 1]);
  sinks[1]?.requests[0]?.respond({ kind: 'error', text: '{"code":-1,"message":"no"}' });
  await waitUntil(() => answers(wire.seen).length === 1, { describe: 'the answer is here' });
  expect(answers(wire.seen)[0]?.body).toBe(
    '{"jsonrpc":"2.0","id":"q1","error":{"code":-1,"message":"no"}}',
  );
  release();
  await Promise.all(sinks.map(async (sink) => await sink.outcome));
});

test('with two clients under way a request on the GET stream reaches neither, and is refused', async () => {
  const { wire, release, ask, arrived } = await shared();
  await using _ = wire;
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  const sinks = [forward(opened, caller('a')), forward(opened, caller('b'))];
  await arrived(2);
  ask(ELICIT);
  await waitUntil(() => answers(wire.seen).length === 1, { describe: 'the refusal is here' });
  expect(answers(wire.seen)[0]?.body).toContain('"id":"q1","error":{"code":-32600');
  expect(sinks.map(({ requests }) => requests.length)).toEqual([0, 0]);
  expect(opened.upstream.ignoredMessages).toBe(1);
  release();
  await Promise.all(sinks.map(async (sink) => await sink.outcome));
});

test('notifications/cancelled of the server reaches the client that was asked', async () => {
  const go = Promise.withResolvers<void>();
  await using wire = await startWire(
    asking(async (seen, response) => {
      sse(response, ELICIT);
      await go.promise;
      const params = { requestId: 'q1', reason: 'too slow' };
      sse(response, { jsonrpc: '2.0', method: 'notifications/cancelled', params });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  let cancelled = 0;
  sink.requests[0]?.onCancelled(() => {
    cancelled += 1;
  });
  go.resolve();
  await sink.outcome;
  expect(cancelled).toBe(1);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(answers(wire.seen)).toEqual([]);
  expect(sink.notifications).toEqual([]);
});

test('when the client gives up, the server gets an error for what it asked', async () => {
  await using wire = await startWire(asking((_seen, response) => sse(response, ELICIT)));
  await using opened = open(definitionFor(wire.url));
  const sink = recorder();
  const handle = opened.upstream.forward(toolCall('legacy', { caller: caller('a') }), sink);
  await asked(sink);
  let cancelled = false;
  sink.requests[0]?.onCancelled(() => {
    cancelled = true;
  });
  handle.cancel('gone');
  expect(cancelled).toBe(true);
  await waitUntil(() => answers(wire.seen).length === 1, { describe: 'the error is here' });
  expect(answers(wire.seen)[0]?.body).toContain('"id":"q1","error"');
  await waitUntil(() => wire.methods().includes('notifications/cancelled'), {
    describe: 'the call is cancelled',
  });
  expect(sink.endings).toBe(0);
});

test('an answer that the server refuses fails the call at once', async () => {
  await using wire = await startWire(async (seen, response) => {
    if (seen.method === 'POST' && seen.message['jsonrpc'] && !seen.message['method']) {
      response.writeHead(404).end();
      return;
    }
    await asking((_seen, one) => sse(one, ELICIT))(seen, response);
  });
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'HTTP_STATUS', httpStatus: 404 },
  });
  await waitUntil(() => wire.methods().includes('notifications/cancelled'), {
    describe: 'the call is cancelled',
  });
  expect(answers(wire.seen)).toHaveLength(1);
});

test('calls that wait for their clients do not keep their answers from leaving', async () => {
  await using wire = await startWire(
    asking(async (seen, response) => {
      const id = `q${String(seen.message['id'])}`;
      sse(response, { ...ELICIT, id });
      await waitUntil(() => answers(wire.seen).some(({ message }) => message['id'] === id), {
        describe: 'the answer is here',
      });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  // One socket for requests: the call holds it.
  await using opened = open(definitionFor(wire.url), { connections: 1 });
  const sink = forward(opened, caller('a'));
  await asked(sink);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
});

test('after a lost session requests are relayed on the new one', async () => {
  let valid = 's1';
  await using wire = await startWire(
    asking(async (seen, response) => {
      if (seen.headers['mcp-session-id'] !== valid) {
        response.writeHead(404).end();
        return;
      }
      sse(response, ELICIT);
      await waitUntil(() => answers(wire.seen).length > 0, { describe: 'the answer is here' });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  valid = 's2';
  const sink = forward(opened, caller('a'));
  await asked(sink);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
  expect(answers(wire.seen)[0]?.headers['mcp-session-id']).toBe('s2');
});
