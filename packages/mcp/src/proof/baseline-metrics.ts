import { CommandError } from '../protocol/command-error.ts';
import { addCalls, addSyncs, p95Of } from './baseline-calls.ts';
import { addMemory, gauge } from './baseline-memory.ts';
import type { BaselineMetric } from './baseline-record.ts';
import {
  type BaselineSample,
  maxOf,
  medianOf,
  noiseOf,
  pairs,
  type Series,
} from './baseline-series.ts';
import {
  addLevel,
  addRate,
  type Metrics,
  observed,
  type Pair,
  secondsOf,
  times,
  type Watched,
} from './baseline-watched.ts';
import { figure } from './figure.ts';
import {
  type Buckets,
  increase,
  labelValues,
  type Scrape,
  sumOf,
  type Where,
} from './exposition.ts';

const PAUSES = 'mcp_gc_pause_seconds';
const LISTS = 'mcp_manifest_cache_requests_total';

function pauses(pair: Pair): Buckets | undefined {
  return observed(pair, PAUSES);
}

function addRuntime(metrics: Metrics, watched: Watched): void {
  addRate(metrics, watched, 'gc.pauseShare', {
    unit: 'ratio',
    of: (pair) => times(pauses(pair)?.sum, 1 / secondsOf(pair)),
  });
  addRate(metrics, watched, 'gc.perMinute', {
    unit: 'perMinute',
    of: (pair) => times(pauses(pair)?.count, 60 / secondsOf(pair)),
  });
  addRate(metrics, watched, 'gc.p95Ms', {
    unit: 'ms',
    of: (pair) => times(p95OfAny(pauses(pair)), 1_000),
  });
  addRate(metrics, watched, 'cpu.share', {
    unit: 'ratio',
    of: (pair) => perSecondOf(pair, 'process_cpu_seconds_total'),
  });
  addRate(metrics, watched, 'loop.stalledShare', { unit: 'ratio', of: stalledShare });
  // The first one tells of the time before.
  const later = watched.samples.slice(1);
  for (const stat of ['p50', 'p99', 'max'] as const) {
    const delays: Series = later.map((one) =>
      times(gauge('mcp_event_loop_delay_seconds', { stat })(one), 1_000),
    );
    const value = figure(stat === 'max' ? maxOf(delays) : medianOf(delays));
    const noise = stat === 'max' ? undefined : noiseOf(delays);
    metrics.set(`loop.${stat}Ms`, { value, unit: 'ms', ...(noise !== undefined && { noise }) });
  }
  addRate(metrics, watched, 'machine.busyShare', { unit: 'ratio', of: busyShare });
  addRate(metrics, watched, 'cache.hitRatio', { unit: 'ratio', of: hitRatio });
}

/** By how much a counter rises in a second. */
function perSecondOf([before, after]: Pair, name: string): number | undefined {
  const now = sumOf(after.service.metrics, name);
  const grown = now === undefined ? undefined : increase(sumOf(before.service.metrics, name), now);
  return times(grown, 1 / secondsOf([before, after]));
}

/** Time beyond 100 ms of turns, whoever was served meanwhile. */
function stalledShare(pair: Pair): number | undefined {
  return perSecondOf(pair, 'mcp_event_loop_stalled_seconds_total');
}

function p95OfAny(counts: Buckets | undefined): number | undefined {
  return counts && p95Of(counts);
}

/** How busy the whole machine was, with everything else on it. */
function busyShare([before, after]: Pair): number | undefined {
  const [old, now] = [before.memory.machine, after.memory.machine];
  if (old === undefined || now === undefined || now.allTicks === old.allTicks) return undefined;
  return (now.busyTicks - old.busyTicks) / (now.allTicks - old.allTicks);
}

function hitRatio([before, after]: Pair): number | undefined {
  const grown = (where: Where): number =>
    increase(
      sumOf(before.service.metrics, LISTS, where),
      sumOf(after.service.metrics, LISTS, where) ?? 0,
    );
  const all = grown({});
  return all === 0 ? undefined : grown({ result: 'hit' }) / all;
}

/** The connectors that a service told of, by id. */
export function connectorIds(metrics: Scrape): readonly string[] {
  return labelValues(metrics, 'mcp_connector_state', 'connector').toSorted();
}

/**
 * All figures of a time in which a service was read at least twice.
 * @throws CommandError with fewer than two readings.
 */
export function baselineMetrics(
  samples: readonly BaselineSample[],
): Record<string, BaselineMetric> {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || first === last) {
    throw new CommandError('BASELINE_TOO_SHORT', 'a baseline needs two readings');
  }
  const watched: Watched = { samples, whole: [first, last], steps: pairs(samples) };
  const metrics: Metrics = new Map();
  addCalls(metrics, watched, 'calls', {});
  addSyncs(metrics, watched, 'syncs', {});
  addRuntime(metrics, watched);
  addMemory(metrics, watched);
  for (const id of connectorIds(last.service.metrics)) {
    const where = { connector: id };
    addCalls(metrics, watched, `connector.${id}`, where);
    addSyncs(metrics, watched, `connector.${id}.sync`, where);
    for (const key of ['rssBytes', 'pssBytes'] as const) {
      const of = ({ memory }: BaselineSample): number | undefined =>
        memory.connectors.get(id)?.[key];
      if (samples.some(({ memory }) => memory.connectors.has(id))) {
        addLevel(metrics, watched, `connector.${id}.${key}`, { unit: 'bytes', of });
      }
    }
  }
  return Object.fromEntries(metrics);
}
