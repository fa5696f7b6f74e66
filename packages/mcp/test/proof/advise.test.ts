import { expect, test } from 'vitest';
import { baselineFacts } from '../../src/proof/advise-baseline.ts';
import type { ConnectorFacts, ServiceFacts } from '../../src/proof/advise-facts.ts';
import { measureService } from '../../src/proof/advise-measure.ts';
import { advise, type Advice } from '../../src/proof/advise.ts';
import { parseBaseline } from '../../src/proof/baseline-record.ts';
import { callLines, reading } from './reading-fixture.ts';

const MIB = 1_048_576;

const SERVICE: ServiceFacts = {
  source: 'test',
  seconds: 300,
  uptimeSeconds: 7_200,
  callsPerSecond: 2,
  callMeanMs: 20,
  upstreamMeanMs: 18,
  waitMeanMs: 0,
  cpuShare: 0.1,
  loopP99Ms: 2,
  gcShare: 0.02,
  minorCollections: 500,
  semiSpaceMb: undefined,
  rssBytes: 100 * MIB,
  memoryLimitBytes: 1_000 * MIB,
  lists: 100,
  staleLists: 1,
  syncP95Ms: 100,
  syncConcurrency: 128,
  refreshIntervalMs: 300_000,
  idleStopMs: 0,
  stdioPool: false,
  host: '127.0.0.1',
};

const CONNECTOR: ConnectorFacts = {
  id: 'web',
  transport: 'http',
  servers: 1,
  callsPerMinute: 120,
  calls: 600,
  meanMs: 100,
  p95Ms: 200,
  rise: { ratio: 2, lowPerMinute: 30, highPerMinute: 200 },
  waited: 5,
  refusedPlaces: 1,
  refusedBreaker: 0,
  breakerOpenings: 0,
  timeouts: 0,
  failures: 0,
  places: 32,
  syncs: 30,
  unchangedSyncs: 29,
  callsSinceStart: 600,
  rssBytes: undefined,
};

function judge(
  rule: string,
  changes: { readonly service?: Partial<ServiceFacts>; readonly connector?: object },
  effortAccepted = true,
): Pick<Advice, 'verdict' | 'because' | 'next'> | undefined {
  const service = { ...SERVICE, ...changes.service };
  const connectors = [{ ...CONNECTOR, ...changes.connector }];
  return advise({ service, connectors }, effortAccepted).find((one) => one.rule === rule);
}

test('sync-concurrency: fewer at a time, where many connectors and a busy loop were seen', () => {
  const service = { ...SERVICE, loopP99Ms: 90 };
  const connectors = Array.from({ length: 40 }, (_, index) => ({ ...CONNECTOR, id: `c${index}` }));
  const found = advise({ service, connectors }, true).find(
    (one) => one.rule === 'sync-concurrency',
  );
  expect(found).toMatchObject({ verdict: 'do', next: 'MCP_CONNECTOR_SYNC_CONCURRENCY=20' });
});

