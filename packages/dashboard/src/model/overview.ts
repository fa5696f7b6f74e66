import { asArray, asNumber, asObject, asText, isObject, type JsonObject } from './json.ts';

/** What the gateway says of itself. Times in milliseconds since 1970, durations in milliseconds. */
export interface ServiceFacts {
  readonly name: string;
  readonly version: string;
  readonly instanceId: string;
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly state: string;
  readonly pid: number | undefined;
  readonly node: string;
}

/** Figures of the process; undefined where they are not known. */
export interface ProcessFacts {
  readonly rssBytes: number | undefined;
  readonly heapUsedBytes: number | undefined;
  readonly cpuPercent: number | undefined;
  readonly eventLoopDelayP99Ms: number | undefined;
  readonly inFlight: number | undefined;
  readonly sessions: number | undefined;
  readonly streams: number | undefined;
}

export interface ConnectorTrouble {
  readonly phase: string;
  readonly code: string;
  readonly message: string;
  /** What to do about it, in the gateway's words. */
  readonly remedy: string | undefined;
}

/** What an attempt under way waits for, and since when. */
export interface ConnectorWait {
  readonly phase: string;
  /** Milliseconds since 1970, by the gateway's clock. */
  readonly since: number;
}

/** One value per time slice, oldest first; undefined where nothing was measured. */
export type Series = readonly (number | undefined)[];

export interface Latency {
  readonly p50Ms: Series;
  readonly p95Ms: Series;
  readonly calls: Series;
  readonly errors: Series;
  readonly bucketMs: number;
}

/** What moves between two overviews. */
export interface ConnectorPulse {
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
}

export interface ConnectorFacts {
  readonly id: string;
  readonly transport: string;
  readonly origin: string;
  readonly era: string;
  readonly revision: string | undefined;
  readonly state: string;
  readonly enabled: boolean;
  readonly error: ConnectorTrouble | undefined;
  readonly waiting: ConnectorWait | undefined;
  readonly counts: {
    readonly tools: number;
    readonly prompts: number;
    readonly resources: number;
    readonly templates: number;
  };
  /** Another one means other lists. */
  readonly listsDigest: string;
  readonly freshness: string;
  readonly ageMs: number | undefined;
  readonly ttlMs: number | undefined;
  readonly lastSyncAt: number | undefined;
  readonly nextRefreshAt: number | undefined;
  readonly breaker: string;
  readonly restarts: number | undefined;
  readonly pid: number | undefined;
  readonly inFlight: number;
  readonly latency: Latency;
  readonly source: string;
  readonly pulse: ConnectorPulse;
  /** The gateway's time for which `ageMs` holds. */
  readonly measuredAt: number;
}

export interface FlagFacts {
  readonly name: string;
  readonly value: string;
  readonly standard: string;
  readonly origin: string;
  readonly owner: string;
  readonly removal: string;
}

export interface RolloutFacts {
  readonly percent: number | undefined;
  readonly instanceId: string;
  readonly inCohort: boolean;
  readonly steps: readonly number[];
}

export interface Overview {
  readonly service: ServiceFacts;
  readonly process: ProcessFacts;
  readonly connectors: readonly ConnectorFacts[];
  readonly flags: readonly FlagFacts[];
  readonly rollout: RolloutFacts | undefined;
  readonly map: JsonObject | undefined;
}

function readService(value: unknown): ServiceFacts {
  const from = asObject(value);
  return {
    name: asText(from['name']) ?? 'cortex-mcp',
    version: asText(from['version']) ?? '',
    instanceId: asText(from['instanceId']) ?? '',
    startedAt: asNumber(from['startedAt']) ?? 0,
    uptimeMs: asNumber(from['uptimeMs']) ?? 0,
    state: asText(from['state']) ?? 'ready',
    pid: asNumber(from['pid']),
    node: asText(from['node']) ?? '',
  };
}

export function readProcess(value: unknown): ProcessFacts {
  const from = asObject(value);
  return {
    rssBytes: asNumber(from['rssBytes']),
    heapUsedBytes: asNumber(from['heapUsedBytes']),
    cpuPercent: asNumber(from['cpuPercent']),
    eventLoopDelayP99Ms: asNumber(from['eventLoopDelayP99Ms']),
    inFlight: asNumber(from['inFlight']),
    sessions: asNumber(from['sessions']),
    streams: asNumber(from['streams']),
  };
}

function readTrouble(value: unknown): ConnectorTrouble | undefined {
  if (!isObject(value)) return undefined;
  return {
    phase: asText(value['phase']) ?? '',
    code: asText(value['code']) ?? '',
    message: asText(value['message']) ?? '',
    remedy: asText(value['remedy']),
  };
}

