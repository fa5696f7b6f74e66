import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { MAX_PENDING_POSTS } from '../../src/upstream/http-sse/legacy-sse-post.ts';
import { SIGNAL } from './http-fixture.ts';
import { callOf, callerOf, openSse, send, sseDefinition } from './legacy-sse-fixture.ts';
import { INITIALIZED, startRaw, type RawSse } from './legacy-sse-raw.ts';

const open = (raw: RawSse, changes = {}) => openSse(sseDefinition(raw.url, changes));

test.each([
  ['of another origin', 'http://127.0.0.1:9/in', 'another origin'],
  ['with another scheme', 'javascript:alert(1)', 'another origin'],
  ['that is no URL', 'http://[', 'no URL'],
  ['longer than an address', `/${'x'.repeat(9_000)}`, 'no URL'],
])('an endpoint %s is refused, and nothing is posted there', async (_what, endpoint, why) => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
  };
  await using opened = open(raw);
  const failed = opened.upstream.connect(SIGNAL);
  await expect(failed).rejects.toMatchObject({ code: 'BAD_RESPONSE', phase: 'connect' });
  await expect(failed).rejects.toThrow(why);
  expect(raw.posted).toEqual([]);
});

test('an absolute endpoint of the same origin is taken', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(`event: endpoint\ndata: ${raw.origin}/deep/in?id=2\n\n`);
    response.write('event: endpoint\ndata: http://127.0.0.1:9/late\n\n');
  };
  await using opened = open(raw);
  expect(await opened.upstream.connect(SIGNAL)).toMatchObject({ protocolVersion: '2024-11-05' });
});

test.each([
  [401, 'UNAUTHORIZED'],
  [503, 'HTTP_STATUS'],
  [302, 'HTTP_STATUS'],
])(
  'a stream answered with %i is not had: %s, without the query of the URL',
  async (status, code) => {
    await using raw = await startRaw();
    raw.onStream = (response) =>
      void response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end('no');
    await using opened = open(raw);
    const failed = opened.upstream.connect(SIGNAL);
    await expect(failed).rejects.toMatchObject({ code, httpStatus: status });
    await expect(failed).rejects.not.toThrow('hidden');
  },
);

test('a page instead of a stream, and a compressed one, are refused', async () => {
  await using raw = await startRaw();
  raw.onStream = (response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>');
  await using page = open(raw);
  await expect(page.upstream.connect(SIGNAL)).rejects.toThrow('no event stream');
  raw.onStream = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    response.flushHeaders();
  };
  await using packed = open(raw);
  await expect(packed.upstream.connect(SIGNAL)).rejects.toThrow('compressed');
});

test('a server that is not there fails with CONNECT_FAILED; one that says nothing with TIMEOUT', async () => {
  await using absent = openSse(sseDefinition('http://127.0.0.1:9/sse'));
  await expect(absent.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  await using raw = await startRaw();
  raw.onMessage = (_message, response) => void response.writeHead(202).end();
  const timeouts = { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 150 };
  await using mute = open(raw, { timeouts });
  await expect(mute.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'TIMEOUT' });
  raw.onStream = () => undefined;
  await using silent = open(raw, { timeouts });
  await expect(silent.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'TIMEOUT' });
});

test('an unknown protocol version, or an initialize that is refused, fails the handshake', async () => {
  await using raw = await startRaw();
  const answer = { jsonrpc: '2.0', id: 0 };
  raw.onMessage = (_message, response) => {
    response.writeHead(202).end();
    raw.say({ ...answer, result: { ...INITIALIZED, protocolVersion: '1999-01-01' } });
  };
  await using odd = open(raw);
  await expect(odd.upstream.connect(SIGNAL)).rejects.toThrow('"1999-01-01"');
  raw.onMessage = (_message, response) => {
    response.writeHead(202).end();
    raw.say({ ...answer, error: { code: -32_600, message: 'no' } });
  };
  await using refused = open(raw);
  await expect(refused.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'RPC_ERROR' });
});

test('an event larger than a response may be ends the stream with TOO_LARGE', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const { outcome } = send(opened.upstream, callOf('x'));
  await waitUntil(() => raw.posted.length === 3, { describe: 'the call is there' });
  raw.write('data: ');
  const piece = 'x'.repeat(1_048_576);
  for (let i = 0; i < 12; i += 1) raw.write(piece);
  raw.write('\n\n');
  expect(await outcome).toMatchObject({ kind: 'fail', error: { code: 'TOO_LARGE' } });
});

test('what is no message, nobody’s answer or nobody’s progress is counted and harms nothing', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const { outcome } = send(opened.upstream, callOf('x'));
  await waitUntil(() => raw.posted.length === 3, { describe: 'the call is there' });
  const id = raw.posted[2]?.['id'];
  raw.say('{broken');
  raw.say('[{broken');
  raw.say({ jsonrpc: '2.0', id: 99, result: {} });
  raw.say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1 } });
  raw.write('event: other\ndata: {}\n\n: comment\n\nodd-field: 1\n\n');
  raw.say([
    { jsonrpc: '2.0', id: 7, method: 'ping' },
    { jsonrpc: '2.0', id: 8, method: 'unknown/thing' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } },
    { jsonrpc: '2.0', id, error: { code: -1, message: 'tool' } },
  ]);
  expect(await outcome).toMatchObject({ kind: 'error', text: '{"code":-1,"message":"tool"}' });
  expect(opened.upstream.ignoredMessages).toBe(5);
  await waitUntil(() => raw.posted.length === 5, { describe: 'both are answered' });
  expect(raw.posted.slice(3)).toEqual(
    expect.arrayContaining([
      { jsonrpc: '2.0', id: 7, result: {} },
      expect.objectContaining({ id: 8, error: expect.objectContaining({ code: -32_601 }) }),
    ]),
  );
});

