import { startUpstream, tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { ConnectorStatus } from '../../src/connectors/sync-report.ts';
import { CallHistory } from '../../src/observability/call-history.ts';
import { createOverview } from '../../src/page/overview.ts';
import type { PageFacts } from '../../src/page/page-facts.ts';
import { createProcessFigures } from '../../src/page/process-figures.ts';
import {
  entryFor,
  hostOf,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
} from '../e2e/map-fixture.ts';
import { startRegistryGateway } from '../registry-fixture.ts';
import { overviewOf, rows, type SeenOverview } from './page-gateway.ts';

function status(id: string, more: Partial<ConnectorStatus> = {}): ConnectorStatus {
  return {
    id,
    title: id,
    transport: 'http',
    state: 'fresh',
    phase: 'ready',
    busy: false,
    era: 'modern',
    protocolVersion: '2026-07-28',
    serverInfo: undefined,
    tools: 1,
    prompts: 0,
    resources: 0,
    ageMs: 5,
    durationMs: 5,
    failure: undefined,
    warnings: [],
    ...more,
  };
}

function facts(given: Partial<PageFacts>): PageFacts {
  return {
    version: '0',
    startedAt: new Date(),
    state: () => 'ready',
    connectors: () => [],
    wanted: () => new Map(),
    served: () => [],
    listedMark: () => undefined,
    nextAttemptMs: () => undefined,
    history: () => undefined,
    callsInFlight: () => 0,
    sessions: () => 0,
    streams: () => 0,
    flags: () => [],
    rollout: () => ({ percent: 100, instanceId: 'x', inCohort: true, steps: [100] }),
    map: () => undefined,
    onChange: () => () => undefined,
    ...given,
  };
}

const calls = { inFlight: 0, queued: 0, places: 32, taken: 0 };

test('text() and beat() of 5,000 connectors leave the event loop its turns', async () => {
  const all = Array.from({ length: 5_000 }, (_, index) => status(`c${index}`));
  const histories = new Map(all.map(({ id }) => [id, new CallHistory(() => performance.now())]));
  for (const history of histories.values()) history.add(false, 3);
  const overview = createOverview(
    facts({ connectors: () => all, history: (id) => histories.get(id) }),
    createProcessFigures(),
  );
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 0);
  const seen = JSON.parse(await overview.text()) as SeenOverview;
  expect(turns).toBeGreaterThan(2);
  turns = 0;
  const beat = JSON.parse(await overview.beat()) as { connectors: Record<string, unknown> };
  clearInterval(turning);
  expect(turns).toBeGreaterThan(0);
  expect(seen.connectors).toHaveLength(5_000);
  expect(Object.keys(beat.connectors)).toHaveLength(5_000);
});

test('beat() names a connector once more when it has come to rest, and not after that', async () => {
  let at = 0;
  const history = new CallHistory(() => at);
  const overview = createOverview(
    facts({
      connectors: () => [status('a'), status('idle')],
      history: (id) => (id === 'a' ? history : undefined),
    }),
    createProcessFigures(),
  );
  await overview.text();
  history.add(true, 3);
  const named = async (): Promise<unknown> =>
    (JSON.parse(await overview.beat()) as { connectors: unknown }).connectors;
  expect(await named()).toMatchObject({ a: { callsPerSecond: 0.2, errorsPerSecond: 0.2 } });
  at = 60_000;
  expect(await named()).toMatchObject({ a: { callsPerSecond: 0, p50Ms: null } });
  expect(await named()).toEqual({});
});

test('beat() sees that a breaker opened, a first call ended, or the service goes: the document is outdated', async () => {
  let [breaker, state]: [ConnectorStatus['calls'], 'ready' | 'draining'] = [undefined, 'ready'];
  let history: CallHistory | undefined;
  const overview = createOverview(
    facts({
      state: () => state,
      connectors: () => [status('a', { calls: breaker })],
      history: () => history,
    }),
    createProcessFigures(),
  );
  const outdated = async (): Promise<boolean> => {
    await overview.beat();
    return overview.outdated;
  };
  await overview.text();
  expect(await outdated()).toBe(false);
  breaker = { ...calls, breaker: 'open' };
  expect(await outdated()).toBe(true);
  await overview.text();
  expect(await outdated()).toBe(false);
  history = new CallHistory(() => 0);
  expect(await outdated()).toBe(true);
  await overview.text();
  state = 'draining';
  expect(await outdated()).toBe(true);
  await overview.text();
  expect(await outdated()).toBe(false);
});

test('a row of the overview has no origin for a connector that is gone or cannot be used', async () => {
  const overview = createOverview(
    facts({
      connectors: () => [
        status('gone', { transport: undefined, era: undefined, protocolVersion: undefined }),
        status('broken'),
        status('waits', {
          state: 'unavailable',
          busy: true,
          failure: { phase: 'connect', code: 'PENDING', message: 'no answer yet' },
        }),
      ],
      wanted: () =>
        new Map([
          [
            'broken',
            {
              source: 'map' as const,
              definition: {
                id: 'broken',
                title: 'broken',
                origin: 'remote',
                enabled: true,
                era: 'auto',
                timeouts: {
                  connectTimeoutMs: 1,
                  handshakeTimeoutMs: 1,
                  listTimeoutMs: 1,
                  idleTimeoutMs: 1,
                  maxCallMs: 1,
                },
                transport: { kind: 'http', url: 'not a url', headers: {} },
                problem: undefined,
              },
            },
          ],
        ]),
      nextAttemptMs: () => Infinity,
    }),
    createProcessFigures(),
  );
  const seen = rows(JSON.parse(await overview.text()) as SeenOverview);
  expect(seen['gone']).toMatchObject({
    transport: null,
    origin: '',
    era: 'unknown',
    revision: null,
    nextRefreshAt: null,
  });
  expect(seen['broken']).toMatchObject({ origin: '', source: 'map' });
  expect(seen['waits']).toMatchObject({ state: 'starting', error: null });
});

test('createProcessFigures() has CPU and delay of at least a second, and none while it rests', async () => {
  const figures = createProcessFigures();
  expect(figures.read()).toMatchObject({ cpuPercent: null, eventLoopDelayP99Ms: null });
  figures.watch();
  figures.watch();
  await expect.poll(() => figures.read().cpuPercent).toBeGreaterThanOrEqual(0);
  expect(figures.read().eventLoopDelayP99Ms).toBeGreaterThanOrEqual(0);
  figures.rest();
  figures.rest();
  expect(figures.read().eventLoopDelayP99Ms).toBeNull();
});

test('/page/api/overview tells connectors of the registry from those of the file', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path);
  const seen = rows(await overviewOf(gateway));
  expect(seen['registry']).toMatchObject({
    transport: 'in-process',
    origin: 'registry',
    source: 'registry',
  });
});

test('/page/api/overview shows the service map and its connectors, without the key in its address', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using maps = await startMapServer(signedMap([entryFor(upstream, 'far')]));
  await using gateway = await startMapGateway(
    mapSettings(`${maps.url}?key=s3cret-of-the-map`, {
      shown: maps.url,
      allowHosts: [hostOf(upstream)],
    }),
  );
  await gateway.service.refreshMap();
  const overview = await overviewOf(gateway);
  expect(rows(overview)['far']).toMatchObject({
    source: 'map',
    origin: new URL(upstream.url).origin,
  });
  expect(overview.map).toMatchObject({ state: 'fresh', connectors: 1 });
  expect(JSON.stringify(overview)).not.toContain('s3cret');
});
