import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isAlive,
  leastMs,
  startFleet,
  startGreedyTcp,
  startUpstream,
  tempFolder,
  waitUntil,
} from '@cortex-os/testkit';
import { describe, expect, test } from 'vitest';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

const MISSING = {
  kind: 'stdio',
  command: '/no/such/command',
  args: [],
  env: {},
  cwd: undefined,
} as const;

const quiet = { backgroundRefresh: false } as const;

describe('sync()', () => {
  test('reports every connector, isolates failures and names their phase (S4-09, B7.6)', async () => {
    await using fleet = await startFleet([
      { kind: 'modern-http', toolCount: 3 },
      { kind: 'legacy-stdio' },
      { kind: 'legacy-http-session', faults: [{ kind: 'status', status: 500 }] },
    ]);
    const [modern, stdio, broken] = fleet;
    await using gateway = await startGateway(
      [
        connectorFor(modern, 'good'),
        connectorFor(stdio, 'child'),
        connectorFor(broken, 'broken'),
        connector('missing', MISSING),
        connector('off', undefined, { enabled: false }),
        connector('unset', undefined, { problem: 'variable TOKEN is not set' }),
      ],
      quiet,
    );
    const { outcomes } = await gateway.service.manager.sync(true);
    expect(outcomes).toMatchObject([
      { kind: 'failed', id: 'broken', phase: 'handshake', code: 'HTTP_STATUS' },
      { id: 'child', era: 'legacy' },
      { id: 'good', era: 'modern', tools: 11 },
      { kind: 'failed', id: 'missing', phase: 'spawn', code: 'SPAWN_FAILED' },
      { kind: 'disabled', id: 'off' },
      { kind: 'failed', id: 'unset', phase: 'config', message: 'variable TOKEN is not set' },
    ]);
    const states = gateway.service.manager.listConnectors().map(({ id, state }) => [id, state]);
    expect(states).toEqual([
      ['broken', 'unavailable'],
      ['child', 'fresh'],
      ['good', expect.stringMatching(/fresh|stale/)],
      ['missing', 'unavailable'],
      ['off', 'disabled'],
      ['unset', 'unavailable'],
    ]);
  });

  test('three calls at once make one pass (B7.7)', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 20 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { manager } = gateway.service;
    await manager.sync();
    const before = upstream.counts.byMethod['tools/list'] ?? 0;
    const reports = await Promise.all([manager.sync(true), manager.sync(true), manager.sync(true)]);
    expect(new Set(reports).size).toBe(1);
    expect((upstream.counts.byMethod['tools/list'] ?? 0) - before).toBe(1);
  });

  test('connectors are synced at the same time; a bound of 1 is one after the other', async () => {
    const latencyMs = 40;
    await using fleet = await startFleet(
      Array.from({ length: 6 }, () => ({ kind: 'modern-http' as const, latencyMs })),
    );
    const connectors = fleet.map((upstream, index) => connectorFor(upstream, `c${index}`));
    const fast = async (): Promise<number> => {
      await using parallel = await startGateway(connectors, quiet);
      return (await parallel.service.manager.sync()).durationMs;
    };
    await using sequential = await startGateway(connectors, { ...quiet, parallelSync: false });
    const slow = await sequential.service.manager.sync();
    // Two round trips each: at least 6 × 2 × 40 ms in a row.
    expect(slow.durationMs).toBeGreaterThanOrEqual(480);
    const belowMs = slow.durationMs / 2;
    expect(await leastMs(fast, { belowMs })).toBeLessThan(belowMs);
  });

  test('every page of a list is fetched', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 25, pageSize: 4 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { outcomes } = await gateway.service.manager.sync();
    expect(outcomes).toMatchObject([{ tools: 33 }]);
  });

  test('a thousand tools are the most of one connector; the rest is left out and named', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 1_200 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { outcomes } = await gateway.service.manager.sync();
    expect(outcomes).toMatchObject([
      { tools: 1_000, warnings: ['more than 1000 tools: the rest is left out'] },
    ]);
  });

  test('a manifest that is asked for again and did not change leaves the catalog as it is', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { manager } = gateway.service;
    await manager.sync();
    const [before] = manager.served();
    const { outcomes } = await manager.sync(true);
    expect(outcomes).toMatchObject([{ kind: 'unchanged' }]);
    expect(manager.served()[0]?.manifest).toBe(before?.manifest);
  });
});

