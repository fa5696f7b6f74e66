import {
  between,
  type Buckets,
  histogramOf,
  increase,
  quantileOf,
  samplesOf,
  sumOf,
  type Where,
} from './exposition.ts';
import { type Figure, figure } from './figure.ts';
import { isOther } from './monitor-frame.ts';
import type { ServiceReading } from './service-reading.ts';

/** An instance as two readings show it; `before` undefined: since it was started. */
export interface RolloutInstance {
  readonly name: string;
  /** Where it was read. */
  readonly url: string;
  /** Whether it refreshes in the background, which is what is rolled out. */
  readonly isOn: boolean;
  /** Of `MCP_ROLLOUT_PERCENT`. */
  readonly percent: number | undefined;
  readonly before: ServiceReading | undefined;
  readonly after: ServiceReading;
  /** Another process answered at the end than at the beginning. */
  readonly isRestarted: boolean;
}

/** Figures of the instances of one side, taken together. */
export interface CohortFigures {
  readonly instances: readonly string[];
  /** Those of them that were restarted while they were watched. */
  readonly restarted: readonly string[];
  readonly calls: number;
  readonly syncs: number;
  readonly errorRatio: Figure;
  readonly p95Ms: Figure;
  readonly syncFailureRatio: Figure;
  readonly syncP95Ms: Figure;
  readonly hitRatio: Figure;
  /** Of the instance that holds most. */
  readonly rssBytes: Figure;
  /** Of the instance nearest to its limit. */
  readonly memoryShare: Figure;
  /** Connectors that are not served, by the worst instance. */
  readonly connectorsDown: Figure;
}

const CALLS = 'mcp_tool_call_duration_seconds';
const SYNCS = 'mcp_connector_sync_duration_seconds';
const LISTS = 'mcp_manifest_cache_requests_total';

/** Reads what an instance is from what it says of its settings. */
export function rolloutInstance(
  url: string,
  before: ServiceReading | undefined,
  after: ServiceReading,
): RolloutInstance {
  const id = after.setting('MCP_INSTANCE_ID');
  const percent = after.setting('MCP_ROLLOUT_PERCENT');
  const isRestarted = before !== undefined && isOther(before, after);
  return {
    name: typeof id === 'string' && id !== '' ? id : url,
    url,
    isOn: after.setting('MCP_CONNECTOR_REFRESH_SYNC') !== true,
    percent: typeof percent === 'number' ? percent : undefined,
    // A restart begins anew: then all there is counts.
    before: isRestarted ? undefined : before,
    after,
    isRestarted,
  };
}

function histogram(instances: readonly RolloutInstance[], name: string): Buckets | undefined {
  let sum: Buckets | undefined;
  for (const { before, after } of instances) {
    const now = histogramOf(after.metrics, name);
    if (now === undefined) continue;
    const grown = between(before && histogramOf(before.metrics, name), now);
    sum = sum === undefined ? grown : added(sum, grown);
  }
  return sum;
}

/** Instances of one version have the same bounds; of another, only the common ones are told apart. */
function added(a: Buckets, b: Buckets): Buckets {
  const others = new Map(b.bounds.map((bound, index) => [bound, b.counts[index] ?? 0]));
  const shared = a.bounds.filter((bound) => others.has(bound));
  const own = new Map(a.bounds.map((bound, index) => [bound, a.counts[index] ?? 0]));
  return {
    bounds: shared,
    counts: shared.map((bound) => (own.get(bound) ?? 0) + (others.get(bound) ?? 0)),
    count: a.count + b.count,
    sum: a.sum + b.sum,
  };
}

function counted(instances: readonly RolloutInstance[], name: string, where: Where = {}): number {
  return instances.reduce((total, { before, after }) => {
    const now = sumOf(after.metrics, name, where);
    if (now === undefined) return total;
    return total + increase(before && sumOf(before.metrics, name, where), now);
  }, 0);
}

function share(part: number, all: number): Figure {
  return figure(all === 0 ? undefined : part / all);
}

function worst(
  instances: readonly RolloutInstance[],
  of: (reading: ServiceReading) => number | undefined,
): Figure {
  const values = instances.map(({ after }) => of(after)).filter((value) => value !== undefined);
  return figure(values.length === 0 ? undefined : Math.max(...values));
}

/** Of all processes of its group: the kernel ends one of them when they reach the limit together. */
function memoryShare({ metrics }: ServiceReading): number | undefined {
  const held = sumOf(metrics, 'mcp_memory_used_bytes');
  const limit = sumOf(metrics, 'mcp_memory_limit_bytes');
  return held === undefined || limit === undefined ? undefined : held / limit;
}

function down({ metrics }: ServiceReading): number | undefined {
  const up = samplesOf(metrics, 'brainwav_mcp_connector_proxy_up');
  const disabled = sumOf(metrics, 'mcp_connector_state', { state: 'disabled' }) ?? 0;
  const notUp = up.filter(({ value }) => value === 0).length;
  return up.length === 0 ? undefined : Math.max(0, notUp - disabled);
}

function inMs(seconds: number | undefined): Figure {
  return figure(seconds === undefined ? undefined : seconds * 1_000);
}

/** What the instances of one side did; undefined without any. */
export function cohortFigures(instances: readonly RolloutInstance[]): CohortFigures | undefined {
  if (instances.length === 0) return undefined;
  const seconds = histogram(instances, CALLS);
  const syncs = histogram(instances, SYNCS);
  const calls = counted(instances, `${CALLS}_count`);
  const good = ['ok', 'cancelled'].reduce(
    (sum, outcome) => sum + counted(instances, `${CALLS}_count`, { outcome }),
    0,
  );
  const syncCount = counted(instances, `${SYNCS}_count`);
  const lists = counted(instances, LISTS);
  return {
    instances: instances.map(({ name }) => name),
    restarted: instances.filter(({ isRestarted }) => isRestarted).map(({ name }) => name),
    calls,
    syncs: syncCount,
    errorRatio: share(calls - good, calls),
    p95Ms: inMs(seconds && quantileOf(seconds, 0.95)),
    syncFailureRatio: share(counted(instances, `${SYNCS}_count`, { outcome: 'failed' }), syncCount),
    syncP95Ms: inMs(syncs && quantileOf(syncs, 0.95)),
    hitRatio: share(counted(instances, LISTS, { result: 'hit' }), lists),
    rssBytes: worst(instances, ({ metrics }) => sumOf(metrics, 'process_resident_memory_bytes')),
    memoryShare: worst(instances, memoryShare),
    connectorsDown: worst(instances, down),
  };
}
