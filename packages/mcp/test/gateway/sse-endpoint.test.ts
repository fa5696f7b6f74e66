import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import {
  CreateMessageRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import {
  createSseEndpoint,
  type SseEndpoint,
  type SseEndpointOptions,
} from '../../src/gateway/bridge/sse-endpoint.ts';
import { connectorFor, connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modern } from '../e2e/stdio-fixture.ts';
import { startSseServer } from '../upstream/legacy-sse-fixture.ts';

async function connectSse(
  gateway: TestGateway,
  path = '/sse',
  client: Client = new Client({ name: 'old', version: '0' }),
): Promise<Client & AsyncDisposable> {
  await client.connect(new SSEClientTransport(new URL(path, gateway.origin)));
  return Object.assign(client, { [Symbol.asyncDispose]: async () => await client.close() });
}

function sessionsOf(gateway: TestGateway): number {
  return (gateway.service.status()['clients'] as { sessions: number }).sessions;
}

async function openStream(
  gateway: TestGateway,
  path = '/sse',
): Promise<{ reader: ReadableStreamDefaultReader<string>; endpoint: string }> {
  const response = await fetch(new URL(path, gateway.origin));
  const stream = response.body?.pipeThrough(new TextDecoderStream());
  const reader = stream?.getReader();
  if (reader === undefined) throw new Error('there is no stream');
  const first = (await reader.read()).value ?? '';
  return { reader, endpoint: /data: (\S+)/.exec(first)?.[1] ?? '' };
}

test('/sse serves the official client of the older transport: lists, calls, progress, errors (contract)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')], { sse: true });
  await using client = await connectSse(gateway);
  expect(client.getServerVersion()?.name).toBe('cortex-mcp');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain('one__echo');
  const echo = await client.callTool({ name: 'one__echo', arguments: { message: 'hi' } });
  expect(JSON.stringify(echo)).toContain('hi');
  await expect(client.callTool({ name: 'one__nope' })).rejects.toThrow('Unknown tool');
  expect(sessionsOf(gateway)).toBe(1);
  await client.close();
  await waitUntil(() => sessionsOf(gateway) === 0, { describe: 'the session has ended' });
});

test('/sse/{connector} serves one connector under its own names; an unknown one is 404', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')], { sse: true });
  await using client = await connectSse(gateway, '/sse/one');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain('echo');
  expect((await fetch(`${gateway.origin}/sse/nope`)).status).toBe(404);
});

test('without the option there is no /sse', async () => {
  await using gateway = await startGateway([]);
  expect((await fetch(`${gateway.origin}/sse`)).status).toBe(404);
});

test('changes are told, and a server’s question reaches the client that is asked', async () => {
  await using server = await startSseServer();
  const definition = connector('old', { kind: 'sse', url: server.url, headers: {} });
  await using gateway = await startGateway([definition], { sse: true });
  const asked = new Client({ name: 'old', version: '0' }, { capabilities: { sampling: {} } });
  asked.setRequestHandler(CreateMessageRequestSchema, () => ({
    role: 'assistant',
    model: 'm',
    content: { type: 'text', text: 'it is me' },
  }));
  let changes = 0;
  asked.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes += 1;
  });
  await using client = await connectSse(gateway, '/sse', asked);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('old__ask');
  const answer = await client.callTool({ name: 'old__ask' });
  expect(JSON.stringify(answer)).toContain('it is me');
  server.server().registerTool('fresh', {}, () => ({ content: [] }));
  const names = async () => (await client.listTools()).tools.map(({ name }) => name);
  await waitUntil(async () => (await names()).includes('old__fresh'), { describe: 'it is there' });
  await waitUntil(() => changes > 0, { describe: 'the change is told' });
});

test('messages for an unknown stream, of a wrong type, too large or by a wrong method are refused', async () => {
  await using gateway = await startGateway([], { sse: true });
  const { reader, endpoint } = await openStream(gateway);
  const url = new URL(endpoint, gateway.origin);
  const headers = { 'content-type': 'application/json' };
  const post = async (to: URL | string, init: RequestInit) =>
    (await fetch(to, { method: 'POST', headers, body: '{}', ...init })).status;
  expect(await post(`${gateway.origin}/messages?sessionId=nope`, {})).toBe(404);
  expect(await post(`${gateway.origin}/messages`, {})).toBe(404);
  expect(await post(url, { headers: { 'content-type': 'text/plain' } })).toBe(415);
  expect(await post(url, { body: 'x'.repeat(4 * 1_048_576 + 1) })).toBe(413);
  expect((await fetch(url)).status).toBe(405);
  expect(await post(`${gateway.origin}/sse`, {})).toBe(405);
  expect(await post(url, { body: '{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}' })).toBe(202);
  expect((await reader.read()).value).toContain('-32600');
  await reader.cancel();
});