test('an answer with a doubled key fails its call with BAD_RESPONSE', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const { outcome } = send(opened.upstream, callOf('x'));
  await waitUntil(() => raw.posted.length === 3, { describe: 'the call is there' });
  raw.say(`{"jsonrpc":"2.0","id":${String(raw.posted[2]?.['id'])},"result":{},"result":{}}`);
  expect(await outcome).toMatchObject({ kind: 'fail', error: { code: 'BAD_RESPONSE' } });
});

test('a refused message fails its call: by its JSON-RPC error, else by its status', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const error = { code: -32_602, message: 'bad' };
  raw.onMessage = ({ id }, response) =>
    void response.writeHead(400).end(JSON.stringify({ jsonrpc: '2.0', id, error }));
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({ kind: 'error' });
  raw.onMessage = (_message, response) => void response.writeHead(500).end('x'.repeat(100_000));
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'HTTP_STATUS', httpStatus: 500 },
  });
  raw.onMessage = (_message, response) => void response.destroy();
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'STREAM_CUT' },
  });
});

test('a session that is unknown twice in a row is told to the client as SESSION_LOST', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const usual = raw.onMessage;
  raw.onMessage = (message, response) => {
    if (message['method'] === 'tools/call') response.writeHead(404).end();
    else usual(message, response);
  };
  expect(await send(opened.upstream, callOf('x')).outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'SESSION_LOST', unsent: true },
  });
  expect(raw.posted.filter(({ method }) => method === 'tools/call')).toHaveLength(2);
});

test('messages that the server does not accept are bounded in number', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  raw.onMessage = () => undefined;
  const calls = Array.from({ length: MAX_PENDING_POSTS }, () => send(opened.upstream, callOf('x')));
  const { outcome } = send(opened.upstream, callOf('x'));
  expect(await outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'CONNECT_FAILED', unsent: true },
  });
  for (const { handle } of calls) handle.cancel('over');
});

test('an answer of a client that the server refuses fails the call it belonged to', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  await opened.upstream.connect(SIGNAL);
  const { sink, outcome } = send(opened.upstream, callOf('x', {}, { caller: callerOf('one') }));
  await waitUntil(() => raw.posted.length === 3, { describe: 'the call is there' });
  raw.say({ jsonrpc: '2.0', id: 'q', method: 'roots/list' });
  await waitUntil(() => sink.requests.length === 1, { describe: 'the client is asked' });
  raw.onMessage = (_message, response) => void response.writeHead(500).end();
  sink.requests[0]?.respond({ kind: 'error', text: '{"code":-1,"message":"no"}' });
  expect(await outcome).toMatchObject({ kind: 'fail', error: { httpStatus: 500 } });
});

test('a call that waits for the stream can be cancelled, paused and resumed', async () => {
  await using raw = await startRaw();
  const begin = raw.onStream;
  const held: ServerResponse[] = [];
  raw.onStream = (response) => void held.push(response);
  await using opened = open(raw);
  const cancelled = send(opened.upstream, callOf('a'));
  const kept = send(opened.upstream, callOf('b'));
  await waitUntil(() => held.length === 1, { describe: 'the stream is asked for' });
  cancelled.handle.cancel('changed my mind');
  kept.handle.pause();
  const [stream] = held;
  if (stream !== undefined) begin(stream);
  const calls = () => raw.posted.filter(({ method }) => method === 'tools/call');
  await waitUntil(() => calls().length === 1, { describe: 'the other call is there' });
  kept.handle.resume();
  kept.handle.cancel('enough');
  await waitUntil(() => raw.posted.at(-1)?.['method'] === 'notifications/cancelled', {
    describe: 'the server is told',
  });
  expect(cancelled.sink.endings + kept.sink.endings).toBe(0);
});

test('connect() that is given up goes on for others; close() ends it', async () => {
  await using raw = await startRaw();
  raw.onStream = () => undefined;
  await using opened = open(raw);
  const abort = new AbortController();
  const givenUp = opened.upstream.connect(abort.signal);
  const other = opened.upstream.connect(SIGNAL);
  const outcomes = Promise.allSettled([givenUp, other]);
  abort.abort();
  await expect(givenUp).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(opened.upstream.connect(abort.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  await opened.upstream.close();
  await outcomes;
  await expect(other).rejects.toMatchObject({ code: 'CLOSED' });
});

test('notify() reaches the server once there is a session', async () => {
  await using raw = await startRaw();
  await using opened = open(raw);
  const text = '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}';
  opened.upstream.notify?.(text);
  await opened.upstream.connect(SIGNAL);
  expect(raw.posted).toHaveLength(2);
  opened.upstream.notify?.(text);
  await waitUntil(() => raw.posted.length === 3, { describe: 'it is there' });
});
