import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { leastMs, startGreedyTcp, waitUntil } from '@cortex-os/testkit';
import type { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import {
  SIGNAL,
  definitionFor,
  json,
  modernAnswer,
  open,
  recorder,
  startWire,
  toolCall,
  type Opened,
} from './http-fixture.ts';

test('requests reuse one socket when they follow each other', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  let sockets = 0;
  wire.server.on('connection', () => {
    sockets += 1;
  });
  await using opened = open(definitionFor(wire.url));
  const options = { signal: SIGNAL, timeoutMs: 5_000 };
  for (let turn = 0; turn < 5; turn += 1) await opened.upstream.request('ping', [], options);
  expect(sockets).toBe(1);
});

test('socketLifetimeMs gives all sockets for requests up together; what is under way on them goes on', async () => {
  await using stack = new AsyncDisposableStack();
  const agents = createSharedAgents({ socketLifetimeMs: 20 });
  stack.defer(async () => await agents.close());
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<() => void>();
  const server = createServer((_request, response) => isAsked(() => response.end('late')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const first = agents.requests;
  const answer = agents.requests.request({
    origin: `http://127.0.0.1:${port}`,
    path: '/',
    method: 'GET',
  });
  const respond = await asked;
  await waitUntil(() => agents.requests !== first, { describe: 'other sockets are used' });
  respond();
  expect(await (await answer).body.text()).toBe('late');
  await expect(
    first.request({ origin: `http://127.0.0.1:${port}`, path: '/', method: 'GET' }),
  ).rejects.toThrow(/closed|destroyed/);
});

test('connectionsFor bounds the sockets of an origin, and later requests wait', async () => {
  const release = Promise.withResolvers<void>();
  await using wire = await startWire(
    modernAnswer(async (seen, response) => {
      await release.promise;
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  const sockets = new Set<Socket>();
  wire.server.on('connection', (socket: Socket) => sockets.add(socket));
  await using opened = open(definitionFor(wire.url), { connections: 3 });
  await opened.upstream.connect(SIGNAL);
  const sinks = Array.from({ length: 8 }, () => recorder());
  for (const sink of sinks) opened.upstream.forward(toolCall('modern'), sink);
  release.resolve();
  for (const sink of sinks) expect((await sink.outcome).kind).toBe('whole');
  expect(sockets.size).toBe(3);
});

interface Dispatched {
  readonly handler: Dispatcher.DispatchHandler;
  readonly failed: Promise<NodeJS.ErrnoException>;
}

function dispatched(): Dispatched {
  const failed = Promise.withResolvers<NodeJS.ErrnoException>();
  return {
    failed: failed.promise,
    handler: {
      onRequestStart: () => undefined,
      onResponseStart: () => undefined,
      onResponseData: () => undefined,
      onResponseEnd: () => undefined,
      onResponseError: (_controller, error) => {
        failed.resolve(error);
      },
    },
  };
}

test('createSharedAgents() makes each agent once, and after close() only one that refuses', async () => {
  const agents = createSharedAgents();
  expect(agents.requests).toBe(agents.requests);
  expect(agents.streams).not.toBe(agents.requests);
  const late = createSharedAgents();
  await Promise.all([agents.close(), late.close()]);
  for (const dispatcher of [agents.requests, late.requests, late.streams]) {
    const { handler, failed } = dispatched();
    dispatcher.dispatch({ origin: 'http://127.0.0.1:9', path: '/', method: 'GET' }, handler);
    expect(await failed).toMatchObject({ code: 'UND_ERR_DESTROYED' });
  }
});

test('maxOrigins fails the next origin at once, unsent', async () => {
  await using wire = await startWire(() => undefined);
  const agents = createSharedAgents({ maxOrigins: 1 });
  const [first, second] = [dispatched(), dispatched()];
  const { origin } = new URL(wire.url);
  agents.requests.dispatch({ origin, path: '/', method: 'GET' }, first.handler);
  agents.requests.dispatch(
    { origin: 'http://127.0.0.1:9', path: '/', method: 'GET' },
    second.handler,
  );
  expect(await second.failed).toMatchObject({ code: 'UND_ERR_MAX_ORIGINS_REACHED' });
  await agents.close();
  expect(await first.failed).toMatchObject({ code: 'UND_ERR_DESTROYED' });
});

test('streams wait for their headers without a limit, requests do not', async () => {
  await using wire = await startWire(() => undefined);
  const agents = createSharedAgents({ silenceTimeoutMs: 300 });
  const { origin } = new URL(wire.url);
  const [stream, request] = [dispatched(), dispatched()];
  agents.streams.dispatch({ origin, path: '/', method: 'GET' }, stream.handler);
  agents.requests.dispatch({ origin, path: '/', method: 'GET' }, request.handler);
  expect(await request.failed).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
  const first = await Promise.race([stream.failed, Promise.resolve('waiting')]);
  expect(first).toBe('waiting');
  await agents.close();
});

test('a connection that is not accepted fails within connectTimeoutMs, unsent', async () => {
  // The first bytes of a TLS handshake are never answered, so the connection is never made.
  await using tarpit = await startGreedyTcp();
  const timeouts = { ...DEFAULT_TIMEOUTS, connectTimeoutMs: 100 };
  await using opened = open(definitionFor(`https://127.0.0.1:${tarpit.port}/mcp`, { timeouts }));
  // The default is 2 s.
  const measure = async (): Promise<number> => await timeToFail(opened);
  expect(await leastMs(measure, { belowMs: 1_000 })).toBeLessThan(1_000);
});

async function timeToFail({ upstream }: Opened): Promise<number> {
  const startedAtMs = performance.now();
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'CONNECT_TIMEOUT',
    phase: 'connect',
    unsent: true,
  });
  return performance.now() - startedAtMs;
}

test('connectors of one origin connect each for as long as it allows itself (T1)', async () => {
  await using tarpit = await startGreedyTcp();
  const agents = createSharedAgents({ connectTimeoutMs: 300 });
  const url = `https://127.0.0.1:${tarpit.port}/mcp`;
  const opened = (connectTimeoutMs: number): Opened =>
    open(definitionFor(url, { timeouts: { ...DEFAULT_TIMEOUTS, connectTimeoutMs } }), { agents });
  await using patient = opened(1_500);
  await using hasty = opened(100);
  const [long, short] = [timeToFail(patient), timeToFail(hasty)];
  expect(await Promise.race([short.then(() => 'hasty'), long.then(() => 'patient')])).toBe('hasty');
  expect(await long).toBeGreaterThan(1_000);
});

test('prepare() loads what requests need in turns of its own, once', async () => {
  const agents = createSharedAgents();
  const preparing = agents.prepare?.();
  // Another connector that begins meanwhile waits for the same.
  expect(agents.prepare?.()).toBe(preparing);
  await preparing;
  expect(agents.prepare?.()).toBeUndefined();
});
