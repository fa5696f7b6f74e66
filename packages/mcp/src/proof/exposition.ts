/** One sample of the Prometheus text format. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Labels that a sample must have; it may have others too. */
export type Where = Readonly<Record<string, string>>;

/** What `/metrics` said at one moment. */
export interface Scrape {
  /** When it was asked for; which clock is its reader's business. */
  readonly atMs: number;
  /** Samples that are numbers, by the name of their series. */
  readonly series: ReadonlyMap<string, readonly Sample[]>;
}

/** A histogram: how many observations were at most so large, the last bound being `Infinity`. */
export interface Buckets {
  readonly bounds: readonly number[];
  /** Cumulative, one for each bound. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

const LINE = /^(?<name>[A-Za-z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)(?: -?\d+)?$/;
const LABEL = /(?<key>\w+)="(?<text>(?:[^"\\]|\\.)*)"/g;

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { groups } of text.matchAll(LABEL)) {
    labels[groups?.['key'] ?? ''] = unescaped(groups?.['text'] ?? '');
  }
  return labels;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

/** Reads a scrape. Lines that are no samples, and samples that are no numbers, are left out. */
export function parseExposition(text: string, atMs: number): Scrape {
  const series = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const { name, labels = '', value = '' } = LINE.exec(line)?.groups ?? {};
    const number = numberOf(value);
    if (name === undefined || Number.isNaN(number)) continue;
    const samples = series.get(name) ?? [];
    samples.push({ labels: labelsOf(labels), value: number });
    series.set(name, samples);
  }
  return { atMs, series };
}

/** Samples of a series by their label `connector`, once somebody has asked for one of them. */
const byConnector = new WeakMap<readonly Sample[], ReadonlyMap<string, readonly Sample[]>>();

function ofConnector(samples: readonly Sample[], id: string): readonly Sample[] {
  let found = byConnector.get(samples);
  if (found === undefined) {
    found = Map.groupBy(samples, ({ labels }) => labels['connector'] ?? '');
    byConnector.set(samples, found);
  }
  return found.get(id) ?? [];
}

/** The samples of a series that have these labels. */
export function samplesOf(scrape: Scrape, name: string, where: Where = {}): readonly Sample[] {
  const wanted = Object.entries(where);
  const every = scrape.series.get(name) ?? [];
  const connector = where['connector'];
  // Figures of a thousand connectors are asked for one connector after the other.
  const all = connector === undefined ? every : ofConnector(every, connector);
  if (wanted.length === 0) return all;
  return all.filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
}

/** Their sum; undefined when there is none. */
export function sumOf(scrape: Scrape, name: string, where: Where = {}): number | undefined {
  const samples = samplesOf(scrape, name, where);
  if (samples.length === 0) return undefined;
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** The values a label has in a series. */
export function labelValues(scrape: Scrape, name: string, label: string): readonly string[] {
  const values = samplesOf(scrape, name).map(({ labels }) => labels[label]);
  return [...new Set(values.filter((value) => value !== undefined))].toSorted();
}

/** Histograms of one name with these labels, added up; undefined when there is none. */
export function histogramOf(scrape: Scrape, name: string, where: Where = {}): Buckets | undefined {
  const samples = samplesOf(scrape, `${name}_bucket`, where);
  if (samples.length === 0) return undefined;
  const byBound = new Map<number, number>();
  for (const { labels, value } of samples) {
    const bound = numberOf(labels['le'] ?? '+Inf');
    byBound.set(bound, (byBound.get(bound) ?? 0) + value);
  }
  const bounds = [...byBound.keys()].toSorted((a, b) => a - b);
  return {
    bounds,
    counts: bounds.map((bound) => byBound.get(bound) ?? 0),
    count: sumOf(scrape, `${name}_count`, where) ?? 0,
    sum: sumOf(scrape, `${name}_sum`, where) ?? 0,
  };
}

/** How much a counter went up; one that is lower than before began anew, at a restart. */
export function increase(before: number | undefined, after: number): number {
  return before === undefined || after < before ? after : after - before;
}

/** What was observed between two scrapes; all of `after` when the histogram began anew. */
export function between(before: Buckets | undefined, after: Buckets): Buckets {
  if (before === undefined || after.count < before.count) return after;
  const old = new Map(before.bounds.map((bound, index) => [bound, before.counts[index] ?? 0]));
  return {
    bounds: after.bounds,
    counts: after.counts.map((count, index) => count - (old.get(after.bounds[index] ?? 0) ?? 0)),
    count: after.count - before.count,
    sum: after.sum - before.sum,
  };
}

/** Mean of what was observed; undefined when nothing was. */
export function meanOf({ count, sum }: Buckets): number | undefined {
  return count > 0 ? sum / count : undefined;
}

/**
 * The quantile as Prometheus estimates it: evenly spread within a bucket, at most the highest finite bound. Undefined
 * when nothing was observed.
 */
export function quantileOf(
  { bounds, counts, count }: Buckets,
  quantile: number,
): number | undefined {
  if (count <= 0) return undefined;
  const rank = quantile * count;
  const index = counts.findIndex((value) => value >= rank);
  const upper = bounds[index] ?? Infinity;
  const lower = index > 0 ? (bounds[index - 1] ?? 0) : 0;
  if (upper === Infinity) return lower;
  const below = index > 0 ? (counts[index - 1] ?? 0) : 0;
  const inside = (counts[index] ?? 0) - below;
  return inside <= 0 ? upper : lower + (upper - lower) * ((rank - below) / inside);
}
