import type { ServiceReading } from './service-reading.ts';

/** What a reading of the service came with from the system. Undefined: not to be read. */
export interface MemoryReading {
  readonly gatewayRssBytes: number | undefined;
  readonly gatewayPssBytes: number | undefined;
  /** By connector, of its process groups. */
  readonly connectors: ReadonlyMap<
    string,
    { readonly rssBytes: number | undefined; readonly pssBytes: number | undefined }
  >;
  /** Of its control group, else of the machine. */
  readonly oomKills: number | undefined;
  /** Time of all processors since the machine was started, in ticks. */
  readonly machine: { readonly busyTicks: number; readonly allTicks: number } | undefined;
}

/** The service and its processes at one moment. */
export interface BaselineSample {
  readonly service: ServiceReading;
  readonly memory: MemoryReading;
}

/** A number for each interval, or for each moment, as far as they are known. */
export type Series = readonly (number | undefined)[];

function knownOf(series: Series): readonly number[] {
  return series.filter((value) => value !== undefined);
}

/** Twice the standard error of the mean, as a share of the mean; undefined below three values. */
export function noiseOf(series: Series): number | undefined {
  const values = knownOf(series);
  if (values.length < 3) return undefined;
  const { mean, deviation } = spreadOf(values);
  return mean === 0 ? undefined : Math.abs((2 * deviation) / Math.sqrt(values.length) / mean);
}

function spreadOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/** Standard deviation as a share of the mean: how steady something is (S1-34). Undefined below three values. */
export function variationOf(series: Series): number | undefined {
  const values = knownOf(series);
  if (values.length < 3) return undefined;
  const { mean, deviation } = spreadOf(values);
  return mean === 0 ? undefined : deviation / mean;
}

export function medianOf(series: Series): number | undefined {
  const values = knownOf(series).toSorted((a, b) => a - b);
  const middle = Math.floor(values.length / 2);
  const high = values[middle];
  if (high === undefined || values.length % 2 === 1) return high;
  return (high + (values[middle - 1] ?? high)) / 2;
}

/** What allocation does within seconds says nothing of a minute. */
const MIN_SLOPE_MIN = 0.49;

export function maxOf(series: Series): number | undefined {
  const values = knownOf(series);
  return values.length === 0 ? undefined : Math.max(...values);
}

/** Growth per minute by the line of least squares through the points; undefined below half a minute of them (S3-12). */
export function slopePerMinute(series: Series, atMs: readonly number[]): number | undefined {
  const points = series.flatMap((value, index) => {
    const at = atMs[index];
    return value === undefined || at === undefined ? [] : [[at / 60_000, value] as const];
  });
  const lengthMin = (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0);
  if (points.length < 3 || lengthMin < MIN_SLOPE_MIN) return undefined;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (across === 0) return undefined;
  return points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / across;
}

/** Each two readings that follow one another. */
export function pairs<T>(values: readonly T[]): readonly (readonly [T, T])[] {
  return values.slice(1).flatMap((after, index) => {
    const before = values[index];
    return before === undefined ? [] : [[before, after] as const];
  });
}
