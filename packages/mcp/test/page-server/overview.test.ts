import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { sendModern } from '../gateway/raw-client.ts';
import { call } from '../http/scrape.ts';
import { overviewOf, rows, type SeenConnector } from './page-gateway.ts';

const SLICES = 60;

function sum(row: readonly (number | null)[] | undefined): number {
  return (row ?? []).reduce<number>((all, one) => all + (one ?? 0), 0);
}

test('/page/api/overview shows healthy, hung, dead, stdio and disabled connectors for what they are', async () => {
  await using modern = await startUpstream({ kind: 'modern-http', ttlMs: 600_000 });
  await using hung = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers' }],
  });
  await using stdio = await startUpstream({ kind: 'legacy-stdio' });
  await using gateway = await startGateway([
    connectorFor(modern, 'healthy'),
    connectorFor(hung, 'hung'),
    connector('dead', { kind: 'http', url: 'http://127.0.0.1:1/mcp', headers: {} }),
    connectorFor(stdio, 'local'),
    connectorFor(modern, 'off', { enabled: false }),
  ]);
  const { manager } = gateway.service;
  await Promise.all(['healthy', 'local', 'dead'].map(async (id) => await manager.syncOne(id)));

  const overview = await overviewOf(gateway);
  const seen = rows(overview);
  expect(overview.connectors.map(({ id }) => id)).toEqual([
    'dead',
    'healthy',
    'hung',
    'local',
    'off',
  ]);
  expect(seen['healthy']).toMatchObject({
    transport: 'http',
    origin: new URL(modern.url).origin,
    era: 'modern',
    revision: '2026-07-28',
    state: 'ready',
    enabled: true,
    error: null,
    freshness: 'fresh',
    listsDigest: expect.stringMatching(/^[\w-]{12}$/),
    breaker: 'closed',
    pid: null,
    inFlight: 0,
    source: 'config',
  });
  const now = Date.now();
  const {
    ['counts']: counts,
    ['ageMs']: ageMs,
    ['ttlMs']: ttlMs,
    ['lastSyncAt']: lastSyncAt,
    ['nextRefreshAt']: nextRefreshAt,
  } = seen['healthy'] as SeenConnector;
  expect(counts).toMatchObject({ tools: expect.any(Number), templates: expect.any(Number) });
  expect((counts as Record<string, number>)['tools']).toBeGreaterThan(3);
  expect(ageMs).toBeGreaterThanOrEqual(0);
  expect(ttlMs).toBeGreaterThan(0);
  expect(Math.abs(now - Number(lastSyncAt))).toBeLessThan(60_000);
  expect(Number(nextRefreshAt)).toBeGreaterThan(now);
  expect(seen['hung']).toMatchObject({
    state: 'starting',
    error: null,
    freshness: 'none',
    waiting: { phase: 'handshake', since: expect.any(Number) as number },
  });
  const { since } = (seen['hung'] as SeenConnector)['waiting'] as { since: number };
  expect(now - since).toBeGreaterThanOrEqual(0);
  expect(now - since).toBeLessThan(60_000);
  expect(seen['healthy']).toMatchObject({ waiting: null });
  expect(seen['dead']).toMatchObject({
    state: 'unavailable',
    origin: 'http://127.0.0.1:1',
    era: 'unknown',
    revision: null,
    error: { phase: 'connect', code: 'CONNECT_FAILED', message: expect.any(String) },
    freshness: 'none',
    listsDigest: null,
    ageMs: null,
    lastSyncAt: null,
  });
  expect(seen['local']).toMatchObject({ transport: 'stdio', era: 'legacy', state: 'ready' });
  const pid = Number(seen['local']?.['pid']);
  expect(pid).toBeGreaterThan(0);
  expect([seen['local']?.['restarts'], seen['healthy']?.['restarts']]).toEqual([0, null]);
  expect(seen['off']).toMatchObject({ state: 'disabled', enabled: false });

  process.kill(pid, 'SIGKILL');
  await expect.poll(async () => rows(await overviewOf(gateway))['local']?.['restarts']).toBe(1);
  await manager.syncOne('local');
  const again = rows(await overviewOf(gateway))['local'];
  expect(again).toMatchObject({ state: 'ready', restarts: 1 });
  expect([pid, null]).not.toContain(again?.['pid']);
});

