import {
  startFleet,
  startGreedyTcp,
  startUpstream,
  tempFolder,
  waitUntil,
} from '@cortex-os/testkit';
import { describe, expect, test } from 'vitest';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { sendModern } from '../gateway/raw-client.ts';

// Each rollback flag's off path, on real servers (contract.md, flags).

const TTL = { ttlMs: 300_000 } as const;

async function toolNames(url: string): Promise<readonly string[]> {
  const answer = (await sendModern(url, 'tools/list')).json() as {
    result: { tools: { name: string }[] };
  };
  return answer.result.tools.map(({ name }) => name);
}

const listsOf = (upstream: { counts: { byMethod: Readonly<Record<string, number>> } }): number =>
  upstream.counts.byMethod['tools/list'] ?? 0;

describe('MCP_CONNECTOR_REFRESH_SYNC on (S4-19, S4-38)', () => {
  test('a list asks what is stale and shows what it learned', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      backgroundRefresh: false,
    });
    expect(await toolNames(gateway.url())).toContain('m__echo');
    upstream.setTools(['brand_new']);
    // Without a TTL a manifest is never fresh: every list asks.
    expect(await toolNames(gateway.url())).toContain('m__brand_new');
  });

  test('a list asks no one whose manifest is fresh', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', ...TTL });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      backgroundRefresh: false,
    });
    await gateway.service.manager.sync();
    const before = listsOf(upstream);
    await toolNames(gateway.url());
    expect(listsOf(upstream)).toBe(before);
  });

  test('a list of one connector asks that one only', async () => {
    await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'modern-http' }]);
    const [one, other] = fleet;
    await using gateway = await startGateway(
      [connectorFor(one, 'one'), connectorFor(other, 'other')],
      { backgroundRefresh: false },
    );
    await gateway.service.manager.sync();
    const before = listsOf(other);
    await toolNames(gateway.url('one'));
    expect(listsOf(other)).toBe(before);
  });

  test('a list waits for a stale server that hangs no longer than firstListWaitMs, and serves the last good', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      backgroundRefresh: false,
      firstListWaitMs: 300,
    });
    expect(await toolNames(gateway.url())).toContain('m__echo');
    upstream.setFaults([{ kind: 'hang-before-headers' }]);
    const startedAt = performance.now();
    expect(await toolNames(gateway.url())).toContain('m__echo');
    const waitedMs = performance.now() - startedAt;
    expect(waitedMs).toBeGreaterThanOrEqual(299);
    expect(waitedMs).toBeLessThan(2_000);
  });

  test('nothing is asked for by itself, a list that changed included', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-stdio' });
    await using gateway = await startGateway([connectorFor(upstream, 'c')], {
      backgroundRefresh: false,
    });
    const { manager } = gateway.service;
    await manager.sync();
    const before = listsOf(upstream);
    upstream.setTools(['brand_new']);
    await waitUntil(() => manager.listConnectors()[0]?.state === 'stale', {
      describe: 'the notification has arrived',
    });
    expect(listsOf(upstream)).toBe(before);
    expect(await toolNames(gateway.url())).toContain('c__brand_new');
    expect(listsOf(upstream)).toBe(before + 1);
  });
});

describe('MCP_CONNECTOR_MANIFEST_CACHE off', () => {
  test('every list asks the servers, whatever their TTL', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', ...TTL });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      manifestCache: false,
    });
    await toolNames(gateway.url());
    const before = listsOf(upstream);
    upstream.setTools(['brand_new']);
    expect(await toolNames(gateway.url())).toContain('m__brand_new');
    expect(await toolNames(gateway.url())).toContain('m__brand_new');
    expect(listsOf(upstream) - before).toBe(2);
  });

  test('each list waits for a hung server at most firstListWaitMs', async () => {
    await using greedy = await startGreedyTcp();
    await using good = await startUpstream({ kind: 'modern-http', ...TTL });
    await using gateway = await startGateway(
      [
        connectorFor(good, 'good'),
        connector('hung', { kind: 'http', url: greedy.url, headers: {} }),
      ],
      { manifestCache: false, firstListWaitMs: 1_000 },
    );
    for (const turn of [1, 2]) {
      const startedAt = performance.now();
      expect(await toolNames(gateway.url()), `list ${turn}`).toContain('good__echo');
      const waitedMs = performance.now() - startedAt;
      expect(waitedMs).toBeGreaterThanOrEqual(999);
      expect(waitedMs).toBeLessThan(5_000);
    }
  });

  test('nothing is taken from disk and nothing written', async () => {
    await using folder = tempFolder();
    const settings = { manifestFolder: folder.path };
    const upstream = await startUpstream({ kind: 'modern-http', ...TTL });
    const connectors = [connectorFor(upstream, 'm')];
    {
      await using first = await startGateway(connectors, settings);
      await first.service.manager.sync();
    }
    await upstream.close();
    await using second = await startGateway(connectors, { ...settings, manifestCache: false });
    expect(second.service.tools()).toEqual([]);
  });

  test('with firstListWaitMs 0 no list waits', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 50 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      manifestCache: false,
      firstListWaitMs: 0,
    });
    expect(gateway.service.manager.listWanted(undefined)).toBeUndefined();
  });
});

