import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, openSession, send } from '../gateway/raw-client.ts';
import { connector, startGateway } from './gateway-fixture.ts';

/** A modern server whose tool wants its argument in a header, the name of which changes. */
async function startRoutedServer() {
  const calls: (string | undefined)[] = [];
  const state = { header: 'Region', always: false, lists: 0 };
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
        state.lists += 1;
        const properties = { region: { type: 'string', 'x-mcp-header': state.header } };
        const tools = [{ name: 'routed', inputSchema: { type: 'object', properties } }];
        answer(200, { result: { ...fresh, tools } });
      } else {
        const sent = request.headers[`mcp-param-${state.header.toLowerCase()}`]?.toString();
        calls.push(sent);
        const isRight = sent === params.arguments.region && !state.always;
        if (isRight) answer(200, { result: { resultType: 'complete', content: [] } });
        else answer(400, { error: { code: -32_020, message: 'Header mismatch' } });
      }
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    state,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function setUp() {
  const server = await startRoutedServer();
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

const CALL = { name: 'm__routed', arguments: { region: 'bern' } };

test('a legacy client notices nothing of a server whose header has another name (T2)', async () => {
  await using rig = await setUp();
  const { server, gateway } = rig;
  const session = await openSession(gateway.url());
  server.state.header = 'Place';
  const before = server.state.lists;
  const answers = await Promise.all(
    [1, 2, 3].map(async (id) => await session.send('tools/call', CALL, id)),
  );
  for (const answer of answers) expect(answer.json()).toMatchObject({ result: { content: [] } });
  expect(server.calls.filter((sent) => sent === 'bern')).toHaveLength(3);
  expect(server.calls).toHaveLength(6);
  // One list for all of them.
  expect(server.state.lists).toBe(before + 1);
});

test('nor does a modern client, whose headers were right by the list it had', async () => {
  await using rig = await setUp();
  const { server, gateway } = rig;
  server.state.header = 'Place';
  const headers = { ...modernHeaders('tools/call', CALL.name), 'mcp-param-region': 'bern' };
  const answer = await send(gateway.url(), { headers, body: modernBody('tools/call', CALL) });
  expect(answer.json()).toMatchObject({ result: { resultType: 'complete' } });
  expect(server.calls).toEqual([undefined, 'bern']);
});

test('a server that refuses whatever it is sent is asked twice and no more, and believed', async () => {
  await using rig = await setUp();
  const { server, gateway } = rig;
  const session = await openSession(gateway.url());
  server.state.header = 'Place';
  server.state.always = true;
  const first = await session.send('tools/call', CALL);
  expect(first.json()).toMatchObject({ error: { code: -32_020 } });
  expect(server.calls).toHaveLength(2);
  // The headers are those of the list now, so that another list would change nothing.
  const lists = server.state.lists;
  const again = await session.send('tools/call', CALL, 2);
  expect(again.json()).toMatchObject({ error: { code: -32_020 } });
  expect(server.calls).toHaveLength(3);
  expect(server.state.lists).toBe(lists);
});
