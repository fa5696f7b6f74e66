import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect, test } from 'vitest';
import { sendModern } from '../gateway/raw-client.ts';
import { connector, startGateway } from './gateway-fixture.ts';

const TOOLS = [
  { name: 'list', inputSchema: { type: 'object' }, outputSchema: { type: 'array' } },
  {
    name: 'routed',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    },
  },
  {
    name: 'broken',
    inputSchema: { type: 'object', properties: { n: { type: 'number', 'x-mcp-header': 'N' } } },
  },
];

/** A modern server of a few lines, which wants the header of `routed` as the specification says. */
async function startModernServer() {
  const seen: IncomingHttpHeaders[] = [];
  let lists = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await textOf(request));
      const answer = (status: number, body: object): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
      };
      const fresh = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };
      if (method === 'server/discover') {
        const capabilities = { tools: {} };
        answer(200, { result: { ...fresh, supportedVersions: ['2026-07-28'], capabilities } });
      } else if (method === 'tools/list') {
        lists += 1;
        answer(200, { result: { ...fresh, tools: TOOLS } });
      } else if (method === 'tools/call') {
        seen.push(request.headers);
        const lacks = request.headers['mcp-param-region'] === undefined;
        const refused = lacks && (params.name === 'routed' || params.strict !== undefined);
        const result = { resultType: 'complete', content: [], structuredContent: [1, 2] };
        if (refused) answer(400, { error: { code: -32_020, message: 'Header mismatch' } });
        else answer(200, { result });
      } else {
        answer(404, { error: { code: -32_601, message: 'Method not found' } });
      }
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    get lists() {
      return lists;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function setUp() {
  const server = await startModernServer();
  const gateway = await startGateway([
    connector('m', { kind: 'http', url: server.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return {
    server,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('a legacy client sees and gets the output of a modern tool wrapped, a modern one as it is', async () => {
  await using rig = await setUp();
  const client = new Client({ name: 'old', version: '0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(rig.gateway.url())));
  const { tools } = await client.listTools();
  expect(tools.find(({ name }) => name === 'm__list')?.outputSchema).toEqual({
    type: 'object',
    properties: { result: { type: 'array' } },
    required: ['result'],
  });
  // The official client checks the answer against the schema it was given.
  const wrapped = await client.callTool({ name: 'm__list', arguments: {} });
  expect(wrapped.structuredContent).toEqual({ result: [1, 2] });
  await client.close();
  const plain = await sendModern(rig.gateway.url(), 'tools/call', { name: 'm__list' });
  expect(plain.json()).toMatchObject({ result: { structuredContent: [1, 2] } });
});

test('a tool whose header annotations break the rules is left out, and named in the status', async () => {
  await using rig = await setUp();
  expect(rig.gateway.service.tools().map(({ name }) => name)).toEqual(['m__list', 'm__routed']);
  const [status] = rig.gateway.service.manager.listConnectors();
  expect(status?.warnings.join()).toContain('no string, integer or boolean');
});

test('the headers of a tool are made for a legacy client, and checked and passed on for a modern one', async () => {
  await using rig = await setUp();
  const client = new Client({ name: 'old', version: '0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(rig.gateway.url('m'))));
  await client.callTool({ name: 'routed', arguments: { region: 'zürich' } });
  await client.close();
  const sentinel = `=?base64?${Buffer.from('zürich').toString('base64')}?=`;
  expect(rig.server.seen.at(-1)?.['mcp-param-region']).toBe(sentinel);
  const before = rig.server.seen.length;
  const call = { name: 'routed', arguments: { region: 'bern' } };
  const refused = await sendModern(rig.gateway.url('m'), 'tools/call', call);
  expect([refused.status, refused.json()]).toMatchObject([400, { error: { code: -32_020 } }]);
  expect(rig.server.seen.length).toBe(before);
});

test('a server that refuses the headers of a call is asked for its tools again', async () => {
  await using rig = await setUp();
  const lists = (): number => rig.server.lists;
  const before = lists();
  // The client repeats nothing, and the gateway knows of no header: the server wants one that its list did not name.
  const refused = await sendModern(rig.gateway.url('m'), 'tools/call', {
    name: 'list',
    strict: '1',
  });
  expect(refused.json()).toMatchObject({ error: { code: -32_020 } });
  await expect.poll(lists).toBeGreaterThan(before);
});
