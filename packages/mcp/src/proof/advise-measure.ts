import { CommandError } from '../protocol/command-error.ts';
import type { AdviseFacts, ConnectorFacts, LatencyRise, ServiceFacts } from './advise-facts.ts';
import {
  between,
  type Buckets,
  histogramOf,
  increase,
  meanOf,
  quantileOf,
  type Scrape,
  sumOf,
  type Where,
} from './exposition.ts';
import type { ReadConnector, ServiceReading } from './service-reading.ts';

/** What the kernel says of the service's processes. */
export interface MeasuredHost {
  readonly rssByConnector: ReadonlyMap<string, number>;
  readonly semiSpaceMb: number | undefined;
}

const CALLS = 'mcp_tool_call_duration_seconds';
const UPSTREAM = 'mcp_tool_call_upstream_duration_seconds';
const WAITS = 'mcp_pool_wait_seconds';
const SYNCS = 'mcp_connector_sync_duration_seconds';
const REFUSED = 'mcp_calls_refused_total';
const PAUSES = 'mcp_gc_pause_seconds';
/** Intervals below which nothing is said of latency under load, and calls below which an interval says nothing. */
const MIN_INTERVALS = 6;
const MIN_INTERVAL_CALLS = 5;
/** By how much busy and quiet times must differ. */
const MIN_LOAD_RATIO = 1.5;

/** Readings of one process, oldest first; at least two. */
class Window {
  readonly first: ServiceReading;
  readonly last: ServiceReading;
  readonly #readings: readonly ServiceReading[];

  constructor(readings: readonly [ServiceReading, ...ServiceReading[]]) {
    this.#readings = readings;
    this.first = readings[0];
    this.last = readings.at(-1) ?? readings[0];
  }

  get seconds(): number {
    return (this.last.atMs - this.first.atMs) / 1_000;
  }

  pairs(): readonly (readonly [ServiceReading, ServiceReading])[] {
    return this.#readings.slice(1).flatMap((after, index) => {
      const before = this.#readings[index];
      return before === undefined ? [] : [[before, after] as const];
    });
  }

  /** How often a gauge came to `value` from another one. */
  arrivals(name: string, where: Where, value: number): number {
    return this.pairs().filter(
      ([before, after]) =>
        sumOf(before.metrics, name, where) !== value && sumOf(after.metrics, name, where) === value,
    ).length;
  }

  grown(name: string, where: Where = {}): number | undefined {
    const now = sumOf(this.last.metrics, name, where);
    return now === undefined
      ? undefined
      : increase(sumOf(this.first.metrics, name, where) ?? 0, now);
  }

  histogram(name: string, where: Where = {}): Buckets | undefined {
    return histogramBetween(this.first.metrics, this.last.metrics, name, where);
  }
}

