import { setTimeout as delay } from 'node:timers/promises';
import type { BaselineMetric } from './baseline-record.ts';
import { noiseOf } from './baseline-series.ts';
import { figure } from './figure.ts';

/** One call; false when it failed. Never rejects. */
export type ProbeCall = (signal: AbortSignal) => Promise<boolean>;

export interface ProbeOptions {
  readonly call: ProbeCall;
  /** Calls a second; undefined: as fast as eight at a time go. */
  readonly ratePerSecond: number | undefined;
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/** One call that has ended. */
interface ProbeResult {
  readonly startedAtMs: number;
  readonly tookMs: number;
  readonly isGood: boolean;
}

export interface ProbeReport {
  readonly results: readonly ProbeResult[];
  readonly durationMs: number;
  /** Calls that were due while too many were under way. */
  readonly skipped: number;
  readonly paced: boolean;
}

const UNPACED_IN_FLIGHT = 8;
const MAX_IN_FLIGHT = 256;
/** Latencies that are kept; calls beyond are not made. */
const MAX_RESULTS = 2_000_000;
const SLICES = 12;

/** Calls for a while. A call that is due is made whether the ones before have ended or not, as long as 256 are under way at most. */
export async function runProbe(options: ProbeOptions): Promise<ProbeReport> {
  const { call, ratePerSecond, durationMs, signal } = options;
  const results: ProbeResult[] = [];
  const startedAtMs = performance.now();
  const isOver = (): boolean =>
    signal.aborted ||
    results.length >= MAX_RESULTS ||
    performance.now() - startedAtMs >= durationMs;
  const once = async (): Promise<void> => {
    const beganAtMs = performance.now();
    const isGood = await call(signal);
    const endedAtMs = performance.now();
    results.push({ startedAtMs: beganAtMs - startedAtMs, tookMs: endedAtMs - beganAtMs, isGood });
  };
  let skipped = 0;
  if (ratePerSecond === undefined) {
    const line = async (): Promise<void> => {
      while (!isOver()) await once();
    };
    await Promise.all(Array.from({ length: UNPACED_IN_FLIGHT }, line));
  } else {
    const running = new Set<Promise<void>>();
    for (let due = 0; !isOver(); due += 1) {
      const endsAtMs = startedAtMs + durationMs;
      const dueAtMs = startedAtMs + (due * 1_000) / ratePerSecond;
      const waitMs = Math.min(endsAtMs, dueAtMs) - performance.now();
      // Aborted: seen below.
      if (waitMs > 1) await delay(waitMs, undefined, { signal }).catch(() => undefined);
      // A timer may fire a little early: then it is not over, and the call is not due either.
      if (isOver() || dueAtMs >= endsAtMs) break;
      if (running.size >= MAX_IN_FLIGHT) {
        skipped += 1;
        await Promise.race(running);
        continue;
      }
      const one: Promise<void> = once().finally(() => running.delete(one));
      running.add(one);
    }
    await Promise.all(running);
  }
  return {
    results,
    durationMs: performance.now() - startedAtMs,
    skipped,
    paced: ratePerSecond !== undefined,
  };
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function latencies(results: readonly ProbeResult[]): readonly number[] {
  return results.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
}

function mean(some: readonly number[]): number | undefined {
  return some.length === 0 ? undefined : some.reduce((sum, value) => sum + value, 0) / some.length;
}

/** What was measured, with the noise of twelve slices of the time. */
export function probeMetrics(report: ProbeReport): Record<string, BaselineMetric> {
  const { results, durationMs, paced } = report;
  const sliceMs = durationMs / SLICES;
  const slices = Map.groupBy(results, ({ startedAtMs }) => Math.floor(startedAtMs / sliceMs));
  const all = latencies(results);
  const metrics: Record<string, BaselineMetric> = {};
  const add = (
    name: string,
    unit: BaselineMetric['unit'],
    of: (some: readonly number[]) => number | undefined,
  ): void => {
    const noise = noiseOf([...slices.values()].map((slice) => of(latencies(slice))));
    metrics[name] = { value: figure(of(all)), unit, ...(noise !== undefined && { noise }) };
  };
  add('probe.meanMs', 'ms', mean);
  for (const [name, share] of Object.entries({ p50Ms: 0.5, p95Ms: 0.95, p99Ms: 0.99 })) {
    add(`probe.${name}`, 'ms', (some) => quantile(some, share));
  }
  const failed = results.filter(({ isGood }) => !isGood).length;
  metrics['probe.errorRatio'] = {
    value: figure(results.length === 0 ? undefined : failed / results.length),
    unit: 'ratio',
  };
  const counts = [...slices.values()].map(({ length }) => length);
  // The last slice is cut short by the end.
  const noise = noiseOf(counts.slice(0, -1));
  metrics[paced ? 'probe.perSecond' : 'probe.unpacedPerSecond'] = {
    value: figure((results.length - failed) / (durationMs / 1_000)),
    unit: 'perSecond',
    ...(noise !== undefined && { noise }),
  };
  metrics['probe.skipped'] = { value: report.skipped, unit: 'count' };
  return metrics;
}