test('a request before initialize is answered with an error under its id', async () => {
  await using gateway = await startGateway([], { sse: true });
  const { reader, endpoint } = await openStream(gateway);
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'x', method: 'tools/list' });
  const headers = { 'content-type': 'application/json' };
  await fetch(new URL(endpoint, gateway.origin), { method: 'POST', headers, body });
  const frame = (await reader.read()).value ?? '';
  expect(frame).toContain('"id":"x"');
  expect(frame).toContain('"error"');
  await reader.cancel();
});

test('closing the service ends the streams and their sessions', async () => {
  const gateway = await startGateway([], { sse: true });
  await using client = await connectSse(gateway);
  const gone = Promise.withResolvers<string>();
  Object.assign(client, {
    onclose: () => gone.resolve('over'),
    onerror: () => gone.resolve('over'),
  });
  await gateway.service.close();
  expect(await gone.promise).toBe('over');
});

/** A service behind `createSseEndpoint()` alone, on a socket of its own. */
async function startBare(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<SseEndpointOptions> = {},
): Promise<{ origin: string; endpoint: SseEndpoint } & AsyncDisposable> {
  const endpoint = createSseEndpoint({
    handle,
    knows: () => true,
    random: () => 0,
    ...options,
  });
  const server = createServer((request, response) => {
    if (request.url === '/sse') endpoint.open(request, response, undefined);
    else endpoint.post(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endpoint,
    async [Symbol.asyncDispose]() {
      await endpoint.close();
      await endpoint.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('streams are bounded in number, kept alive by comments, and ended when nothing is asked', async () => {
  const options = { maxStreams: 1, keepAliveMs: 20, silentMs: 200 };
  await using bare = await startBare((_request, response) => response.end(), options);
  const first = await fetch(`${bare.origin}/sse`);
  const second = await fetch(`${bare.origin}/sse`);
  expect(second.status).toBe(503);
  expect(second.headers.get('retry-after')).toBe('5');
  const text = await first.text();
  expect(text).toMatch(
    /^event: endpoint\ndata: \/messages\?sessionId=[\w-]{36}\n\n(: keep-alive\n\n)+$/,
  );
  await waitUntil(() => bare.endpoint.streams === 0, { describe: 'the stream is gone' });
  expect((await fetch(`${bare.origin}/sse`)).status).toBe(200);
});

test('a session that the service forgets ends the stream, so that the client opens another', async () => {
  await using bare = await startBare((_request, response) => {
    response.writeHead(404).end();
  });
  const stream = await fetch(`${bare.origin}/sse`);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const path = /data: (\S+)/.exec((await reader?.read())?.value ?? '')?.[1] ?? '';
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'x' } },
  });
  await fetch(`${bare.origin}${path}`, { method: 'POST', headers, body });
  expect((await reader?.read())?.value).toContain('HTTP status 404');
  await reader?.cancel();
  await waitUntil(() => bare.endpoint.streams === 0, { describe: 'the stream is gone' });
});

test('a client that leaves too much unread is cut off', async () => {
  const big = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: { text: 'x'.repeat(9 * 1_048_576) },
  });
  await using bare = await startBare((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(big);
  });
  const stream = await fetch(`${bare.origin}/sse`);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const path = /data: (\S+)/.exec((await reader?.read())?.value ?? '')?.[1] ?? '';
  const headers = { 'content-type': 'application/json' };
  for (let id = 1; id <= 8; id += 1) {
    const body = JSON.stringify(modern(id, 'tools/list'));
    const posted = await fetch(`${bare.origin}${path}`, { method: 'POST', headers, body });
    if (posted.status === 404) break;
  }
  await waitUntil(() => bare.endpoint.streams === 0, { describe: 'it is cut off' });
  expect(bare.endpoint.streams).toBe(0);
});