function histogramBetween(
  before: Scrape,
  after: Scrape,
  name: string,
  where: Where,
): Buckets | undefined {
  const now = histogramOf(after, name, where);
  return now && between(histogramOf(before, name, where), now);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Latency in the busiest third of the intervals against the quietest; undefined when they hardly differ. */
function riseOf(window: Window, where: Where): LatencyRise | undefined {
  const intervals = window.pairs().flatMap(([before, after]) => {
    const calls = histogramBetween(before.metrics, after.metrics, CALLS, where);
    const meanS = calls && meanOf(calls);
    if (calls === undefined || meanS === undefined || calls.count < MIN_INTERVAL_CALLS) return [];
    const perMinute = (calls.count / (after.atMs - before.atMs)) * 60_000;
    return [{ perMinute, meanS }];
  });
  if (intervals.length < MIN_INTERVALS) return undefined;
  const byLoad = intervals.toSorted((a, b) => a.perMinute - b.perMinute);
  const third = Math.floor(byLoad.length / 3);
  const quiet = byLoad.slice(0, third);
  const busy = byLoad.slice(-third);
  const lowPerMinute = average(quiet.map((one) => one.perMinute));
  const highPerMinute = average(busy.map((one) => one.perMinute));
  if (highPerMinute < lowPerMinute * MIN_LOAD_RATIO) return undefined;
  const ratio = average(busy.map(({ meanS }) => meanS)) / average(quiet.map(({ meanS }) => meanS));
  return { ratio, lowPerMinute, highPerMinute };
}

function ms(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function serversOf(shown: ReadConnector | undefined): number {
  return shown === undefined ? 1 : Math.max(shown.replicas, shown.pids.length, 1);
}

function rateOf(count: number | undefined, seconds: number): number | undefined {
  return count === undefined ? undefined : (count / seconds) * 60;
}

function durationsOf(calls: Buckets | undefined): Pick<ConnectorFacts, 'meanMs' | 'p95Ms'> {
  if (calls === undefined) return { meanMs: undefined, p95Ms: undefined };
  return { meanMs: ms(meanOf(calls)), p95Ms: ms(quantileOf(calls, 0.95)) };
}

function connectorFacts(window: Window, id: string, host: MeasuredHost): ConnectorFacts {
  const where = { connector: id };
  const shown = window.last.connectors.find((one) => one.id === id);
  const calls = window.histogram(CALLS, where);
  const { metrics } = window.last;
  // One that is known and was never called has no histogram: that is none, not unknown.
  const none = sumOf(metrics, 'mcp_connector_state', where) === undefined ? undefined : 0;
  const count = calls?.count ?? none;
  return {
    id,
    transport: shown?.transport,
    servers: serversOf(shown),
    callsPerMinute: rateOf(count, window.seconds),
    calls: count,
    ...durationsOf(calls),
    rise: riseOf(window, where),
    waited: window.grown(`${WAITS}_count`, where) ?? none,
    refusedPlaces: window.grown(REFUSED, { ...where, reason: 'bulkhead' }),
    refusedBreaker: window.grown(REFUSED, { ...where, reason: 'breaker' }),
    breakerOpenings: window.arrivals('mcp_breaker_state', where, 2),
    timeouts: window.grown(`${CALLS}_count`, { ...where, outcome: 'timeout' }),
    failures: window.grown(`${CALLS}_count`, { ...where, outcome: 'failed' }),
    places: sumOf(metrics, 'mcp_pool_places', where),
    syncs: sumOf(metrics, `${SYNCS}_count`, where),
    unchangedSyncs: sumOf(metrics, `${SYNCS}_count`, { ...where, outcome: 'unchanged' }),
    callsSinceStart: sumOf(metrics, `${CALLS}_count`, where) ?? none,
    rssBytes: host.rssByConnector.get(id),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : part / whole;
}

/** Settings in force, as `/status` shows them. */
function settingsOf(
  last: ServiceReading,
): Pick<
  ServiceFacts,
  'syncConcurrency' | 'refreshIntervalMs' | 'idleStopMs' | 'stdioPool' | 'host'
> {
  const host = last.setting('host');
  const pool = last.setting('MCP_STDIO_POOL');
  return {
    syncConcurrency: numberOf(last.setting('syncConcurrency')),
    refreshIntervalMs: numberOf(last.setting('refreshIntervalMs')),
    idleStopMs: numberOf(last.setting('idleStopMs')),
    stdioPool: typeof pool === 'boolean' ? pool : undefined,
    host: typeof host === 'string' ? host : undefined,
  };
}

function serviceFacts(window: Window, host: MeasuredHost, nowMs: number): ServiceFacts {
  const { last, seconds } = window;
  const { metrics } = last;
  const calls = window.histogram(CALLS);
  const upstream = window.histogram(UPSTREAM);
  const syncs = histogramOf(metrics, SYNCS);
  const waitedS = window.grown(`${WAITS}_sum`) ?? 0;
  const delays = window.pairs().flatMap(([, one]) => {
    const delay = sumOf(one.metrics, 'mcp_event_loop_delay_seconds', { stat: 'p99' });
    return delay === undefined ? [] : [delay * 1_000];
  });
  const cpuS = sumOf(metrics, 'process_cpu_seconds_total');
  return {
    source: `the running service, watched for ${Math.round(seconds)} s`,
    seconds,
    uptimeSeconds: (nowMs - Date.parse(last.startedAt)) / 1_000,
    callsPerSecond: calls && calls.count / seconds,
    callMeanMs: ms(calls && meanOf(calls)),
    upstreamMeanMs: ms(upstream && meanOf(upstream)),
    waitMeanMs:
      calls !== undefined && calls.count > 0 ? (waitedS / calls.count) * 1_000 : undefined,
    cpuShare: share(window.grown('process_cpu_seconds_total'), seconds),
    loopP99Ms: delays.length === 0 ? undefined : Math.max(...delays),
    gcShare: share(sumOf(metrics, `${PAUSES}_sum`), cpuS),
    minorCollections: sumOf(metrics, `${PAUSES}_count`, { kind: 'minor' }),
    semiSpaceMb: host.semiSpaceMb,
    rssBytes: sumOf(metrics, 'process_resident_memory_bytes'),
    memoryLimitBytes: sumOf(metrics, 'mcp_memory_limit_bytes'),
    lists: sumOf(metrics, 'mcp_manifest_cache_requests_total'),
    staleLists: sumOf(metrics, 'mcp_manifest_cache_requests_total', { result: 'stale' }),
    syncP95Ms: ms(syncs && quantileOf(syncs, 0.95)),
    ...settingsOf(last),
  };
}

/** Readings since the last restart: what was counted before it says nothing of what runs now. */
function ofLastProcess(readings: readonly ServiceReading[]): readonly ServiceReading[] {
  const last = readings.at(-1);
  return readings.filter(({ pid, startedAt }) => pid === last?.pid && startedAt === last.startedAt);
}

/**
 * The figures of a service that was read several times.
 * @param nowMs of the wall clock.
 * @throws CommandError with fewer than two readings of one process.
 */
export function measureService(
  readings: readonly ServiceReading[],
  host: MeasuredHost,
  nowMs: number,
): AdviseFacts {
  const [first, second, ...rest] = ofLastProcess(readings);
  if (first === undefined || second === undefined) {
    throw new CommandError('SERVICE_RESTARTED', 'the service was restarted while it was watched', {
      remedy: 'try again',
    });
  }
  const window = new Window([first, second, ...rest]);
  return {
    service: serviceFacts(window, host, nowMs),
    connectors: window.last.connectors
      .filter(({ state }) => state !== 'disabled')
      .map(({ id }) => connectorFacts(window, id, host)),
  };
}