describe('first list', () => {
  test('waits for what is coming, and not for what hangs', async () => {
    await using greedy = await startGreedyTcp();
    await using good = await startUpstream({ kind: 'modern-http', latencyMs: 50 });
    await using gateway = await startGateway(
      [
        connectorFor(good, 'good'),
        connector('hung', { kind: 'http', url: greedy.url, headers: {} }),
        connector('missing', MISSING),
      ],
      { firstListWaitMs: 600 },
    );
    const { manager } = gateway.service;
    expect(manager.complete(undefined)).toBe(false);
    const startedAt = performance.now();
    await manager.listWanted(undefined);
    const waitedMs = performance.now() - startedAt;
    // The hung one has 30 s for its handshake.
    expect(waitedMs).toBeLessThan(10_000);
    expect(manager.served().map(({ connectorId }) => connectorId)).toEqual(['good']);
    // The bound is the pass's, not the caller's: nobody waits for it twice.
    expect(manager.listWanted(undefined)).toBeUndefined();
    expect(manager.listConnectors()).toMatchObject([
      { id: 'good' },
      { id: 'hung', state: 'unavailable', failure: { phase: 'handshake', code: 'PENDING' } },
      { id: 'missing', state: 'unavailable', failure: { phase: 'spawn', code: 'SPAWN_FAILED' } },
    ]);
    expect(manager.find('hung')?.trouble).toMatchObject({ phase: 'handshake' });
    expect(manager.find('good')?.trouble).toBeUndefined();
    expect(manager.find('nobody')).toBeUndefined();
  });

  test('is not waited for with firstListWaitMs 0', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 30 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], { firstListWaitMs: 0 });
    expect(gateway.service.manager.listWanted(undefined)).toBeUndefined();
  });
});

describe('apply()', () => {
  test('adds, replaces and removes, and leaves no child of what it took away (B7.4, B7.5)', async () => {
    await using fleet = await startFleet([
      { kind: 'legacy-stdio' },
      { kind: 'modern-http' },
      { kind: 'modern-http', toolCount: 2 },
    ]);
    const [child, first, second] = fleet;
    await using gateway = await startGateway(
      [connectorFor(child, 'child'), connectorFor(first, 'web')],
      quiet,
    );
    const { service } = gateway;
    await service.manager.sync();
    const pids = child.processes();
    expect(pids).toHaveLength(1);
    await service.apply([connectorFor(second, 'web'), connectorFor(first, 'extra')]);
    const ids = new Set(service.tools().map(({ connectorId }) => connectorId));
    expect([...ids].toSorted()).toEqual(['extra', 'web']);
    expect(service.tools().filter(({ connectorId }) => connectorId === 'web')).toHaveLength(10);
    await waitUntil(() => pids.every((pid) => !isAlive(pid)), {
      describe: 'the removed child is gone',
    });
  });

  test('does not touch what stays the same', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    await gateway.service.manager.sync();
    const before = upstream.counts.requests;
    await gateway.service.apply([connectorFor(upstream, 'm')]);
    expect(upstream.counts.requests).toBe(before);
  });
});

test('a server that says its list changed is asked again', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-stdio' });
  await using gateway = await startGateway([connectorFor(upstream, 'c')]);
  const { service } = gateway;
  await service.manager.sync();
  upstream.setTools(['fresh_one']);
  await waitUntil(() => service.tools().some(({ name }) => name === 'c__fresh_one'), {
    describe: 'the new tool is listed',
  });
  expect(service.manager.listConnectors()).toMatchObject([{ state: 'fresh', failure: undefined }]);
});