test('/page/api/overview names the service, its process and no flags without a configuration', async () => {
  await using gateway = await startGateway([]);
  const { service, process: figures, flags, rollout, map } = await overviewOf(gateway);
  expect(service).toEqual({
    name: 'cortex-mcp',
    version: '0.0.0-test',
    instanceId: rollout['instanceId'],
    startedAt: expect.any(Number),
    uptimeMs: expect.any(Number),
    state: 'ready',
    pid: process.pid,
    node: process.version,
  });
  expect(Math.abs(Date.now() - Number(service['startedAt']))).toBeLessThan(60_000);
  expect(figures).toMatchObject({ inFlight: 0, sessions: 0, streams: 0 });
  expect(figures['rssBytes']).toBeGreaterThan(1e7);
  expect(figures['heapUsedBytes']).toBeGreaterThan(1e6);
  expect(flags).toEqual([]);
  expect(rollout).toMatchObject({ percent: 100, inCohort: true, steps: [1, 10, 50, 100] });
  expect(map).toBeNull();
});

test('/page/api/overview shows each flag with value, origin, owner and removal, and the rollout (S4-35)', async () => {
  const settings = {
    MCP_LIST_PREBUILT: {
      value: false,
      origin: { kind: 'environment', variable: 'MCP_LIST_PREBUILT' },
    },
    MCP_STDIO_POOL: { value: false, origin: { kind: 'default' } },
    MCP_ROLLOUT_PERCENT: { value: 0, origin: { kind: 'file', path: '/x.json' } },
    MCP_INSTANCE_ID: { value: 'blue-1', origin: { kind: 'default' } },
    port: { value: 1, origin: { kind: 'default' } },
  };
  await using gateway = await startGateway([], {}, { describeSettings: () => settings });
  const { flags, rollout, service } = await overviewOf(gateway);
  expect(flags).toEqual([
    {
      name: 'MCP_LIST_PREBUILT',
      value: false,
      default: true,
      origin: 'MCP_LIST_PREBUILT',
      owner: 'gateway maintainers',
      removal: '2 stable releases, not before 2027-01-31',
    },
    {
      name: 'MCP_STDIO_POOL',
      value: false,
      default: false,
      origin: 'default',
      owner: 'gateway maintainers',
      removal: '2027-06-30',
    },
  ]);
  expect(rollout).toMatchObject({ percent: 0, instanceId: 'blue-1', inCohort: false });
  expect(service['instanceId']).toBe('blue-1');
});

test('/page/api/overview has the latencies and errors of calls, slice by slice', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 30 });
  await using failing = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'reset', method: 'tools/call' }],
  });
  await using gateway = await startGateway([
    connectorFor(upstream, 'm'),
    connectorFor(failing, 'f'),
    connectorFor(upstream, 'idle'),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  for (let round = 0; round < 4; round += 1) await call(gateway, 'm__echo', { message: 'a' });
  await call(gateway, 'm__throw');
  await call(gateway, 'f__echo', { message: 'a' });

  const seen = rows(await overviewOf(gateway));
  const latency = seen['m']?.['latency'] as Record<string, (number | null)[]>;
  expect(latency).toMatchObject({ bucketMs: 5_000 });
  for (const name of ['p50Ms', 'p95Ms', 'calls', 'errors']) {
    expect([name, latency[name]?.length]).toEqual([name, SLICES]);
  }
  expect(sum(latency['calls'])).toBe(5);
  expect(sum(latency['errors'])).toBe(1);
  const last = latency['p50Ms']?.findLast((one) => one !== null) ?? 0;
  expect(last).toBeGreaterThan(20);
  expect(last).toBeLessThan(2_000);
  const failed = seen['f']?.['latency'] as Record<string, number[]>;
  expect([sum(failed['calls']), sum(failed['errors'])]).toEqual([1, 1]);
  expect(seen['idle']?.['latency']).toEqual({
    p50Ms: [],
    p95Ms: [],
    calls: [],
    errors: [],
    bucketMs: 5_000,
  });
});

test('/page/api/overview says that a breaker is open and that calls are under way', async () => {
  await using upstream = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'reset', method: 'tools/call' }],
  });
  await using hanging = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers', method: 'tools/call' }],
  });
  const timeouts = { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 60_000 };
  await using gateway = await startGateway([
    connectorFor(upstream, 'm'),
    connectorFor(hanging, 'h', { timeouts }),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  for (let round = 0; round < 6; round += 1) await call(gateway, 'm__echo', { message: 'a' });
  const waiting = sendModern(gateway.url(), 'tools/call', { name: 'h__echo', arguments: {} });
  await expect.poll(async () => rows(await overviewOf(gateway))['h']?.['inFlight']).toBe(1);
  const overview = await overviewOf(gateway);
  expect(rows(overview)['m']).toMatchObject({ breaker: 'open', inFlight: 0 });
  expect(overview.process['inFlight']).toBe(1);
  await gateway.service.close();
  await waiting;
});
