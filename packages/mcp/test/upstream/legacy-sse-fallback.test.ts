import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { pino } from 'pino';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { createUpstreamFactory, type UpstreamParts } from '../../src/service/upstream-factory.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { createReaper } from '../../src/upstream/process/reaper.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { CLIENT, INITIALIZED, SIGNAL, definitionFor, json, startWire } from './http-fixture.ts';
import { callOf, send, sseDefinition, startSseServer } from './legacy-sse-fixture.ts';

function answerInitialize(body: string, response: ServerResponse): void {
  const { id, method } = JSON.parse(body) as { id?: number; method: string };
  if (method === 'initialize') json(response, { jsonrpc: '2.0', id, result: INITIALIZED });
  else response.writeHead(id === undefined ? 202 : 400).end();
}

const LIST = { signal: SIGNAL, timeoutMs: 5_000 };

interface Factory extends AsyncDisposable {
  open(definition: ConnectorDefinition): ReturnType<ReturnType<typeof createUpstreamFactory>>;
  readonly losses: UpstreamError[];
}

/** What a service makes of definitions. */
function factory(parts: Partial<UpstreamParts> = {}): Factory {
  const agents = createSharedAgents();
  const reaper = createReaper();
  const losses: UpstreamError[] = [];
  const opened: { close(): Promise<void> }[] = [];
  const create = createUpstreamFactory({
    agents,
    remoteAgents: agents,
    remoteLookup: undefined,
    reaper,
    baseEnv: process.env,
    clientInfo: CLIENT,
    limitStart: async (run) => await run(),
    random: () => 0,
    logger: pino({ level: 'silent' }),
    ...parts,
  });
  return {
    losses,
    open(definition) {
      const events = {
        notification: () => undefined,
        closed: (error: UpstreamError) => void losses.push(error),
      };
      const upstream = create(definition, events, {
        read: () => undefined,
        write: () => undefined,
      });
      opened.push(upstream);
      return upstream;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(async (one) => await one.close()));
      await agents.close();
      await reaper.close();
    },
  };
}

test.each([404, 405])(
  'a server that answers POST with %i and GET with an endpoint is spoken to over SSE (MCP 2025-03-26)',
  async (status) => {
    await using server = await startSseServer(0, status);
    await using service = factory();
    const upstream = service.open(definitionFor(server.url));
    expect(await upstream.connect(SIGNAL)).toMatchObject({ serverInfo: { name: 'old' } });
    const call = await send(upstream, callOf('echo', { message: 'hi' })).outcome;
    expect(call).toMatchObject({ kind: 'result' });
  },
);

test('what the server speaks is remembered for the next definition of the same address', async () => {
  await using server = await startSseServer();
  await using service = factory();
  const first = service.open(definitionFor(server.url));
  await first.request('tools/list', [], LIST);
  await first.close();
  const before = server.seen.length;
  const second = service.open(definitionFor(server.url, { headers: { 'x-other': '1' } }));
  const call = await send(second, callOf('echo', { message: 'hi' })).outcome;
  expect(call).toMatchObject({ kind: 'result' });
  expect(server.seen.slice(before)).not.toContain('POST /sse');
});

test('a call that comes first waits for the question, once for all', async () => {
  await using server = await startSseServer();
  await using service = factory();
  const upstream = service.open(definitionFor(server.url));
  const cancelled = send(upstream, callOf('echo', { message: 'never' }));
  cancelled.handle.cancel('changed my mind');
  const calls = ['a', 'b'].map((message) => send(upstream, callOf('echo', { message })));
  for (const { outcome } of calls) expect(await outcome).toMatchObject({ kind: 'result' });
  expect(cancelled.sink.endings).toBe(0);
  expect(server.streams).toBe(1);
});

test('a server that speaks neither is told of by what it said to streamable HTTP', async () => {
  await using wire = await startWire((_seen, response) => json(response, {}, 404));
  await using service = factory();
  const upstream = service.open(definitionFor(wire.url));
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'HTTP_STATUS',
    httpStatus: 404,
  });
  const { outcome } = send(upstream, callOf('x'));
  expect(await outcome).toMatchObject({ kind: 'fail', error: { httpStatus: 404 } });
});

test('a server that moves to streamable HTTP, and back, is found again by the next connect', async () => {
  await using service = factory();
  const first = await startSseServer();
  const upstream = service.open(definitionFor(first.url));
  await upstream.connect(SIGNAL);
  await first[Symbol.asyncDispose]();
  await waitUntil(() => service.losses.length === 1, { describe: 'the stream is gone' });
  const modernized = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'GET') response.writeHead(405).end();
      else answerInitialize(Buffer.concat(chunks).toString(), response);
    });
  });
  modernized.listen(first.port, '127.0.0.1');
  await once(modernized, 'listening');
  expect(await upstream.connect(SIGNAL)).toMatchObject({ serverInfo: { name: 'l' } });
  modernized.closeAllConnections();
  modernized.close();
  await once(modernized, 'close');
  await using again = await startSseServer(first.port);
  const next = service.open(definitionFor(again.url));
  expect(await next.connect(SIGNAL)).toMatchObject({ serverInfo: { name: 'old' } });
});

test('sockets of its own: an sse connector works, outlives passes and closes them', async () => {
  await using server = await startSseServer();
  await using service = factory({ agents: undefined });
  const upstream = service.open(sseDefinition(server.url));
  await upstream.request('tools/list', [], LIST);
  upstream.passEnded?.();
  const call = await send(upstream, callOf('echo', { message: 'hi' })).outcome;
  expect(call).toMatchObject({ kind: 'result' });
  await upstream.close();
  await waitUntil(() => server.open === 0, { describe: 'the stream is gone' });
});

test('a modern server that answers 404 is not asked for a stream', async () => {
  await using wire = await startWire((_seen, response) => json(response, {}, 404));
  await using service = factory();
  const upstream = service.open(definitionFor(wire.url, { era: 'modern' }));
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({ name: 'UpstreamError' });
  expect(wire.seen.map(({ method }) => method)).not.toContain('GET');
});

test('a caller that gives up does not decide for those who wait with it', async () => {
  await using server = await startSseServer();
  await using service = factory();
  const upstream = service.open(definitionFor(server.url));
  const first = new AbortController();
  const givenUp = upstream.connect(first.signal);
  const second = upstream.connect(SIGNAL);
  first.abort();
  await expect(givenUp).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await second).toMatchObject({ serverInfo: { name: 'old' } });
  await expect(upstream.connect(first.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
});
