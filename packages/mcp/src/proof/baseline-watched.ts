import type { BaselineMetric } from './baseline-record.ts';
import { type BaselineSample, medianOf, noiseOf } from './baseline-series.ts';
import { figure, type Unit } from './figure.ts';
import { between, type Buckets, histogramOf, type Where } from './exposition.ts';

/** Figures by name, as they are found. */
export type Metrics = Map<string, BaselineMetric>;
/** Two readings, the later one last. */
export type Pair = readonly [BaselineSample, BaselineSample];

/** From the first reading to the last, and its intervals, for what varies between them. */
export interface Watched {
  readonly samples: readonly BaselineSample[];
  readonly whole: Pair;
  readonly steps: readonly Pair[];
}

/** What was observed in a time, of the connectors with these labels. */
export function observed(
  [before, after]: Pair,
  name: string,
  where: Where = {},
): Buckets | undefined {
  const now = histogramOf(after.service.metrics, name, where);
  return now && between(histogramOf(before.service.metrics, name, where), now);
}

export function secondsOf([before, after]: Pair): number {
  return (after.service.atMs - before.service.atMs) / 1_000;
}

/** A number in another unit; what is not known stays so. */
export function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** A value over the whole time, with the noise of its intervals. */
export function addRate(
  metrics: Metrics,
  watched: Watched,
  name: string,
  { unit, of }: { readonly unit: Unit; readonly of: (pair: Pair) => number | undefined },
): void {
  const noise = noiseOf(watched.steps.map(of));
  const value = figure(of(watched.whole));
  metrics.set(name, { value, unit, ...(noise !== undefined && { noise }) });
}

/** A value at each moment: their median. */
export function addLevel(
  metrics: Metrics,
  { samples }: Watched,
  name: string,
  { unit, of }: { readonly unit: Unit; readonly of: (one: BaselineSample) => number | undefined },
): void {
  const series = samples.map(of);
  const noise = noiseOf(series);
  const value = figure(medianOf(series));
  metrics.set(name, { value, unit, ...(noise !== undefined && { noise }) });
}
