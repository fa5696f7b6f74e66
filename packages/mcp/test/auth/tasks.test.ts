import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { connector } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { ask, bearer, startGuarded } from './guarded-gateway.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const DECLARED = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [TASKS]: {} } } };

/** A modern server whose only tool answers with a task. */
async function startTaskServer() {
  const server = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await textOf(request));
      const fresh = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };
      const capabilities = { tools: {}, extensions: { [TASKS]: {} } };
      const results: Record<string, object> = {
        'server/discover': { ...fresh, supportedVersions: ['2026-07-28'], capabilities },
        'tools/list': { ...fresh, tools: [{ name: 'slow', inputSchema: { type: 'object' } }] },
        'tools/call': { resultType: 'task', taskId: 'secret-task', status: 'working' },
        'tasks/get': { resultType: 'complete', taskId: params.taskId, status: 'completed' },
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] ?? {} }));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('S2: a task of one key is unknown to every other, on both kinds of endpoint (CVE-2026-52870)', async () => {
  await using server = await startTaskServer();
  const target = { kind: 'http', url: server.url, headers: {} } as const;
  const { gateway, keys } = await startGuarded([connector('t', target)], { keys: [{}, {}] });
  await using _ = gateway;
  const [ann = '', bob = ''] = keys;
  for (const [url, tool] of [
    [gateway.url(), 't__slow'],
    [gateway.url('t'), 'slow'],
  ] as const) {
    const made = await send(url, {
      headers: { ...modernHeaders('tools/call', tool), ...bearer(ann) },
      body: modernBody('tools/call', { name: tool, arguments: {} }, DECLARED),
    });
    const { taskId } = (made.json() as { result: { taskId: string } }).result;
    expect(taskId).toContain('secret-task');
    for (const method of ['tasks/get', 'tasks/cancel']) {
      const foreign = await ask(url, bob, method, { taskId });
      expect(foreign.json()).toMatchObject({ error: { code: -32602 } });
      const own = await ask(url, ann, method, { taskId });
      expect(own.json()).toMatchObject({ result: {} });
    }
  }
});
