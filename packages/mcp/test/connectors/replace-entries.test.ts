import { readdir } from 'node:fs/promises';
import { startUpstream, tempFolder, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { describe, expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';

const quiet = { backgroundRefresh: false } as const;
const SLOWER = { timeouts: { ...DEFAULT_TIMEOUTS, listTimeoutMs: 20_000 } };

const server = async (): Promise<HttpUpstream> =>
  await startUpstream({ kind: 'modern-http', ttlMs: 60_000, toolCount: 5 });

const stateOf = ({ service }: TestGateway): readonly object[] =>
  service.manager.listConnectors().map(({ id, state, tools }) => ({ id, state, tools }));

describe('apply() of an entry whose server stays the same (M7, S4-09)', () => {
  test('other words about it touch neither its lists nor its process', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-stdio' });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { service } = gateway;
    await service.manager.sync();
    const pids = upstream.processes();
    const { requests } = upstream.counts;
    const words = { title: 'M', description: 'a better one', tags: ['new'], maxTtlMs: 1_000 };
    await service.apply([connectorFor(upstream, 'm', words)]);
    expect(service.manager.listConnectors()).toMatchObject([
      { title: 'M', description: 'a better one', tags: ['new'], tools: 9 },
    ]);
    expect(upstream.processes()).toEqual(pids);
    expect(upstream.counts.requests).toBe(requests);
  });

  test('its last good lists are served on while it is down, here and on disk', async () => {
    await using folder = tempFolder();
    await using upstream = await server();
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      ...quiet,
      manifestFolder: folder.path,
    });
    const { service } = gateway;
    await service.manager.sync();
    await waitUntil(async () => (await readdir(folder.path)).includes('m.json'), {
      describe: 'the manifest is kept',
    });
    upstream.setFaults([{ kind: 'status', status: 503 }]);
    await service.apply([connectorFor(upstream, 'm', SLOWER)]);
    expect(service.manager.listConnectors()).toMatchObject([{ failure: { code: 'HTTP_STATUS' } }]);
    expect(stateOf(gateway)).toEqual([{ id: 'm', state: 'stale', tools: 13 }]);
    expect(service.tools()).toHaveLength(13);
    expect(await readdir(folder.path)).toContain('m.json');
    upstream.setFaults([]);
    expect((await service.manager.sync(true)).outcomes).toMatchObject([{ kind: 'unchanged' }]);
    expect(stateOf(gateway)).toEqual([{ id: 'm', state: 'fresh', tools: 13 }]);
  });

  test('a list that hangs for the one it replaces is not waited for', async () => {
    await using upstream = await server();
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { manager } = gateway.service;
    await manager.sync();
    upstream.setFaults([{ kind: 'hang-before-headers' }]);
    const hung = manager.syncOne('m');
    const { requests } = upstream.counts;
    await waitUntil(() => upstream.counts.requests > requests, { describe: 'it is asked' });
    upstream.setFaults([]);
    await gateway.service.apply([connectorFor(upstream, 'm', SLOWER)]);
    expect(await hung).toMatchObject({ kind: 'failed' });
    expect(stateOf(gateway)).toEqual([{ id: 'm', state: 'fresh', tools: 13 }]);
  });

  test('another server under its id takes its lists away at once', async () => {
    await using first = await server();
    await using second = await startUpstream({
      kind: 'modern-http',
      faults: [{ kind: 'status', status: 503 }],
    });
    await using gateway = await startGateway([connectorFor(first, 'm')], quiet);
    await gateway.service.manager.sync();
    await gateway.service.apply([connectorFor(second, 'm')]);
    expect(stateOf(gateway)).toEqual([{ id: 'm', state: 'unavailable', tools: 0 }]);
    expect(gateway.service.tools()).toEqual([]);
  });

  test('switched off and on again it has its lists before its server is asked', async () => {
    await using upstream = await server();
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    await gateway.service.manager.sync();
    await gateway.service.apply([connectorFor(upstream, 'm', { enabled: false })]);
    expect(stateOf(gateway)).toEqual([{ id: 'm', state: 'disabled', tools: 0 }]);
    expect(gateway.service.tools()).toEqual([]);
    upstream.setFaults([{ kind: 'status', status: 503 }]);
    await gateway.service.apply([connectorFor(upstream, 'm')]);
    expect(gateway.service.tools()).toHaveLength(13);
  });
});

test('restore() keeps what belongs to connectors that are named only later (M8)', async () => {
  await using folder = tempFolder();
  await using upstream = await server();
  const settings = { ...quiet, manifestFolder: folder.path, firstListWaitMs: 0 };
  const first = await startGateway([connectorFor(upstream, 'm')], settings);
  await first.service.manager.sync();
  await first[Symbol.asyncDispose]();
  upstream.setFaults([{ kind: 'status', status: 503 }]);
  await using second = await startGateway([], settings);
  expect(second.service.tools()).toEqual([]);
  await second.service.apply([connectorFor(upstream, 'm')]);
  expect(second.service.tools()).toHaveLength(13);
});