function readWait(value: unknown): ConnectorWait | undefined {
  if (!isObject(value)) return undefined;
  const since = asNumber(value['since']);
  return since === undefined ? undefined : { phase: asText(value['phase']) ?? '', since };
}

function readSeries(value: unknown): Series {
  return asArray(value).map(asNumber);
}

function readLatency(value: unknown): Latency {
  const from = asObject(value);
  return {
    p50Ms: readSeries(from['p50Ms']),
    p95Ms: readSeries(from['p95Ms']),
    calls: readSeries(from['calls']),
    errors: readSeries(from['errors']),
    bucketMs: asNumber(from['bucketMs']) ?? 5000,
  };
}

/** Of the slice under way and the one before, as a beat has it: what is older is no figure of now. */
function lastNumber(series: Series): number | undefined {
  return series.at(-1) ?? series.at(-2);
}

/** What the last slices say, until the first beat comes. */
function pulseOf(latency: Latency): ConnectorPulse {
  const seconds = latency.bucketMs / 1000;
  const last = (series: Series): number => (series.at(-2) ?? series.at(-1) ?? 0) / seconds;
  return {
    callsPerSecond: last(latency.calls),
    errorsPerSecond: last(latency.errors),
    p50Ms: lastNumber(latency.p50Ms),
    p95Ms: lastNumber(latency.p95Ms),
  };
}

function readCounts(value: unknown): ConnectorFacts['counts'] {
  const from = asObject(value);
  const count = (name: string): number => asNumber(from[name]) ?? 0;
  return {
    tools: count('tools'),
    prompts: count('prompts'),
    resources: count('resources'),
    templates: count('templates'),
  };
}

type Named = Pick<
  ConnectorFacts,
  'transport' | 'origin' | 'era' | 'state' | 'freshness' | 'breaker' | 'source' | 'listsDigest'
>;

function readNames(from: JsonObject): Named {
  const text = (name: string, otherwise: string): string => asText(from[name]) ?? otherwise;
  return {
    transport: text('transport', ''),
    origin: text('origin', ''),
    era: text('era', 'unknown'),
    state: text('state', 'unknown'),
    freshness: text('freshness', 'none'),
    breaker: text('breaker', 'closed'),
    source: text('source', ''),
    listsDigest: text('listsDigest', ''),
  };
}

function readConnector(value: unknown, measuredAt: number): ConnectorFacts | undefined {
  const from = asObject(value);
  const id = asText(from['id']);
  if (id === undefined) return undefined;
  const latency = readLatency(from['latency']);
  return {
    id,
    ...readNames(from),
    revision: asText(from['revision']),
    enabled: from['enabled'] !== false,
    error: readTrouble(from['error']),
    waiting: readWait(from['waiting']),
    counts: readCounts(from['counts']),
    ageMs: asNumber(from['ageMs']),
    ttlMs: asNumber(from['ttlMs']),
    lastSyncAt: asNumber(from['lastSyncAt']),
    nextRefreshAt: asNumber(from['nextRefreshAt']),
    restarts: asNumber(from['restarts']),
    pid: asNumber(from['pid']),
    inFlight: asNumber(from['inFlight']) ?? 0,
    latency,
    pulse: pulseOf(latency),
    measuredAt,
  };
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

function readFlag(value: unknown): FlagFacts {
  const from = asObject(value);
  return {
    name: plain(from['name']),
    value: plain(from['value']),
    standard: plain(from['default']),
    origin: plain(from['origin']),
    owner: plain(from['owner']),
    removal: plain(from['removal']),
  };
}

function readRollout(value: unknown): RolloutFacts | undefined {
  if (!isObject(value)) return undefined;
  return {
    percent: asNumber(value['percent']),
    instanceId: asText(value['instanceId']) ?? '',
    inCohort: value['inCohort'] === true,
    steps: asArray(value['steps']).filter((one) => typeof one === 'number'),
  };
}

/** The document of `GET /page/api/overview`, or undefined when it is none. Missing members get plain values. */
export function readOverview(value: unknown): Overview | undefined {
  if (!isObject(value) || !isObject(value['service'])) return undefined;
  const service = readService(value['service']);
  const measuredAt = service.startedAt + service.uptimeMs;
  return {
    service,
    process: readProcess(value['process']),
    connectors: asArray(value['connectors']).flatMap((one) => readConnector(one, measuredAt) ?? []),
    flags: asArray(value['flags']).map(readFlag),
    rollout: readRollout(value['rollout']),
    map: isObject(value['map']) ? value['map'] : undefined,
  };
}
