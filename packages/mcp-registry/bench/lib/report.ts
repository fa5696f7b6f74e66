import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import process from 'node:process';
import type { Figures } from './figures.ts';

/** One number a bench has to reach. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Lines of figures under one title. */
export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly [what: string, figures: Figures])[];
}

/** What one bench found out. */
export interface BenchResult {
  /** How it was measured, in a sentence or two. */
  readonly method: string;
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
}

/** A limit on one figure, as a target. */
export function below(what: string, value: number, limit: number, unit: string): Target {
  return {
    what,
    wanted: `< ${limit} ${unit}`,
    measured: `${Number(value.toFixed(3))} ${unit}`,
    met: value < limit,
  };
}

function tableText({ title, rows }: Table): string {
  const width = Math.max(title.length, ...rows.map(([what]) => what.length)) + 2;
  const heading = ['n', 'p50', 'p95', 'p99', 'max'].map((one) => one.padStart(10)).join('');
  const lines = rows.map(([what, { n, p50, p95, p99, max }]) => {
    const cells = [p50, p95, p99, max].map((value) => value.toFixed(2).padStart(10)).join('');
    return `  ${what.padEnd(width)}${String(n).padStart(10)}${cells}`;
  });
  return [`${title.padEnd(width + 2)}${heading}`, ...lines, ''].join('\n');
}

/** The result as text for a terminal. */
export function resultText(name: string, { method, tables, targets }: BenchResult): string {
  const goals = targets.map(
    ({ what, wanted, measured, met }) =>
      `  ${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (${wanted})`,
  );
  return [`## ${name}`, method, '', ...tables.map(tableText), ...goals, ''].join('\n');
}

/** As a comparison of records allows at most. */
const maxNoise = 0.25;

const columns = ['n', 'p50', 'p95', 'p99', 'max'] as const;

/** The result as a record holds it: texts for tables, and every figure by name for comparing runs. */
export function recordedResult({ method, tables, targets }: BenchResult) {
  const readings = tables.flatMap(({ title, rows }) => {
    const unit = title.slice(title.lastIndexOf(' ') + 1);
    return rows.flatMap(([what, { n, p50, p95, p99, max }]) => {
      // Many short measurements of few rounds: its spread is what lies between a figure and the next slower one.
      const of = (value: number, next: number) => ({
        median: value,
        min: value,
        max: next,
        samples: n,
        unit,
        noise: value > 0 ? Math.min(maxNoise, (next - value) / 2 / value) : 0,
      });
      return [
        [`${title}: ${what}.p50Ms`, of(p50, p95)],
        [`${title}: ${what}.p95Ms`, of(p95, p99)],
        [`${title}: ${what}.maxMs`, of(max, max)],
      ] as const;
    });
  });
  return {
    run: describeRun(),
    method,
    tables: tables.map(({ title, rows }) => ({
      title,
      headings: ['what', ...columns],
      rows: rows.map(([what, of]) => [what, ...columns.map((key) => of[key].toFixed(2))]),
    })),
    targets,
    readings: Object.fromEntries(readings),
  };
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
    versions: {
      node: process.versions.node,
      v8: process.versions.v8,
      uv: process.versions.uv,
    },
  };
}
