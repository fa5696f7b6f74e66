import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { Interest } from '../../src/upstream/upstream.ts';
import {
  definitionFor,
  json,
  open,
  run,
  sse,
  startWire,
  toolCall,
  type Answer,
  type Wire,
} from './http-fixture.ts';
import { QUICK, legacyServer, listTools } from './notification-stream-fixture.ts';

const CAPABILITIES = { tools: {}, resources: { subscribe: true }, logging: {} };
const want = (uris: readonly string[], logLevel?: string): Interest => ({
  resources: new Set(uris),
  logLevel,
});
const updated = (uri: string): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });

/** Subscriptions and levels as the server got them. */
function asked({ seen }: Wire): string[] {
  return seen.flatMap(({ message }) => {
    const { method, params } = message;
    const { uri, level } = Object(params);
    if (method === 'logging/setLevel') return [`level ${String(level)}`];
    return typeof method === 'string' && method.startsWith('resources/')
      ? [`${method.slice('resources/'.length)} ${String(uri)}`]
      : [];
  });
}

interface Server {
  readonly answer: Answer;
  readonly streams: ServerResponse[];
  /** URIs that are refused. */
  readonly refused: Set<string>;
  /** Sessions that are not known any more. */
  readonly lost: Set<string>;
}

function server(capabilities: object = CAPABILITIES): Server {
  const streams: ServerResponse[] = [];
  const refused = new Set<string>();
  const lost = new Set<string>();
  const usual = legacyServer((_seen, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    streams.push(response);
  }, capabilities);
  const answer: Answer = (seen, response) => {
    const { id, params } = seen.message;
    if (lost.has(String(seen.headers['mcp-session-id']))) {
      response.writeHead(404).end();
    } else if (refused.has(String(Object(params)['uri']))) {
      const error = { code: -32_602, message: 'unknown resource' };
      json(response, { jsonrpc: '2.0', id, error });
    } else {
      return usual(seen, response);
    }
    return undefined;
  };
  return { answer, streams, refused, lost };
}

test('setInterest() connects, subscribes after the stream is open, and sends only what changes', async () => {
  const { answer, streams } = server();
  await using wire = await startWire(answer);
  await using opened = open(definitionFor(wire.url));
  const { upstream } = opened;
  await upstream.setInterest(want(['a://1', 'a://2'], 'info'));
  expect(asked(wire).toSorted()).toEqual(['level info', 'subscribe a://1', 'subscribe a://2']);
  const order = wire.methods();
  expect(order.indexOf('GET')).toBeLessThan(order.indexOf('resources/subscribe'));
  await upstream.setInterest(want(['a://2', 'a://3'], 'info'));
  await upstream.setInterest(want(['a://2', 'a://3'], 'debug'));
  await upstream.setInterest(want(['a://2', 'a://3']));
  await waitUntil(() => asked(wire).includes('unsubscribe a://1'), { describe: 'it is let go' });
  expect(asked(wire).slice(3).toSorted()).toEqual([
    'level debug',
    'subscribe a://3',
    'unsubscribe a://1',
  ]);
  const [stream] = streams;
  if (stream !== undefined) sse(stream, updated('a://2'));
  await expect
    .poll(() => opened.notifications)
    .toEqual([{ method: 'notifications/resources/updated', text: updated('a://2') }]);
});

test('a log level alone makes no connection, and is sent with the next', async () => {
  await using wire = await startWire(server().answer);
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.setInterest(want([], 'warning'));
  expect(wire.seen).toEqual([]);
  await listTools(opened);
  await waitUntil(() => asked(wire).length > 0, { describe: 'the level is sent' });
  expect(asked(wire)).toEqual(['level warning']);
});

test('a refused resource is an RPC_ERROR with the server’s words, and is not asked for again', async () => {
  const { answer, refused, lost } = server();
  await using wire = await startWire(answer);
  await using opened = open(definitionFor(wire.url));
  refused.add('a://bad');
  await opened.upstream.setInterest(want(['a://good']));
  await expect(opened.upstream.setInterest(want(['a://good', 'a://bad']))).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: -32_602,
    rpcErrorText: '{"code":-32602,"message":"unknown resource"}',
  });
  lost.add('s1');
  await listTools(opened);
  await waitUntil(() => asked(wire).filter((one) => one === 'subscribe a://good').length === 2, {
    describe: 'the good one is asked for on the new session',
  });
  expect(asked(wire).filter((one) => one === 'subscribe a://bad')).toHaveLength(1);
});

test('a server without subscriptions refuses without being asked, and one without logging gets no level', async () => {
  await using wire = await startWire(server({ tools: {}, resources: {} }).answer);
  await using opened = open(definitionFor(wire.url));
  await expect(opened.upstream.setInterest(want(['a://1'], 'info'))).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: -32_601,
  });
  expect(asked(wire)).toEqual([]);
});

test('a new session is told all of it again, and what may have changed meanwhile is announced', async () => {
  const { answer, lost } = server();
  await using wire = await startWire(answer);
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await opened.upstream.setInterest(want(['a://1'], 'info'));
  expect(opened.notifications).toEqual([]);
  lost.add('s1');
  const { outcome } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome.kind).toBe('result');
  await expect.poll(() => opened.notifications.map(({ text }) => text)).toEqual([updated('a://1')]);
  expect(asked(wire).slice(2).toSorted()).toEqual(['level info', 'subscribe a://1']);
});

test('a subscription that finds the session lost is made on a new one', async () => {
  const { answer, lost } = server();
  await using wire = await startWire(answer);
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  lost.add('s1');
  await opened.upstream.setInterest(want(['a://1']));
  const last = wire.seen.findLast(({ message }) => message['method'] === 'resources/subscribe');
  expect(last?.headers['mcp-session-id']).toBe('s2');
});

test('a stream that ends is opened again, and updates may have been missed', async () => {
  const { answer, streams } = server();
  await using wire = await startWire(answer);
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await opened.upstream.setInterest(want(['a://1']));
  streams[0]?.end();
  await waitUntil(() => streams.length === 2, { describe: 'the stream is open again' });
  await expect.poll(() => opened.notifications.map(({ text }) => text)).toEqual([updated('a://1')]);
  expect(asked(wire)).toEqual(['subscribe a://1']);
});

test('subscribing and letting go in turn keep their order', async () => {
  await using wire = await startWire(server().answer);
  await using opened = open(definitionFor(wire.url));
  const { upstream } = opened;
  await upstream.setInterest(want(['a://0']));
  await Promise.all([
    upstream.setInterest(want(['a://1'])),
    upstream.setInterest(want([])),
    upstream.setInterest(want(['a://1'])),
  ]);
  await waitUntil(() => asked(wire).length >= 3, { describe: 'they are asked for' });
  const ofOne = asked(wire).filter((one) => one.endsWith('a://1'));
  expect(ofOne.at(-1)).toBe('subscribe a://1');
});

test('a server that cannot be reached fails with its reason, and the resource is forgotten', async () => {
  await using opened = open(definitionFor('http://127.0.0.1:1/mcp'));
  await expect(opened.upstream.setInterest(want(['a://1']))).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
  });
});

test('more than 10000 resources are refused', async () => {
  await using opened = open(definitionFor('http://127.0.0.1:1/mcp'));
  const many = Array.from({ length: 10_001 }, (_, index) => `a://${index}`);
  await expect(opened.upstream.setInterest(want(many))).rejects.toMatchObject({
    code: 'TOO_LARGE',
  });
});
