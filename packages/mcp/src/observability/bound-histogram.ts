import type { Metric, MetricValueWithName, Registry } from 'prom-client';

export interface BoundHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds in seconds, ascending; what is longer than the last is only in `+Inf`. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

type Value = MetricValueWithName<string>;

/** One series of a histogram: the durations of what has the same labels. */
export class HistogramSeries {
  readonly #shown: Set<HistogramSeries>;
  readonly #bounds: readonly number[];
  readonly #labels: () => Readonly<Record<string, string>>;
  /** None before the first duration: most series never have one. */
  #counts: number[] = [];
  #sum = 0;
  #count = 0;

  constructor(
    shown: Set<HistogramSeries>,
    bounds: readonly number[],
    labels: () => Readonly<Record<string, string>>,
  ) {
    this.#shown = shown;
    this.#bounds = bounds;
    this.#labels = labels;
  }

  /** Counts one duration, in seconds: a few additions, and no label is looked at. */
  observe(seconds: number): void {
    if (this.#count === 0) this.#begin();
    this.#count += 1;
    this.#sum += seconds;
    const bounds = this.#bounds;
    for (let at = 0; at < bounds.length; at += 1) {
      if (seconds > (bounds[at] ?? Infinity)) continue;
      this.#counts[at] = (this.#counts[at] ?? 0) + 1;
      return;
    }
  }

  #begin(): void {
    this.#counts = this.#bounds.map(() => 0);
    this.#shown.add(this);
  }

  /** Shows it no more; if it is observed again it begins anew. */
  remove(): void {
    this.#sum = 0;
    this.#count = 0;
    this.#shown.delete(this);
  }

  /** Adds what a scrape shows of it, as prom-client does. */
  write(name: string, values: Value[]): void {
    const labels = this.#labels();
    const metricName = `${name}_bucket`;
    let below = 0;
    for (const [at, le] of this.#bounds.entries()) {
      below += this.#counts[at] ?? 0;
      values.push({ metricName, labels: { le, ...labels }, value: below });
    }
    values.push(
      { metricName, labels: { le: '+Inf', ...labels }, value: this.#count },
      { metricName: `${name}_sum`, labels: { ...labels }, value: this.#sum },
      { metricName: `${name}_count`, labels: { ...labels }, value: this.#count },
    );
  }
}

/**
 * A histogram whose series are bound once and then cost a call no more than additions: prom-client's own checks and hashes
 * the labels at each observation. A scrape shows the same lines, of each series once it has been observed.
 */
export class BoundHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram' as const;
  readonly aggregator = 'sum' as const;
  readonly labelNames: readonly string[];
  readonly #bounds: readonly number[];
  readonly #shown = new Set<HistogramSeries>();

  constructor({ name, help, labelNames, buckets, registers }: BoundHistogramOptions) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#bounds = buckets;
    for (const registry of registers) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a registry asks of a metric is all here
      registry.registerMetric(this as unknown as Metric);
    }
  }

  /** The series with these labels, in the order of their names. To be bound once: two of the same would both be shown. */
  bind(...values: readonly string[]): HistogramSeries {
    // For a scrape: most series are never shown.
    const labels = (): Record<string, string> =>
      Object.fromEntries(this.labelNames.map((label, at) => [label, values[at] ?? '']));
    return new HistogramSeries(this.#shown, this.#bounds, labels);
  }

  /** For the registry. */
  async get(): Promise<object> {
    const values: Value[] = [];
    for (const series of this.#shown) series.write(this.name, values);
    const { name, help, type, aggregator } = this;
    return await Promise.resolve({ name, help, type, aggregator, values });
  }

  /** For the registry: as if nothing had been observed. */
  reset(): void {
    for (const series of this.#shown) series.remove();
  }
}
