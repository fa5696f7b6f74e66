import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, send, type RawAnswer } from '../gateway/raw-client.ts';
import { connector, startGateway } from './gateway-fixture.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const DECLARED = { [CAPABILITIES]: { extensions: { [TASKS]: {} } } };

interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly nameHeader: string | undefined;
}

/** A modern server with tasks: a call of a client that allows them is answered with one. */
async function startTaskServer() {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await textOf(request));
      asked.push({ method, params, nameHeader: request.headers['mcp-name']?.toString() });
      const answer = (status: number, body: object): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
      };
      const fresh = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };
      const extensions = { [TASKS]: {} };
      const allowed = params['_meta'][CAPABILITIES].extensions !== undefined;
      if (method === 'server/discover') {
        const capabilities = { tools: {}, extensions };
        answer(200, { result: { ...fresh, supportedVersions: ['2026-07-28'], capabilities } });
      } else if (method === 'tools/list') {
        answer(200, { result: { ...fresh, tools: [{ name: 'slow', inputSchema: {} }] } });
      } else if (method === 'tools/call' && allowed) {
        answer(200, { result: { resultType: 'task', taskId: 't:1', status: 'working' } });
      } else if (method === 'tools/call') {
        answer(200, { result: { resultType: 'complete', content: [] } });
      } else if (method === 'tasks/get' && params.taskId === 't:1') {
        const result = { resultType: 'complete', taskId: 't:1', status: 'completed' };
        answer(200, { result });
      } else if (method === 'tasks/cancel' && params.taskId === 't:1') {
        answer(200, { result: { resultType: 'complete' } });
      } else {
        answer(200, { error: { code: -32_602, message: 'Unknown task' } });
      }
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function ask(
  url: string,
  method: string,
  params: Readonly<Record<string, string>>,
  meta: Readonly<Record<string, unknown>> = DECLARED,
): Promise<RawAnswer> {
  return await send(url, {
    headers: modernHeaders(method, params['taskId'] ?? params['name']),
    body: modernBody(method, params, meta),
  });
}

for (const own of [true, false]) {
  const where = own ? '/mcp/{connector}' : '/mcp';

  test(`a task of a modern server is made, polled and cancelled through ${where}`, async () => {
    await using server = await startTaskServer();
    await using gateway = await startGateway([
      connector('slow-ones', { kind: 'http', url: server.url, headers: {} }),
    ]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    const url = gateway.url(own ? 'slow-ones' : undefined);
    const name = own ? 'slow' : 'slow-ones__slow';
    const shown = own ? 't:1' : 'slow-ones:t:1';

    const discovered = await ask(url, 'server/discover', {});
    expect(discovered.json()).toMatchObject({
      result: { capabilities: { extensions: { [TASKS]: {} } } },
    });
    const made = await ask(url, 'tools/call', { name });
    expect(made.json()).toMatchObject({
      result: { resultType: 'task', taskId: shown, status: 'working' },
    });
    const polled = await ask(url, 'tasks/get', { taskId: shown });
    expect(polled.json()).toMatchObject({ result: { taskId: shown, status: 'completed' } });
    expect(server.asked.at(-1)).toMatchObject({ params: { taskId: 't:1' }, nameHeader: 't:1' });
    const cancelled = await ask(url, 'tasks/cancel', { taskId: shown });
    expect(cancelled.json()).toMatchObject({ result: { resultType: 'complete' } });
    const unknown = await ask(url, 'tasks/get', { taskId: own ? 'no' : 'slow-ones:no' });
    expect(unknown.json()).toMatchObject({ error: { code: -32_602 } });
  });

  test(`a client that allows no tasks gets none through ${where}`, async () => {
    await using server = await startTaskServer();
    await using gateway = await startGateway([
      connector('slow-ones', { kind: 'http', url: server.url, headers: {} }),
    ]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    const url = gateway.url(own ? 'slow-ones' : undefined);
    const answer = await ask(url, 'tools/call', { name: own ? 'slow' : 'slow-ones__slow' }, {});
    expect(answer.json()).toMatchObject({ result: { resultType: 'complete', content: [] } });
  });
}

test('the shared endpoint refuses the id of a task that it did not give', async () => {
  await using server = await startTaskServer();
  await using gateway = await startGateway([
    connector('slow-ones', { kind: 'http', url: server.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  const before = server.asked.length;
  for (const taskId of ['t:1', 'other:t:1', 'nothing']) {
    const answer = await ask(gateway.url(), 'tasks/get', { taskId });
    expect(answer.json()).toMatchObject({ error: { code: -32_602 } });
  }
  expect(server.asked.length).toBe(before);
});