test.each([
  ['S1-51', {}, true, 'do', '"maxInFlight": 64'],
  ['S1-51', {}, false, 'not enough data', '--accept-effort'],
  ['S1-51', { connector: { callsPerMinute: 9 } }, true, 'do not', ''],
  ['S1-51', { connector: { callsPerMinute: 50 } }, true, 'do not', ''],
  ['S1-51', { connector: { callsPerMinute: undefined } }, true, 'not enough data', '--seconds 300'],
  ['S1-51', { connector: { rise: undefined } }, true, 'not enough data', 'quiet and busy'],
  ['S1-51', { connector: { rise: { ratio: 1.1 } } }, true, 'do not', ''],
  ['S1-51', { connector: { waited: 0, refusedPlaces: 0 } }, true, 'do not', ''],
  [
    'S1-51',
    { connector: { waited: undefined, refusedPlaces: undefined } },
    true,
    'not enough data',
    'advise',
  ],
  [
    'S1-51',
    { connector: { transport: 'stdio', callsPerMinute: 1_800, waited: 0 } },
    true,
    'do',
    '"instances": 5',
  ],
  ['S1-38', {}, true, 'do', 'S1-51'],
  ['S1-38', {}, false, 'not enough data', '--accept-effort'],
  ['S1-38', { connector: { waited: 0, refusedPlaces: 0 } }, true, 'do not', ''],
  ['S1-38', { connector: { callsPerMinute: 20 } }, true, 'do not', ''],
  ['S3-08', {}, true, 'do not', ''],
  ['S3-08', { service: { waitMeanMs: 19, callMeanMs: 38 } }, true, 'do', 'S1-51'],
  ['S3-08', { service: { gcShare: 0.2 } }, true, 'do', 'S1-B4'],
  ['S3-08', { service: { callMeanMs: 40 } }, true, 'do', 'profile cpu'],
  ['S3-08', { service: { callMeanMs: undefined } }, true, 'not enough data', '--seconds'],
  ['S1-B4', {}, true, 'do not', ''],
  ['S1-B4', { service: { gcShare: 0.15 } }, true, 'do', '--max-semi-space-size=16'],
  ['S1-B4', { service: { gcShare: 0.15, semiSpaceMb: 32 } }, true, 'do', '=64'],
  ['S1-B4', { service: { gcShare: 0.15, semiSpaceMb: 64 } }, true, 'not enough data', 'heap'],
  ['S1-B4', { service: { minorCollections: 3 } }, true, 'not enough data', '50'],
  ['S1-B5', {}, true, 'do', 'MemoryMax=500M MemoryHigh=400M'],
  ['S1-B5', { service: { memoryLimitBytes: 500 * MIB } }, true, 'do not', ''],
  ['S1-B5', { service: { rssBytes: 3_000 * MIB } }, true, 'not enough data', 'monitor'],
  [
    'S1-B5',
    { connector: { rssBytes: 1_700 * MIB } },
    true,
    'not enough data',
    '"memory": {"tier": "light"} in mcpServers.web',
  ],
  ['S1-B5', { service: { uptimeSeconds: 10 } }, true, 'not enough data', 'later'],
  ['ttl-long', {}, true, 'do not', ''],
  ['ttl-long', { service: { staleLists: 20 } }, true, 'do', '"refreshIntervalMs": 150000'],
  ['ttl-long', { service: { lists: 3 } }, true, 'not enough data', '20 lists'],
  ['ttl-short', {}, true, 'do not', ''],
  [
    'ttl-short',
    { connector: { syncs: 100, unchangedSyncs: 100 } },
    true,
    'do',
    '"refreshIntervalMs": 1200000',
  ],
  ['ttl-short', { connector: { syncs: 5 } }, true, 'not enough data', '20'],
  ['sync-concurrency', {}, true, 'do not', ''],
  ['sync-concurrency', { service: { syncConcurrency: 0 } }, true, 'do', 'CONCURRENCY=1'],
  ['sync-concurrency', { service: { loopP99Ms: 90 } }, true, 'not enough data', 'profile cpu'],
  ['sync-concurrency', { service: { syncP95Ms: undefined } }, true, 'not enough data', 'sync'],
  ['compression', {}, true, 'do not', ''],
  ['compression', { service: { host: '0.0.0.0' } }, true, 'not enough data', '--compressed'],
  ['breaker-flapping', {}, true, 'do not', ''],
  [
    'breaker-flapping',
    { connector: { breakerOpenings: 2, timeouts: 9 } },
    true,
    'do',
    '"idleTimeoutMs": 120000',
  ],
  [
    'breaker-flapping',
    { connector: { breakerOpenings: 3, failures: 9 } },
    true,
    'do',
    '"maxInFlight": 16',
  ],
  ['replicas', {}, true, 'do not', ''],
  ['replicas', { connector: { failures: 20 } }, true, 'do', '"replicas"'],
  ['replicas', { connector: { calls: 3 } }, true, 'not enough data', '--seconds'],
] as const)('advise() %s with %j, effort accepted %s: %s', (...row) => {
  const [rule, changes, effort, verdict, next] = row;
  const found = judge(rule, changes, effort);
  expect(found?.verdict).toBe(verdict);
  expect(found?.next).toContain(next);
  expect(found?.because).not.toBe('');
  expect(found?.next === '').toBe(verdict === 'do not');
});

test.each([
  [{ callsSinceStart: 0 }, {}, 'do', '"idleStopMs": 900000'],
  [{ callsSinceStart: 3 }, {}, 'do not', ''],
  [{ callsSinceStart: 0, rssBytes: MIB }, {}, 'do not', ''],
  [{ callsSinceStart: 0 }, { uptimeSeconds: 60 }, 'not enough data', 'hour'],
] as const)('advise() idle-sleep with %j, %j: %s', (connector, service, verdict, next) => {
  const process = { transport: 'stdio', rssBytes: 100 * MIB, ...connector };
  const found = judge('idle-sleep', { service, connector: process });
  expect(found?.verdict).toBe(verdict);
  expect(found?.next).toContain(next);
  expect(judge('idle-sleep', { connector: process, service: { idleStopMs: 1 } })).toBeUndefined();
});