describe('MCP_CONNECTOR_SHARED_AGENT off', () => {
  test.each(['modern-http', 'legacy-http-session'] as const)(
    '%s: no socket but that of its stream outlives the pass, and calls and later passes open new ones',
    async (kind) => {
      await using upstream = await startUpstream({ kind, ...TTL });
      await using gateway = await startGateway([connectorFor(upstream, 'm')], {
        sharedAgent: false,
        backgroundRefresh: false,
      });
      const { service } = gateway;
      await service.manager.sync();
      await service.settled();
      const closed = async (): Promise<void> =>
        await waitUntil(() => upstream.open.connections <= 1, {
          describe: 'every socket of the pass is closed',
        });
      await closed();
      const answer = await service.call('m__echo', '{"message":"over"}');
      expect(answer).toContain('over');
      const opened = upstream.counts.connections;
      await service.manager.sync(true);
      await closed();
      expect(upstream.counts.connections).toBeGreaterThan(opened + 1);
    },
  );

  test('a pass leaves a call under way alone', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', ...TTL });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      sharedAgent: false,
      backgroundRefresh: false,
    });
    const { service } = gateway;
    await service.manager.sync();
    await service.settled();
    upstream.setFaults([{ kind: 'slow-bytes', bytesPerSecond: 400, method: 'tools/call' }]);
    const call = service.call('m__echo', '{"message":"slow and steady"}');
    await waitUntil(() => upstream.counts.byMethod['tools/call'] === 1, {
      describe: 'the call is under way',
    });
    await service.manager.sync(true);
    expect(await call).toContain('slow and steady');
  });

  test('with it on, the sockets of a pass are kept', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', ...TTL });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {
      backgroundRefresh: false,
    });
    await gateway.service.manager.sync();
    expect(upstream.open.connections).toBeGreaterThan(1);
  });

  test('close() leaves no socket', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const gateway = await startGateway([connectorFor(upstream, 'm')], { sharedAgent: false });
    await gateway.service.manager.sync();
    await gateway[Symbol.asyncDispose]();
    await waitUntil(() => upstream.open.connections === 0, { describe: 'no socket is left' });
    expect(upstream.open.sessions).toBe(0);
  });
});

test('all flags off at once serve the same list as all on', async () => {
  await using fleet = await startFleet([
    { kind: 'modern-http', ...TTL },
    { kind: 'legacy-http-session' },
    { kind: 'legacy-stdio' },
  ]);
  const connectors = fleet.map((upstream, index) => connectorFor(upstream, `c${index}`));
  await using on = await startGateway(connectors);
  await using off = await startGateway(connectors, {
    parallelSync: false,
    sharedAgent: false,
    manifestCache: false,
    backgroundRefresh: false,
    listPrebuilt: false,
    firstListWaitMs: 10_000,
  });
  await on.service.manager.sync();
  expect(await toolNames(off.url())).toEqual(await toolNames(on.url()));
});

test('after a restart a legacy server is spoken to without asking for its era', async () => {
  await using folder = tempFolder();
  const settings = { manifestFolder: folder.path, backgroundRefresh: false };
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  const connectors = [connectorFor(upstream, 'm')];
  {
    await using first = await startGateway(connectors, settings);
    await first.service.manager.sync(true);
  }
  expect(upstream.counts.byMethod['server/discover']).toBe(1);
  await using second = await startGateway(connectors, settings);
  await second.service.manager.sync(true);
  expect(upstream.counts.byMethod).toMatchObject({ 'server/discover': 1, initialize: 2 });
});
