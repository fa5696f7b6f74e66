import { startConformanceServer } from '@cortex-os/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  EmptyResultSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { connector, startGateway } from './gateway-fixture.ts';
import { openListen } from './listen-client.ts';

const ERAS = ['modern', 'legacy'] as const;
type Server = Awaited<ReturnType<typeof startConformanceServer>>;

const WATCHED = 'test://watched-resource';

async function gatewayFor(server: Server) {
  const gateway = await startGateway([
    connector('c', { kind: 'http', url: server.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return gateway;
}

async function legacyClient(url: string) {
  const client = new Client({ name: 'subscriber', version: '0' });
  const updated: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.push(params.uri);
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return { client, updated, [Symbol.asyncDispose]: async () => await client.close() };
}

for (const upstream of ERAS) {
  for (const own of [true, false]) {
    const where = `${own ? '/mcp/{connector}' : '/mcp'} in front of a ${upstream} server`;

    test(`a legacy client of ${where} is told of the resources it subscribed to, until it unsubscribes`, async () => {
      await using server = await startConformanceServer({ eras: upstream });
      await using gateway = await gatewayFor(server);
      await using one = await legacyClient(gateway.url(own ? 'c' : undefined));
      await using other = await legacyClient(gateway.url(own ? 'c' : undefined));
      expect(one.client.getServerCapabilities()).toMatchObject({ resources: { subscribe: true } });
      await one.client.subscribeResource({ uri: WATCHED });
      server.world.change({ kind: 'resource', uri: WATCHED });
      await expect.poll(() => one.updated.length).toBeGreaterThan(0);
      expect(one.updated).toEqual([WATCHED]);
      await one.client.unsubscribeResource({ uri: WATCHED });
      await other.client.subscribeResource({ uri: 'test://static-text' });
      server.world.change({ kind: 'resource', uri: WATCHED });
      server.world.change({ kind: 'resource', uri: 'test://static-text' });
      await expect.poll(() => other.updated.length).toBeGreaterThan(0);
      expect([one.updated.length, other.updated]).toEqual([1, ['test://static-text']]);
    });

    test(`a modern client of ${where} is told what it listens to, tagged`, async () => {
      await using server = await startConformanceServer({ eras: upstream });
      await using gateway = await gatewayFor(server);
      await using listen = await openListen(gateway.url(own ? 'c' : undefined), {
        toolsListChanged: true,
        resourceSubscriptions: [WATCHED],
      });
      expect(await listen.next()).toMatchObject({
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true, resourceSubscriptions: [WATCHED] } },
      });
      server.world.change({ kind: 'resource', uri: WATCHED });
      expect(await listen.next()).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/resources/updated',
        params: { uri: WATCHED, _meta: { 'io.modelcontextprotocol/subscriptionId': 'L1' } },
      });
      server.world.change({ kind: 'tools' });
      expect(await listen.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
    });
  }

  test(`completions reach a ${upstream} server from both endpoints`, async () => {
    await using server = await startConformanceServer({ eras: upstream });
    await using gateway = await gatewayFor(server);
    await using shared = await legacyClient(gateway.url());
    await using own = await legacyClient(gateway.url('c'));
    const argument = { name: 'arg1', value: 'par' };
    const ref = { type: 'ref/prompt', name: 'c__test_prompt_with_arguments' } as const;
    const fromShared = await shared.client.complete({ ref, argument });
    expect(fromShared.completion.values.length).toBeGreaterThan(0);
    const ownRef = { ...ref, name: 'test_prompt_with_arguments' };
    expect(await own.client.complete({ ref: ownRef, argument })).toEqual(fromShared);
    const template = { type: 'ref/resource', uri: 'test://template/{id}/data' } as const;
    const id = { name: 'id', value: '12' };
    const completed = await shared.client.complete({ ref: template, argument: id });
    expect(completed.completion.values).toEqual(['12', '123']);
    await expect(
      shared.client.complete({ ref: { ...ref, name: 'nobody' }, argument }),
    ).rejects.toMatchObject({ code: -32_602 });
  });

  test(`a legacy client gets the log messages of its call on a ${upstream} server from its level on`, async () => {
    await using server = await startConformanceServer({ eras: upstream });
    await using gateway = await gatewayFor(server);
    await using one = await legacyClient(gateway.url());
    const logs: unknown[] = [];
    one.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      logs.push(params.data);
    });
    await one.client.setLoggingLevel('error');
    await one.client.callTool({ name: 'c__test_tool_with_logging', arguments: {} });
    expect(logs).toEqual([]);
    await one.client.setLoggingLevel('debug');
    await one.client.callTool({ name: 'c__test_tool_with_logging', arguments: {} });
    expect(logs).toHaveLength(3);
  });
}

test('a subscription survives the restart of its connector and is asked for again', async () => {
  await using server = await startConformanceServer({ eras: 'legacy' });
  await using gateway = await gatewayFor(server);
  await using one = await legacyClient(gateway.url());
  await one.client.subscribeResource({ uri: WATCHED });
  const changed = connector('c', { kind: 'http', url: server.url, headers: { 'x-new': '1' } });
  await gateway.service.apply([changed]);
  await gateway.service.settled();
  const told = (): number => {
    server.world.change({ kind: 'resource', uri: WATCHED });
    return one.updated.length;
  };
  await expect.poll(told).toBeGreaterThan(0);
});

test('a resource that nobody offers cannot be subscribed to, and says so in the words of the revision', async () => {
  await using server = await startConformanceServer({ eras: 'legacy' });
  await using gateway = await gatewayFor(server);
  await using one = await legacyClient(gateway.url());
  await expect(one.client.subscribeResource({ uri: 'x://nobody' })).rejects.toMatchObject({
    code: -32_002,
  });
  await expect(
    one.client.request(
      { method: 'logging/setLevel', params: { level: 'loud' as never } },
      EmptyResultSchema,
    ),
  ).rejects.toMatchObject({ code: -32_602 });
});

test('a call that fails names the connector, the phase and when it is tried again', async () => {
  const server = await startConformanceServer({ eras: 'modern' });
  await using gateway = await gatewayFor(server);
  await using one = await legacyClient(gateway.url());
  await server.close();
  await expect(
    one.client.callTool({ name: 'c__test_simple_text', arguments: {} }),
  ).rejects.toMatchObject({
    code: -32_010,
    data: { connector: 'c', phase: 'connect', nextAttemptMs: expect.any(Number) },
  });
  const lists = await one.client.listTools();
  expect(lists.tools.length).toBeGreaterThan(0);
});
