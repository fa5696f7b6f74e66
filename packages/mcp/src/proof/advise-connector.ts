import { type Advice, type ConnectorFacts, measured, type ServiceFacts } from './advise-facts.ts';
import { dissuade, type Judged, recommend, undecided } from './advise-verdict.ts';

/** S1-51 and S1-52. */
const POOL_PER_MINUTE = 50;
const SKIP_PER_MINUTE = 10;
/** Latency of the busiest third by that of the quietest from which it is said to rise under load. */
const RISES = 1.3;
const MAX_INSTANCES = 8;
/** Room beside what was measured. */
const HEADROOM = 1.5;
/** Attempts and calls below which nothing is said. */
const MIN_SYNCS = 20;
const MIN_CALLS = 20;
/** A connector that is asked more often than this an hour for what never changes. */
const OFTEN_PER_HOUR = 20;
const ALWAYS_SAME = 0.95;
const IDLE_AFTER_S = 3_600;
/** Processes that hold less of the memory there is are not worth stopping. */
const WORTH_STOPPING = 0.02;
const MIB = 1_048_576;

/** What the rules are asked with. */
export interface RuleInput {
  readonly service: ServiceFacts;
  readonly effortAccepted: boolean;
}

type ConnectorRule = (connector: ConnectorFacts, input: RuleInput) => Advice | undefined;

function isProcess({ transport }: ConnectorFacts): boolean {
  return transport === 'stdio';
}

/** Calls under way at a time, by Little's law. */
function concurrency({ callsPerMinute, meanMs }: ConnectorFacts): number | undefined {
  if (callsPerMinute === undefined || meanMs === undefined) return undefined;
  return (callsPerMinute / 60_000) * meanMs;
}

function instancesFor(connector: ConnectorFacts): number {
  const wanted = Math.ceil((concurrency(connector) ?? 1) * HEADROOM);
  return Math.min(MAX_INSTANCES, Math.max(2, wanted));
}

/** The setting that gives a connector more servers. */
function poolSetting(connector: ConnectorFacts): string {
  const { id, places = 32 } = connector;
  if (isProcess(connector)) {
    return `MCP_STDIO_POOL=true and "instances": ${instancesFor(connector)} in mcpServers.${id}, if it keeps nothing between calls`;
  }
  return `"bulkhead": {"maxInFlight": ${places * 2}} in mcpServers.${id}; if the server is at its end, "replicas" with a second address`;
}

/** Whether calls had to wait or were turned away because there were too few places. */
function isBottleneck({ waited, refusedPlaces }: ConnectorFacts): boolean | undefined {
  if (waited === undefined && refusedPlaces === undefined) return undefined;
  return (waited ?? 0) + (refusedPlaces ?? 0) > 0;
}

function poolVerdict(connector: ConnectorFacts, effortAccepted: boolean): Judged {
  const { callsPerMinute, rise } = connector;
  const watch = 'cortex-mcp advise --seconds 300 while the load is what it usually is';
  if (callsPerMinute === undefined) return undecided('its calls were not measured', watch);
  if (callsPerMinute < SKIP_PER_MINUTE) return dissuade('fewer than 10 calls a minute (S1-52)');
  if (callsPerMinute <= POOL_PER_MINUTE) return dissuade('no more than 50 calls a minute');
  if (rise === undefined) {
    const next = `${watch}, with quiet and busy times in it`;
    return undecided('its load was too even to see what it does to latency', next);
  }
  if (rise.ratio < RISES) return dissuade('its latency does not rise under load');
  const limited = isBottleneck(connector);
  if (limited === undefined) return undecided('waits for places were not measured', watch);
  if (!limited && !isProcess(connector))
    return dissuade('no call had to wait: it has places to spare');
  if (!effortAccepted) {
    const next = 'cortex-mcp advise --accept-effort, once somebody has agreed to run and watch it';
    return undecided(
      'everything measured speaks for it; the effort is not said to be accepted',
      next,
    );
  }
  const because = 'more than 50 calls a minute, latency rises under load, throughput is the limit';
  return recommend(because, poolSetting(connector));
}

/** Pool when a server gets many calls, slows down under them and is what limits (S1-51, S1-52). */
const pool: ConnectorRule = (connector, { effortAccepted }) => ({
  rule: 'S1-51',
  connector: connector.id,
  measured: measured({
    callsPerMinute: connector.callsPerMinute,
    latencyRatioUnderLoad: connector.rise?.ratio,
    callsThatWaited: connector.waited,
    callsRefusedForPlaces: connector.refusedPlaces,
    meanMs: connector.meanMs,
  }),
  ...poolVerdict(connector, effortAccepted),
});

/** How many processes a pool that runs should have. */
const poolSize: ConnectorRule = (connector, { service }) => {
  if (!isProcess(connector) || service.stdioPool !== true || connector.servers < 2) {
    return undefined;
  }
  const { id, servers, calls } = connector;
  const underWay = concurrency(connector);
  const base = {
    rule: 'stdio-pool-size',
    connector: id,
    measured: measured({ processes: servers, callsUnderWay: underWay, calls }),
  };
  if (underWay === undefined || (calls ?? 0) < MIN_CALLS) {
    const next = 'cortex-mcp advise --seconds 300 under its usual load';
    const because = 'too few calls to tell how many are under way';
    return { ...base, ...undecided(because, next) };
  }
  const wanted = instancesFor(connector);
  if (wanted === servers) {
    const because = 'it has as many processes as it has calls under way, with room';
    return { ...base, ...dissuade(because) };
  }
  const next = `"instances": ${wanted} in mcpServers.${id}`;
  const because = `${wanted} processes would hold one and a half times the calls under way`;
  return { ...base, ...recommend(because, next) };
};

