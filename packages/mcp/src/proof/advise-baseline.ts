import type { AdviseFacts, ConnectorFacts, ServiceFacts } from './advise-facts.ts';
import type { BaselineRecord } from './baseline-record.ts';
import { known } from './figure.ts';

/** What only intervals, or the counters of a running service, show. */
const UNMEASURED = {
  rise: undefined,
  waited: undefined,
  refusedPlaces: undefined,
  refusedBreaker: undefined,
  breakerOpenings: undefined,
  timeouts: undefined,
  failures: undefined,
  places: undefined,
  syncs: undefined,
  unchangedSyncs: undefined,
  callsSinceStart: undefined,
} as const;
const UNMEASURED_SERVICE = {
  waitMeanMs: undefined,
  semiSpaceMb: undefined,
  memoryLimitBytes: undefined,
  lists: undefined,
  staleLists: undefined,
} as const;

/** Connectors of a record, by the names of its figures. */
function connectorIds(record: BaselineRecord): readonly string[] {
  const ids = Object.keys(record.metrics).flatMap(
    (name) => /^connector\.([^.]+)\.perSecond$/.exec(name)?.[1] ?? [],
  );
  return [...new Set(ids)].toSorted();
}

function valueOf(record: BaselineRecord, name: string): number | undefined {
  return known(record.metrics[name]?.value);
}

function product(value: number | undefined, factor: number | undefined): number | undefined {
  return value === undefined || factor === undefined ? undefined : value * factor;
}

function connectorFacts(record: BaselineRecord, id: string): ConnectorFacts {
  const value = (name: string): number | undefined => valueOf(record, `connector.${id}.${name}`);
  const rssBytes = value('rssBytes');
  return {
    ...UNMEASURED,
    id,
    // Only processes have memory of their own.
    transport: rssBytes === undefined ? undefined : 'stdio',
    servers: 1,
    callsPerMinute: product(value('perSecond'), 60),
    calls: product(value('perSecond'), record.seconds),
    meanMs: value('meanMs'),
    p95Ms: value('p95Ms'),
    rssBytes,
  };
}

type Settings = Pick<
  ServiceFacts,
  'syncConcurrency' | 'refreshIntervalMs' | 'idleStopMs' | 'stdioPool' | 'host'
>;

function settingsOf({ settings }: BaselineRecord): Settings {
  const number = (name: string): number | undefined => {
    const held = settings[name];
    return typeof held === 'number' ? held : undefined;
  };
  const { MCP_STDIO_POOL: pool, host } = settings;
  return {
    syncConcurrency: number('syncConcurrency'),
    refreshIntervalMs: number('refreshIntervalMs'),
    idleStopMs: number('idleStopMs'),
    stdioPool: typeof pool === 'boolean' ? pool : undefined,
    host: typeof host === 'string' ? host : undefined,
  };
}

function serviceFacts(record: BaselineRecord, folder: string): ServiceFacts {
  const value = (name: string): number | undefined => valueOf(record, name);
  const { seconds, takenAt } = record;
  const cpuShare = value('cpu.share');
  const overheadMs = value('calls.overheadMs');
  const callMeanMs = value('calls.meanMs');
  const isKnown = callMeanMs !== undefined && overheadMs !== undefined;
  return {
    ...UNMEASURED_SERVICE,
    source: `the baseline ${folder}, taken ${takenAt}`,
    seconds,
    uptimeSeconds: (Date.parse(takenAt) - Date.parse(record.service.startedAt)) / 1_000,
    callsPerSecond: value('calls.perSecond'),
    callMeanMs,
    upstreamMeanMs: isKnown ? callMeanMs - overheadMs : undefined,
    cpuShare,
    loopP99Ms: value('loop.p99Ms'),
    gcShare: product(value('gc.pauseShare'), cpuShare && 1 / cpuShare),
    minorCollections: product(value('gc.perMinute'), seconds / 60),
    rssBytes: value('gateway.rssBytes'),
    syncP95Ms: value('syncs.p95Ms'),
    ...settingsOf(record),
  };
}

/** What a kept baseline measured. It has no intervals: what only they show stays unknown. */
export function baselineFacts(record: BaselineRecord, folder: string): AdviseFacts {
  return {
    service: serviceFacts(record, folder),
    connectors: connectorIds(record).map((id) => connectorFacts(record, id)),
  };
}