test('a connector that was down at the start is there by itself once it is up (B7.6)', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'status', status: 503, times: 1 }],
  });
  await using gateway = await startGateway([connectorFor(upstream, 'late')]);
  const { service } = gateway;
  await waitUntil(() => service.tools().length > 0, {
    timeoutMs: 10_000,
    describe: 'the retry has brought the tools',
  });
  expect(service.manager.listConnectors()).toMatchObject([{ failure: undefined, tools: 8 }]);
});

describe('manifests on disk', () => {
  test('a restart serves the whole list at once, with every upstream down, and says it is stale (M8)', async () => {
    await using folder = tempFolder();
    const settings = { manifestFolder: folder.path };
    const upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000, toolCount: 5 });
    const connectors = [connectorFor(upstream, 'm')];
    const first = await startGateway(connectors, settings);
    await first.service.manager.sync();
    await first[Symbol.asyncDispose]();
    await upstream.close();

    await using second = await startGateway(connectors, settings);
    const { manager } = second.service;
    expect(second.service.tools()).toHaveLength(13);
    expect(manager.listWanted(undefined)).toBeUndefined();
    expect(manager.listConnectors()).toMatchObject([{ id: 'm', state: 'stale', tools: 13 }]);
    const { outcomes } = await manager.sync();
    expect(outcomes).toMatchObject([{ kind: 'failed', code: 'CONNECT_FAILED' }]);
    expect(second.service.tools()).toHaveLength(13);
  });

  test('what was kept of another server is not served under the same id', async () => {
    await using folder = tempFolder();
    const settings = { manifestFolder: folder.path };
    await using fleet = await startFleet([
      { kind: 'modern-http', toolCount: 5 },
      { kind: 'modern-http' },
    ]);
    const [before, after] = fleet;
    const first = await startGateway([connectorFor(before, 'm')], settings);
    await first.service.manager.sync();
    await first[Symbol.asyncDispose]();
    await using second = await startGateway([connectorFor(after, 'm')], {
      ...settings,
      ...quiet,
      firstListWaitMs: 0,
    });
    expect(second.service.tools()).not.toHaveLength(13);
  });

  test('a damaged file is set aside, and the connector synced as if there were none', async () => {
    await using folder = tempFolder();
    const settings = { manifestFolder: folder.path };
    await using upstream = await startUpstream({ kind: 'modern-http' });
    await writeFile(join(folder.path, 'm.json'), '{"key":"m","value":');
    await using gateway = await startGateway([connectorFor(upstream, 'm')], settings);
    const { outcomes } = await gateway.service.manager.sync();
    expect(outcomes).toMatchObject([{ id: 'm', tools: 8 }]);
    expect(await readdir(folder.path)).toContain('m.bad');
  });
});

test('disconnect() during a pass ends it and resurrects nothing (B7.9, B7.15)', async () => {
  await using greedy = await startGreedyTcp();
  await using child = await startUpstream({
    kind: 'legacy-stdio',
    faults: [{ kind: 'never-handshake' }],
  });
  const gateway = await startGateway([
    connector('hung', { kind: 'http', url: greedy.url, headers: {} }),
    connectorFor(child, 'child'),
  ]);
  const { manager } = gateway.service;
  const pass = manager.sync();
  await waitUntil(() => child.processes().length > 0, {
    describe: 'the child is in its handshake',
  });
  const pids = child.processes();
  await gateway[Symbol.asyncDispose]();
  const { outcomes } = await pass;
  expect(outcomes.map(({ kind }) => kind)).toEqual(['failed', 'failed']);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(await manager.syncOne('child')).toBeUndefined();
  expect(child.processes()).toEqual([]);
});