/** A second address for a server that fails or is full. */
const replicas: ConnectorRule = (connector) => {
  const { id, transport, servers, breakerOpenings, refusedBreaker, failures, calls } = connector;
  if (transport !== 'http' || servers > 1) return undefined;
  const base = {
    rule: 'replicas',
    connector: id,
    measured: measured({ servers, breakerOpenings, refusedBreaker, failures, calls }),
  };
  if (calls === undefined || calls < MIN_CALLS || failures === undefined) {
    const next = 'cortex-mcp advise --seconds 300 while it is called';
    return { ...base, ...undecided('fewer than 20 calls', next) };
  }
  const isFailing = failures > 0 && ((refusedBreaker ?? 0) > 0 || failures / calls > 0.01);
  if (!isFailing) {
    return { ...base, ...dissuade('it answers what it is asked') };
  }
  const because = 'calls failed for which another server could have been asked';
  const next = `"replicas": [{"url": "<a second address of the same server>"}] in mcpServers.${id}`;
  return { ...base, ...recommend(because, next) };
};

/** A breaker that opens again and again hides a limit that is set wrong, or a server that is. */
const breaker: ConnectorRule = (connector) => {
  const { id, breakerOpenings, refusedBreaker, timeouts, failures, calls, p95Ms } = connector;
  const base = {
    rule: 'breaker-flapping',
    connector: id,
    measured: measured({ breakerOpenings, refusedBreaker, timeouts, failures, calls }),
  };
  if (breakerOpenings === undefined || calls === undefined || calls + (refusedBreaker ?? 0) === 0) {
    return undefined;
  }
  if (breakerOpenings < 2) {
    return { ...base, ...dissuade('its breaker does not come and go') };
  }
  if ((timeouts ?? 0) > (failures ?? 0)) {
    const longer = Math.max(120_000, Math.ceil((p95Ms ?? 0) * 2));
    const next = `"timeouts": {"idleTimeoutMs": ${longer}} in mcpServers.${id}, if its tools work in silence`;
    return { ...base, ...recommend('it opens because of time-outs', next) };
  }
  const next = `"bulkhead": {"maxInFlight": ${Math.max(1, Math.floor((connector.places ?? 32) / 2))}} in mcpServers.${id}; its own log says why it fails`;
  return { ...base, ...recommend('it opens because connections and answers fail', next) };
};

/** Freshness that is too short asks for what has not changed. */
const ttl: ConnectorRule = (connector, { service }) => {
  const { id, syncs, unchangedSyncs } = connector;
  const { uptimeSeconds, refreshIntervalMs } = service;
  const perHour =
    syncs === undefined || uptimeSeconds === undefined
      ? undefined
      : (syncs / uptimeSeconds) * 3_600;
  const base = {
    rule: 'ttl-short',
    connector: id,
    measured: measured({ syncs, unchangedSyncs, perHour, refreshIntervalMs }),
  };
  if (perHour === undefined || syncs === undefined || unchangedSyncs === undefined)
    return undefined;
  if (syncs < MIN_SYNCS) {
    const next = `wait until it was asked ${MIN_SYNCS} times: mcp_connector_sync_duration_seconds_count`;
    return { ...base, ...undecided('asked too seldom yet', next) };
  }
  if (perHour <= OFTEN_PER_HOUR || unchangedSyncs / syncs < ALWAYS_SAME) {
    const because = 'it is not asked often, or has something new to say';
    return { ...base, ...dissuade(because) };
  }
  const next = `a larger ttlMs in its lists; where it is a legacy server, "refreshIntervalMs": ${Math.min(86_400_000, (refreshIntervalMs ?? 300_000) * 4)}`;
  return { ...base, ...recommend('asked often for lists that never change', next) };
};

function idleVerdict(connector: ConnectorFacts, service: ServiceFacts): Judged | undefined {
  const { id, callsSinceStart, rssBytes } = connector;
  const { uptimeSeconds, memoryLimitBytes } = service;
  if (uptimeSeconds === undefined || callsSinceStart === undefined || rssBytes === undefined) {
    return undefined;
  }
  if (uptimeSeconds < IDLE_AFTER_S) {
    const next = 'ask again when the service has run for an hour';
    return undecided('it has not run for an hour', next);
  }
  if (callsSinceStart > 0) return dissuade('it is called');
  if (memoryLimitBytes !== undefined && rssBytes < memoryLimitBytes * WORTH_STOPPING) {
    return dissuade('it holds less than 2 % of the memory there is');
  }
  const next = `"idleStopMs": 900000 in mcpServers.${id}; its first call then waits for its start`;
  return recommend('it was not called since the service began, and holds memory', next);
}

/** Processes that nobody calls hold memory that others may need. */
const idle: ConnectorRule = (connector, { service }) => {
  const { id, callsSinceStart, rssBytes } = connector;
  const { uptimeSeconds, idleStopMs, memoryLimitBytes } = service;
  if (!isProcess(connector) || (idleStopMs ?? 0) > 0) return undefined;
  const base = {
    rule: 'idle-sleep',
    connector: id,
    measured: measured({
      callsSinceStart,
      uptimeSeconds,
      rssMiB: rssBytes && rssBytes / MIB,
      memoryLimitMiB: memoryLimitBytes && memoryLimitBytes / MIB,
    }),
  };
  const judged = idleVerdict(connector, service);
  return judged && { ...base, ...judged };
};

/** The rules that look at one connector. */
export const CONNECTOR_RULES: readonly ConnectorRule[] = [
  pool,
  poolSize,
  replicas,
  breaker,
  ttl,
  idle,
];
