/** How latency follows load: intervals with few calls against those with many. */
export interface LatencyRise {
  /** Mean latency of the busiest third by that of the quietest. */
  readonly ratio: number;
  readonly lowPerMinute: number;
  readonly highPerMinute: number;
}

/** What was measured of one connector; undefined is not measured, which is never taken for zero. */
export interface ConnectorFacts {
  readonly id: string;
  readonly transport: string | undefined;
  /** Servers behind it over HTTP, or processes. */
  readonly servers: number;
  readonly callsPerMinute: number | undefined;
  readonly calls: number | undefined;
  readonly meanMs: number | undefined;
  readonly p95Ms: number | undefined;
  readonly rise: LatencyRise | undefined;
  /** Calls that had to wait for a place, and those refused for want of one. */
  readonly waited: number | undefined;
  readonly refusedPlaces: number | undefined;
  readonly refusedBreaker: number | undefined;
  readonly breakerOpenings: number | undefined;
  readonly timeouts: number | undefined;
  readonly failures: number | undefined;
  readonly places: number | undefined;
  /** Since the service began. */
  readonly syncs: number | undefined;
  readonly unchangedSyncs: number | undefined;
  readonly callsSinceStart: number | undefined;
  readonly rssBytes: number | undefined;
}

/** What was measured of the service as a whole. */
export interface ServiceFacts {
  /** Where the figures come from, e.g. `watched for 30 s`. */
  readonly source: string;
  readonly seconds: number;
  readonly uptimeSeconds: number | undefined;
  readonly callsPerSecond: number | undefined;
  /** Mean of calls in the gateway and of their part at servers. */
  readonly callMeanMs: number | undefined;
  readonly upstreamMeanMs: number | undefined;
  /** Mean wait for a place, over all calls. */
  readonly waitMeanMs: number | undefined;
  readonly cpuShare: number | undefined;
  readonly loopP99Ms: number | undefined;
  /** Share of its run time in which the collector held it up, since it began, and how often. */
  readonly gcShare: number | undefined;
  readonly minorCollections: number | undefined;
  readonly semiSpaceMb: number | undefined;
  readonly rssBytes: number | undefined;
  readonly memoryLimitBytes: number | undefined;
  /** Lists since it began. */
  readonly lists: number | undefined;
  readonly staleLists: number | undefined;
  readonly syncP95Ms: number | undefined;
  readonly syncConcurrency: number | undefined;
  readonly refreshIntervalMs: number | undefined;
  readonly idleStopMs: number | undefined;
  readonly stdioPool: boolean | undefined;
  readonly host: string | undefined;
}

export interface AdviseFacts {
  readonly service: ServiceFacts;
  readonly connectors: readonly ConnectorFacts[];
}

export type Verdict = 'do' | 'do not' | 'not enough data';

/** What a rule says of what was measured. */
export interface Advice {
  /** `S1-51`, `ttl`, … */
  readonly rule: string;
  /** Undefined: the whole service. */
  readonly connector: string | undefined;
  readonly verdict: Verdict;
  readonly because: string;
  /** The values it was judged by. */
  readonly measured: Readonly<Record<string, number | string>>;
  /** The exact setting (`do`), or what has to be measured and how (`not enough data`); empty for `do not`. */
  readonly next: string;
}

/** Measured values as a rule shows them: rounded, without those that are not known. */
export function measured(
  values: Readonly<Record<string, number | string | undefined>>,
): Readonly<Record<string, number | string>> {
  const known = Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, typeof value === 'number' ? Number(value.toPrecision(4)) : value] as const];
  });
  return Object.fromEntries(known);
}
