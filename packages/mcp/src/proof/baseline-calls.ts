import { variationOf } from './baseline-series.ts';
import {
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
  meanOf,
  quantileOf,
  samplesOf,
  sumOf,
  type Where,
} from './exposition.ts';

const CALLS = 'mcp_tool_call_duration_seconds';
const UPSTREAM = 'mcp_tool_call_upstream_duration_seconds';
const SYNCS = 'mcp_connector_sync_duration_seconds';
const MAX_UNANSWERED = 0.01;
/** Ends that are nobody's fault. */
const GOOD_ENDS: ReadonlySet<string> = new Set(['ok', 'cancelled']);

function failedShare(pair: Pair, where: Where): number | undefined {
  const [before, after] = pair;
  let all = 0;
  let failed = 0;
  for (const { labels, value } of samplesOf(after.service.metrics, `${CALLS}_count`, where)) {
    const grown = increase(sumOf(before.service.metrics, `${CALLS}_count`, labels), value);
    all += grown;
    if (!GOOD_ENDS.has(labels['outcome'] ?? '')) failed += grown;
  }
  return all === 0 ? undefined : failed / all;
}

/** Rates, latency and errors of calls: of a connector, or with no label of all. */
export function addCalls(metrics: Metrics, watched: Watched, prefix: string, where: Where): void {
  const calls = (pair: Pair): Buckets | undefined => observed(pair, CALLS, where);
  const latency =
    (read: (counts: Buckets) => number | undefined) =>
    (pair: Pair): number | undefined => {
      const counts = calls(pair);
      return counts && times(read(counts), 1_000);
    };
  const rate = (pair: Pair): number | undefined => {
    const counts = calls(pair);
    return counts && counts.count / secondsOf(pair);
  };
  addRate(metrics, watched, `${prefix}.perSecond`, { unit: 'perSecond', of: rate });
  addRate(metrics, watched, `${prefix}.meanMs`, { unit: 'ms', of: latency(meanOf) });
  for (const [name, share] of [
    ['p50Ms', 0.5],
    ['p95Ms', 0.95],
    ['p99Ms', 0.99],
  ] as const) {
    const of = latency((counts) => quantileOf(counts, share));
    addRate(metrics, watched, `${prefix}.${name}`, { unit: 'ms', of });
  }
  metrics.set(`${prefix}.variation`, {
    value: figure(variationOf(watched.steps.map(latency(meanOf)))),
    unit: 'ratio',
  });
  const of = (pair: Pair): number | undefined => failedShare(pair, where);
  addRate(metrics, watched, `${prefix}.errorRatio`, { unit: 'ratio', of });
  addRate(metrics, watched, `${prefix}.overheadMs`, {
    unit: 'ms',
    of: (pair) => times(overhead(pair, where), 1_000),
  });
}

/** Time of calls that was not their server's: only of calls that reached one, which the errors of the gateway did not. */
function overhead(pair: Pair, where: Where): number | undefined {
  const all = observed(pair, CALLS, where);
  const upstream = observed(pair, UPSTREAM, where);
  if (all === undefined || upstream === undefined) return undefined;
  // Some are on their way in between; of many that reached no server the means are of different calls.
  if (Math.abs(all.count - upstream.count) > all.count * MAX_UNANSWERED) return undefined;
  const [whole, server] = [meanOf(all), meanOf(upstream)];
  return whole === undefined || server === undefined ? undefined : Math.max(0, whole - server);
}

/** How long syncs took, and how many failed. */
export function addSyncs(metrics: Metrics, watched: Watched, prefix: string, where: Where): void {
  const syncs = (pair: Pair, more: Where = {}): Buckets | undefined =>
    observed(pair, SYNCS, { ...where, ...more });
  addRate(metrics, watched, `${prefix}.meanMs`, {
    unit: 'ms',
    of: (pair) => times(ofAny(syncs(pair), meanOf), 1_000),
  });
  addRate(metrics, watched, `${prefix}.p95Ms`, {
    unit: 'ms',
    of: (pair) => times(ofAny(syncs(pair), p95Of), 1_000),
  });
  metrics.set(`${prefix}.failures`, {
    value: figure(syncs(watched.whole, { outcome: 'failed' })?.count),
    unit: 'count',
  });
}

/** Of nothing at all, nothing. */
function ofAny(
  counts: Buckets | undefined,
  read: (counts: Buckets) => number | undefined,
): number | undefined {
  return counts && read(counts);
}

export function p95Of(counts: Buckets): number | undefined {
  return quantileOf(counts, 0.95);
}