test('advise() stdio-pool-size follows the calls under way', () => {
  const pooled = { transport: 'stdio', servers: 8, callsPerMinute: 1_200, meanMs: 100 };
  const service = { stdioPool: true };
  expect(judge('stdio-pool-size', { service, connector: pooled })).toMatchObject({
    verdict: 'do',
    next: '"instances": 3 in mcpServers.web',
  });
  const fits = { ...pooled, servers: 3 };
  expect(judge('stdio-pool-size', { service, connector: fits })?.verdict).toBe('do not');
  const few = { ...pooled, calls: 2 };
  expect(judge('stdio-pool-size', { service, connector: few })?.verdict).toBe('not enough data');
  expect(judge('stdio-pool-size', { connector: pooled })).toBeUndefined();
});

test('measureService() sees latency rise with load, breakers that open, and no calls as none', () => {
  let count = 0;
  let slow = 0;
  const readings = Array.from({ length: 13 }, (_value, index) => {
    const isBusy = index > 6;
    if (isBusy) slow += 100;
    else count += 10;
    return reading({
      atMs: index * 1_000,
      connectors: [
        { id: 'a', state: 'fresh', transport: 'stdio', pids: [5] },
        { id: 'b', state: 'fresh', transport: 'http' },
        { id: 'c', state: 'disabled' },
      ],
      settings: { refreshIntervalMs: { value: 1_000 }, MCP_STDIO_POOL: { value: true } },
      metrics: [
        'mcp_connector_state{connector="a",state="fresh"} 1',
        'mcp_connector_state{connector="b",state="fresh"} 1',
        ...callLines('a', 'ok', { count, belowS: 0.012 }),
        ...callLines('a', 'error', { count: slow, belowS: 0.1 }),
        `mcp_breaker_state{connector="a"} ${index % 4 === 3 ? 2 : 0}`,
        'mcp_gc_pause_seconds_sum{kind="minor"} 1',
        'process_cpu_seconds_total 4',
      ],
    });
  });
  const host = { rssByConnector: new Map([['a', 7]]), semiSpaceMb: 16 };
  const { service, connectors } = measureService(readings, host, Date.UTC(2026, 0, 1, 1));
  expect(connectors.map(({ id }) => id)).toEqual(['a', 'b']);
  const [a, b] = connectors;
  expect(a).toMatchObject({ breakerOpenings: 3, rssBytes: 7, waited: 0, calls: 660 });
  expect(a?.rise?.ratio).toBeCloseTo(0.1 / 0.012, 5);
  expect(a?.rise?.lowPerMinute).toBe(600);
  expect(b).toMatchObject({ calls: 0, callsPerMinute: 0, callsSinceStart: 0 });
  expect(b?.rise).toBeUndefined();
  expect(service).toMatchObject({
    seconds: 12,
    uptimeSeconds: 3_600,
    gcShare: 0.25,
    semiSpaceMb: 16,
    refreshIntervalMs: 1_000,
    stdioPool: true,
  });
  const [first] = readings;
  const other = reading({ atMs: 99_000, pid: 9 });
  expect(() => measureService(first === undefined ? [] : [first, other], host, 0)).toThrow(
    'was restarted',
  );
});

test('baselineFacts() takes what a baseline measured, and leaves the rest unknown', () => {
  const record = parseBaseline(
    JSON.stringify({
      format: 1,
      label: 'x',
      takenAt: '2026-01-01T01:00:00.000Z',
      seconds: 60,
      scrapes: 12,
      restarted: false,
      service: {
        version: '1',
        node: 'v26',
        pid: 1,
        startedAt: '2026-01-01T00:00:00.000Z',
      },
      metrics: {
        'calls.meanMs': { value: 10, unit: 'ms' },
        'calls.overheadMs': { value: 2, unit: 'ms' },
        'gc.pauseShare': { value: 0.02, unit: 'ratio' },
        'cpu.share': { value: 0.1, unit: 'ratio' },
        'loop.p99Ms': { value: 'unknown', unit: 'ms' },
        'connector.web.perSecond': { value: 2, unit: 'perSecond' },
      },
      budget: [],
      settings: { host: '127.0.0.1', refreshIntervalMs: 5 },
      host: {},
    }),
  );
  const { service, connectors } = baselineFacts(record, '/b');
  expect(service.upstreamMeanMs).toBe(8);
  expect(service.gcShare).toBeCloseTo(0.2, 9);
  expect(service).toMatchObject({ loopP99Ms: undefined, uptimeSeconds: 3_600, host: '127.0.0.1' });
  expect(connectors).toMatchObject([{ id: 'web', callsPerMinute: 120, rise: undefined }]);
  const pool = advise({ service, connectors }, true).find(({ rule }) => rule === 'S1-51');
  expect(pool?.verdict).toBe('not enough data');
});
