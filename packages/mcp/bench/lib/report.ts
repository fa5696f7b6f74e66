import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { versions } from 'node:process';

/** Where the middle of several readings lies, and half of them. */
export interface Spread {
  readonly median: number;
  /** The lower quartile. */
  readonly q1: number;
  /** The upper quartile. */
  readonly q3: number;
  readonly samples: number;
}

/** Several readings of one quantity. */
export interface Reading {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  readonly unit: string;
  /** Quartiles, where the readings are rounds: what a comparison of two records takes for noise. */
  readonly q1?: number;
  readonly q3?: number;
  /** The same in terms of something that was measured beside it, round by round: what holds on any machine. */
  readonly ratio?: Spread & { readonly to: string };
  /** Where the samples are no rounds: the share of the median that says nothing. */
  readonly noise?: number;
}

/** One number a bench has to reach. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface BenchTable {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What one bench found out. */
export interface BenchResult {
  /** Where and when; added by the runner. */
  readonly run?: Readonly<Record<string, unknown>>;
  /** How it was measured, in a sentence or two. */
  readonly method: string;
  readonly tables: readonly BenchTable[];
  readonly targets: readonly Target[];
  /** Every figure by name, for comparing runs. */
  readonly readings: Readonly<Record<string, Reading>>;
  /** What was left out and why, what else to know. */
  readonly notes?: readonly string[];
  /** How each candidate was started. */
  readonly commands?: Readonly<Record<string, string>>;
}

export interface BenchOptions {
  /** A minute at most, to show that it works; the figures say nothing. */
  readonly quick: boolean;
  /** Only rows whose name holds this text, in benches with many rows. */
  readonly only?: string | undefined;
  /** The `packages/mcp` of another checkout, which joins as candidate `base` where calls are compared. */
  readonly base?: string | undefined;
}

/** One file in `bench/`. */
export interface Bench {
  readonly name: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** @throws RangeError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)] ?? Number.NaN;
    const high = sorted[Math.ceil(place)] ?? Number.NaN;
    return low + (high - low) * (place - Math.floor(place));
  };
  if (sorted.length === 0) throw new RangeError('there is nothing to read');
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), samples: sorted.length };
}

/** @throws RangeError for no values. */
export function readingOf(values: readonly number[], unit: string): Reading {
  const { median, q1, q3, samples } = spreadOf(values);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return { median, min, max, samples, unit, ...(samples > 1 && { q1, q3 }) };
}

/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}

/** `312 (298–340)` */
export function shown({ median, min, max }: Reading, digits: number = 0): string {
  const text = (value: number): string => value.toFixed(digits);
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}

export function renderTable({ title, headings, rows }: BenchTable): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [`### ${title}`, '', line(headings), rule, ...rows.map((row) => line(row)), ''].join('\n');
}

export function renderResult(name: string, result: BenchResult): string {
  const targets: BenchTable = {
    title: 'targets',
    headings: ['what', 'wanted', 'measured', 'met'],
    rows: result.targets.map(({ what, wanted, measured, met }) => [
      what,
      wanted,
      measured,
      met ? 'yes' : 'NO',
    ]),
  };
  const tables = result.targets.length === 0 ? result.tables : [...result.tables, targets];
  const notes = (result.notes ?? []).map((note) => `- ${note}`);
  return [
    `## ${name}`,
    '',
    result.method,
    '',
    ...tables.map((one) => renderTable(one)),
    ...(notes.length === 0 ? [] : [...notes, '']),
  ].join('\n');
}

function git(...args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // Not a checkout: the record then has no commit.
    return undefined;
  }
}

/** Where and on what the figures were taken. */
export function describeRun(): Readonly<Record<string, unknown>> {
  const [cpu] = cpus();
  return {
    takenAt: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD')?.trim(),
    uncommittedChanges: git('status', '--porcelain', '--untracked-files=all', '.') !== '',
    machine: {
      cpu: cpu?.model,
      cores: cpus().length,
      memoryMb: Math.round(totalmem() / 1_048_576),
      system: `${process.platform} ${release()} ${process.arch}`,
    },
    versions: { node: versions.node, v8: versions.v8, uv: versions.uv },
  };
}
