import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fetch } from '../../src/live/gateway-fetch.ts';
import { createMcpClient, type McpClient } from '../../src/live/mcp-client.ts';
import { headerValue, paramHeaders, wireRequest } from '../../src/live/mcp-message.ts';
import { readRegistry, readRegistryServer } from '../../src/live/registry-client.ts';
import { createStore } from '../../src/live/store.ts';
import { loadTools, toolsOf, type ToolList } from '../../src/live/tool-list.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { startFixture } from '../fixture/fixture-server.ts';

let server: Server;
let fetch: Fetch;
let client: McpClient;
const signal = new AbortController().signal;

beforeAll(async () => {
  server = await startFixture({ folder: '/nowhere', moreTools: 3 });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fetch = (path, init) => globalThis.fetch(url + path, init);
  client = createMcpClient(fetch, () => performance.now());
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function answering(...bodies: readonly (string | object)[]): Fetch {
  let at = 0;
  return async () => {
    const body = bodies[Math.min(at, bodies.length - 1)];
    at += 1;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return Promise.resolve(new Response(text, { status: 200 }));
  };
}

function clientOf(...bodies: readonly (string | object)[]): McpClient {
  return createMcpClient(answering(...bodies), () => 0);
}

test('wireRequest() says revision, method and name in headers and body alike (MCP 2026-07-28, transports)', () => {
  const { message, headers } = wireRequest({
    id: 3,
    method: 'tools/call',
    params: { name: 'täg' },
  });
  expect(headers).toMatchObject({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': '=?base64?dMOkZw==?=',
  });
  expect(message).toMatchObject({
    jsonrpc: '2.0',
    id: 3,
    params: {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
        progressToken: 'page-3',
      },
    },
  });
  expect(
    wireRequest({ id: 1, method: 'tools/list', params: {} }).headers['mcp-name'],
  ).toBeUndefined();
});

test.each([
  ['plain text', 'plain text'],
  ['', '=?base64??='],
  [' padded', '=?base64?IHBhZGRlZA==?='],
  ['a\r\nb', '=?base64?YQ0KYg==?='],
  ['=?base64?YQ==?=', '=?base64?PT9iYXNlNjQ/WVE9PT89?='],
])('headerValue(%j) is %j', (text, value) => {
  expect(headerValue(text)).toBe(value);
});

test('paramHeaders() repeats annotated arguments, at any depth of properties', () => {
  const schema = {
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      inner: { properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
      left: { type: 'string', 'x-mcp-header': 'Left' },
    },
  };
  expect(paramHeaders(schema, { region: 'eu', inner: { n: 4 } })).toEqual({
    'mcp-param-region': 'eu',
    'mcp-param-n': '4',
  });
  expect(paramHeaders(true, {})).toEqual({});
});

test('send() resolves with the request, the answer and their times', async () => {
  const params = { name: 'weather__forecast', arguments: { city: 'Ulm' } };
  const exchange = await client.send({ method: 'tools/call', params });
  expect(exchange.status).toBe(200);
  expect(exchange.outcome).toMatchObject({
    kind: 'result',
    result: { structuredContent: { args: { city: 'Ulm' } } },
  });
  expect(exchange.totalMs).toBeGreaterThanOrEqual(exchange.firstByteMs);
  expect(exchange.sent.message['method']).toBe('tools/call');
  expect(exchange.length).toBeGreaterThan(50);
});

test('send() tells notifications of a stream, and stops when it is aborted', async () => {
  const abort = new AbortController();
  const told: JsonObject[] = [];
  const sent = client.send(
    { method: 'tools/call', params: { name: 'weather__slow', arguments: {} } },
    {
      signal: abort.signal,
      onNotification: (message) => {
        told.push(message);
        if (told.length === 2) abort.abort();
      },
    },
  );
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  expect(told[1]).toMatchObject({ method: 'notifications/progress', params: { progress: 2 } });
});

const away: Fetch = async () => Promise.reject(new TypeError('refused'));
const none: Fetch = async () => Promise.resolve(new Response(null, { status: 404 }));

function stream(text: string): McpClient {
  const headers = { 'content-type': 'text/event-stream' };
  const answer: Fetch = async () => Promise.resolve(new Response(text, { headers }));
  return createMcpClient(answer, () => 0);
}

test('send() takes the answer of a stream, and says when there was none', async () => {
  const news = 'data: {"method":"notifications/progress"}\n\n';
  const request = { method: 'tools/call', params: {} };
  const answered = await stream(`${news}data: {"id":1,"result":{"content":[]}}\n\n${news}`).send(
    request,
  );
  expect(answered.outcome).toEqual({ kind: 'result', result: { content: [] } });
  const cut = await stream(news).send(request);
  expect(cut.outcome).toEqual({ kind: 'odd', text: 'The stream ended without an answer.' });
});

test('send() tells errors and what is no MCP apart', async () => {
  const request = { method: 'tools/call', params: {} };
  const refused = await clientOf({ error: { code: -32602, message: 'no' } }).send(request);
  expect(refused.outcome).toEqual({ kind: 'error', error: { code: -32602, message: 'no' } });
  const page = await clientOf('<html>').send(request);
  expect(page.outcome).toEqual({ kind: 'odd', text: '<html>' });
  expect(page.received).toBe('<html>');
});

test('loadTools() reads all pages, and keeps what it had while it reads', async () => {
  const store = createStore<ToolList>({ kind: 'none' });
  await loadTools(client, store);
  expect(toolsOf(store.get())).toHaveLength(8);
  const pages = clientOf(
    { result: { tools: [{ name: 'a' }, { name: 7 }], nextCursor: '' } },
    { result: { tools: [{ name: 'b' }] } },
  );
  const loading = loadTools(pages, store);
  expect(store.get()).toMatchObject({ kind: 'loading' });
  expect(toolsOf(store.get())).toHaveLength(8);
  await loading;
  expect(toolsOf(store.get()).map((one) => one.name)).toEqual(['a', 'b']);
  expect(toolsOf({ kind: 'none' })).toEqual([]);
});

test('loadTools() reads once more when tools change while it reads', async () => {
  const store = createStore<ToolList>({ kind: 'none' });
  const changing = clientOf(
    { result: { tools: [{ name: 'old' }] } },
    { result: { tools: [{ name: 'new' }] } },
    { result: { tools: [{ name: 'never read' }] } },
  );
  const loading = loadTools(changing, store);
  await Promise.all([loadTools(changing, store), loadTools(changing, store)]);
  await loading;
  expect(toolsOf(store.get()).map((one) => one.name)).toEqual(['new']);
});

test('loadTools() says why it failed, and keeps what it had', async () => {
  const store = createStore<ToolList>({ kind: 'none' });
  await loadTools(clientOf({ result: { tools: [{ name: 'a' }] } }), store);
  await loadTools(clientOf({ error: { message: 'Not for you.' } }), store);
  expect(store.get()).toMatchObject({ kind: 'failed', why: 'Not for you.' });
  await loadTools(clientOf('x'), store);
  expect(store.get()).toMatchObject({ why: 'The gateway answered 200 to tools/list.' });
  await loadTools(
    createMcpClient(away, () => 0),
    store,
  );
  expect(store.get()).toMatchObject({ why: 'The gateway could not be reached.' });
  expect(toolsOf(store.get()).map((one) => one.name)).toEqual(['a']);
});

test('loadTools() ends with a server that never does', async () => {
  const store = createStore<ToolList>({ kind: 'none' });
  await loadTools(clientOf({ result: { tools: [{ name: 'a' }], nextCursor: 'more' } }), store);
  expect(store.get()).toMatchObject({ kind: 'loaded', isCut: true });
  expect(toolsOf(store.get())).toHaveLength(200);
});

test('readRegistry() reads pages, with search and cursor', async () => {
  const query = { search: '', cursor: undefined, limit: 30 };
  const first = await readRegistry(fetch, query, signal);
  if (first.kind !== 'page') throw new Error(first.kind);
  expect(first.servers).toHaveLength(30);
  expect(first.servers[0]).toMatchObject({
    name: 'io.example/server-0',
    version: '1.0.0',
    ways: ['npm'],
    status: 'active',
  });
  const next = await readRegistry(fetch, { ...query, cursor: first.nextCursor }, signal);
  expect(next.kind === 'page' && next.servers[0]?.name).toBe('io.example/server-30');
  const found = await readRegistry(fetch, { ...query, search: 'server-74' }, signal);
  expect(found).toMatchObject({ kind: 'page', count: 1, nextCursor: undefined });
});

test('readRegistry() tells a registry that is not served from one that fails', async () => {
  const query = { search: 'x'.repeat(300), cursor: undefined, limit: 30 };
  let asked = '';
  const status =
    (code: number): Fetch =>
    async (path) => {
      asked = path;
      return Promise.resolve(new Response('[]', { status: code }));
    };
  expect(await readRegistry(status(404), query, signal)).toEqual({ kind: 'absent' });
  expect(asked).toBe(`/v0.1/servers?limit=30&version=latest&search=${'x'.repeat(200)}`);
  expect(await readRegistry(status(503), query, signal)).toMatchObject({ kind: 'failed' });
  expect(await readRegistry(status(200), query, signal)).toMatchObject({ kind: 'failed' });
});

test('readRegistryServer() asks for one by its name', async () => {
  let asked = '';
  const one: Fetch = async (path) => {
    asked = path;
    return Promise.resolve(Response.json({ server: { name: 'a/b', version: '2' } }));
  };
  expect(await readRegistryServer(one, 'a/b', signal)).toMatchObject({ name: 'a/b', version: '2' });
  expect(asked).toBe('/v0.1/servers/a%2Fb/versions/latest');
  expect(await readRegistryServer(none, 'a/b', signal)).toBeUndefined();
});
