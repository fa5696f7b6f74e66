import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';
import { openListen } from './listen-client.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const TAG = 'io.modelcontextprotocol/subscriptionId';
const DECLARED = { extensions: { [TASKS]: {} } };

interface Listening {
  readonly id: unknown;
  readonly taskIds: readonly string[];
  readonly capabilities: unknown;
  readonly response: ServerResponse;
}

/** A modern server that reports how its tasks go to whoever listens (SEP-2663). */
async function startReportingServer() {
  const open = new Set<Listening>();
  const state = { grants: (ids: readonly string[]) => ids };
  const server = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await textOf(request));
      const fresh = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };
      if (method === 'subscriptions/listen') {
        const { notifications, _meta: meta } = params;
        const taskIds = state.grants(notifications.taskIds ?? []);
        const capabilities: unknown = meta['io.modelcontextprotocol/clientCapabilities'];
        const one = { id, taskIds, capabilities, response };
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        say(one, 'notifications/subscriptions/acknowledged', { notifications: { taskIds } });
        open.add(one);
        response.once('close', () => open.delete(one));
        return;
      }
      const capabilities = { tools: {}, extensions: { [TASKS]: {} } };
      const discovered = { ...fresh, supportedVersions: ['2026-07-28'], capabilities };
      const result = method === 'server/discover' ? discovered : { ...fresh, tools: [] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    })();
  });
  const say = (
    { id, response }: Listening | { id: unknown; response: ServerResponse },
    method: string,
    params: object,
  ): void => {
    const tagged = { ...params, _meta: { [TAG]: id, keep: 1 } };
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params: tagged })}\n\n`);
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    state,
    /** What it is asked to report now; the last subscription replaces those before. */
    get asked() {
      return [...open].at(-1);
    },
    get subscriptions() {
      return open.size;
    },
    report(taskId: string, status = 'working'): void {
      for (const one of open) {
        if (one.taskIds.includes(taskId)) say(one, 'notifications/tasks', { taskId, status, n: 1 });
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

let server: Awaited<ReturnType<typeof startReportingServer>>;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startReportingServer();
  gateway = await startGateway([connector('m', { kind: 'http', url: server.url, headers: {} })]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
});

beforeEach(() => {
  server.state.grants = (ids) => ids;
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe.each([
  ['/mcp/{connector}', 'm', ''],
  ['/mcp', undefined, 'm:'],
] as const)('notifications/tasks at %s', (_, connectorId, prefix) => {
  const url = (): string => gateway.url(connectorId);
  const shown = (taskId: string): string => prefix + taskId;
  const listen = async (...ids: readonly string[]) =>
    await openListen(url(), { taskIds: ids.map(shown) }, DECLARED);

  test('reach exactly the clients that listen for the task, in their own terms', async () => {
    await using one = await listen('a', 'both');
    expect(await one.next()).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { taskIds: [shown('a'), shown('both')] }, _meta: { [TAG]: 'L1' } },
    });
    await using two = await listen('b', 'both');
    await two.next();
    expect(server.asked).toMatchObject({ capabilities: DECLARED });
    expect(server.asked?.taskIds.toSorted()).toEqual(['a', 'b', 'both']);
    server.report('a');
    server.report('b');
    server.report('both', 'completed');
    const told = [await one.next(), await one.next(), await two.next(), await two.next()];
    const statusOf = (taskId: string, status: string) => ({
      jsonrpc: '2.0',
      method: 'notifications/tasks',
      params: { taskId: shown(taskId), status, n: 1, _meta: { [TAG]: 'L1', keep: 1 } },
    });
    expect(told).toEqual([
      statusOf('a', 'working'),
      statusOf('both', 'completed'),
      statusOf('b', 'working'),
      statusOf('both', 'completed'),
    ]);
  });

  test('are asked for no longer when nobody listens', async () => {
    {
      await using one = await listen('c');
      await one.next();
      await waitUntil(() => server.asked?.taskIds.includes('c') === true, { describe: 'asked' });
    }
    await waitUntil(() => server.subscriptions === 0, { describe: 'nobody is asked any more' });
    expect(server.asked).toBeUndefined();
  });

  test('that the server does not grant are not promised', async () => {
    server.state.grants = (ids) => ids.filter((id) => id !== 'no');
    await using one = await listen('yes', 'no', 'no');
    expect(await one.next()).toMatchObject({
      params: { notifications: { taskIds: [shown('yes')] } },
    });
    await using none = await listen('no');
    expect(await none.next()).toMatchObject({ params: { notifications: {} } });
    expect(await none.next()).toMatchObject({ id: 'L1', result: { resultType: 'complete' } });
  });

  test('are refused to a client that does not know tasks, with -32021', async () => {
    const refused = await send(url(), {
      headers: modernHeaders('subscriptions/listen'),
      body: modernBody('subscriptions/listen', { notifications: { taskIds: [shown('a')] } }),
    });
    expect([refused.status, refused.json()]).toMatchObject([
      400,
      { error: { code: -32_021, data: { requiredCapabilities: DECLARED } } },
    ]);
  });

  test('of tasks that cannot be are left out', async () => {
    server.state.grants = () => [];
    await using one = await openListen(url(), { taskIds: ['other:x'] }, DECLARED);
    expect(await one.next()).toMatchObject({ params: { notifications: {} } });
    const odd = { notifications: { taskIds: [1] } };
    const refused = await send(url(), {
      headers: modernHeaders('subscriptions/listen'),
      body: modernBody('subscriptions/listen', odd),
    });
    expect(refused.json()).toMatchObject({ error: { code: -32_602 } });
  });
});
