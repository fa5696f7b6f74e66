import type { BaselineMetric, BaselineRecord, BudgetRow } from './baseline-record.ts';
import { type Figure, known, type Unit, writeChange, writeFigure } from './figure.ts';

/** What is good: less, more, or neither (then it is only shown). */
export type Direction = 'lower' | 'higher' | 'none';
export type Verdict = 'better' | 'worse' | 'same' | 'unknown' | 'shown';

/** One metric of two baselines. */
export interface DiffRow {
  readonly name: string;
  readonly unit: Unit;
  readonly before: Figure;
  readonly after: Figure;
  /** As a share of `before`; unknown from zero. */
  readonly change: Figure;
  readonly direction: Direction;
  /** What a change must exceed: the threshold and the noise of both. */
  readonly band: number;
  readonly verdict: Verdict;
}

/** A budget that is kept, broken or not measured. */
export interface BudgetVerdict extends BudgetRow {
  readonly verdict: 'pass' | 'fail' | 'unknown';
}

export interface BaselineDiff {
  readonly threshold: number;
  readonly rows: readonly DiffRow[];
  readonly budget: readonly BudgetVerdict[];
  /** Metrics that one of the two does not have. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
  /** Why the two may not be comparable. */
  readonly warnings: readonly string[];
  readonly failed: boolean;
}

/** More noise than this says that nothing can be said. */
const MAX_NOISE = 1;
/** Beyond it two runs are hardly comparable. */
const MAX_LOAD_DIFFERENCE = 0.2;
/** What one run differs from the next by anyhow. */
const FLOOR: Readonly<Record<Unit, number>> = {
  ms: 0.5,
  bytes: 1_048_576,
  bytesPerMinute: 1_048_576,
  perSecond: 0.1,
  perMinute: 1,
  ratio: 0.005,
  count: 0,
};

/** Pauses of a few milliseconds are what the event loop is allowed (contract: slices of 5 ms). */
function floorOf(name: string, unit: Unit): number {
  return /^(?:loop|gc)\..*Ms$/.test(name) ? 5 : FLOOR[unit];
}

// The first that fits decides. How much is called is up to clients, unless a probe calls as fast as it can.
const DIRECTIONS: readonly (readonly [pattern: RegExp, direction: Direction])[] = [
  [/^probe\.unpacedPerSecond$/, 'higher'],
  [/(?:^|\.)perSecond$/, 'none'],
  [/^cache\.hitRatio$/, 'higher'],
  [/(?:^machine\.|^gc\.perMinute|^cpu\.share|^loop\.maxMs|\.overheadMs)$/, 'none'],
  [/^heap\..*|^gateway\.rssBytes$|\.rssBytes$/, 'none'],
  [/(?:Ms|Bytes|\.bytes|\.growth|Ratio|Share|\.variation|\.failures|\.kills)$/, 'lower'],
];

export function directionOf(name: string): Direction {
  return DIRECTIONS.find(([pattern]) => pattern.test(name))?.[1] ?? 'none';
}

function bandOf(before: BaselineMetric, after: BaselineMetric, threshold: number): number {
  const noise = Math.hypot(before.noise ?? 0, after.noise ?? 0);
  return threshold + Math.min(MAX_NOISE, noise);
}

function judge(row: Omit<DiffRow, 'verdict'>): Verdict {
  const { name, before, after, change, direction, band, unit } = row;
  if (before === 'unknown' || after === 'unknown') return 'unknown';
  if (direction === 'none') return 'shown';
  const difference = after - before;
  const isSmall = change === 'unknown' ? false : Math.abs(change) <= band;
  if (isSmall || Math.abs(difference) <= floorOf(name, unit)) return 'same';
  return difference > 0 === (direction === 'lower') ? 'worse' : 'better';
}

function changeOf(before: Figure, after: Figure): Figure {
  if (before === 'unknown' || after === 'unknown' || before === 0) return 'unknown';
  return (after - before) / Math.abs(before);
}

/** Whether a row says nothing: not measured in either, or nothing in both. */
export function isEmpty({ before, after }: DiffRow): boolean {
  return before === after && (before === 'unknown' || before === 0);
}

function compare(
  name: string,
  before: BaselineMetric,
  after: BaselineMetric,
  threshold: number,
): DiffRow {
  const row = {
    name,
    unit: after.unit,
    before: before.value,
    after: after.value,
    change: changeOf(before.value, after.value),
    direction: directionOf(name),
    band: bandOf(before, after, threshold),
  };
  return { ...row, verdict: judge(row) };
}

/** Absolute limits, whatever they were before (S3-17). */
export function judgeBudget(rows: readonly BudgetRow[]): readonly BudgetVerdict[] {
  return rows.map((row) => {
    if (row.measuredMs === 'unknown') return { ...row, verdict: 'unknown' };
    return { ...row, verdict: row.measuredMs <= row.limitMs ? 'pass' : 'fail' };
  });
}

function warningsOf(before: BaselineRecord, after: BaselineRecord): readonly string[] {
  const warnings: string[] = [];
  for (const [word, record] of Object.entries({ first: before, second: after })) {
    if (record.restarted) {
      warnings.push(
        `the service was restarted while the ${word} was taken: its figures are of less time`,
      );
    }
  }
  if (JSON.stringify(before.probe) !== JSON.stringify(after.probe)) {
    warnings.push('the probes differ: figures of calls are of different calls');
  }
  const [quiet, busy] = [before, after].map(({ metrics }) =>
    known(metrics['machine.busyShare']?.value),
  );
  if (quiet !== undefined && busy !== undefined && Math.abs(busy - quiet) > MAX_LOAD_DIFFERENCE) {
    warnings.push(
      `the machine was ${writeFigure(quiet, 'ratio')} busy, then ${writeFigure(busy, 'ratio')}: differences may be others' doing`,
    );
  }
  if (before.service.node !== after.service.node) {
    warnings.push(`Node was ${before.service.node} and is ${after.service.node}`);
  }
  return warnings;
}

/**
 * Compares metric by metric. A change counts when it exceeds the threshold, the noise of both, and what one run
 * differs from the next by anyhow.
 * @param threshold as a share, e.g. 0.10.
 */
export function diffBaselines(
  before: BaselineRecord,
  after: BaselineRecord,
  threshold: number,
): BaselineDiff {
  const rows: DiffRow[] = [];
  const onlyAfter: string[] = [];
  for (const [name, metric] of Object.entries(after.metrics)) {
    const old = before.metrics[name];
    if (old === undefined) onlyAfter.push(name);
    else rows.push(compare(name, old, metric, threshold));
  }
  const budget = judgeBudget(after.budget);
  return {
    threshold,
    rows,
    budget,
    onlyBefore: Object.keys(before.metrics).filter((name) => after.metrics[name] === undefined),
    onlyAfter,
    warnings: warningsOf(before, after),
    failed:
      rows.some(({ verdict }) => verdict === 'worse') ||
      budget.some(({ verdict }) => verdict === 'fail'),
  };
}

/** The cells of a row, as a table shows them. */
export function diffCells(row: DiffRow): readonly string[] {
  return [
    row.name,
    writeFigure(row.before, row.unit),
    writeFigure(row.after, row.unit),
    writeChange(row.change),
    `±${(row.band * 100).toFixed(0)} %`,
    row.verdict,
  ];
}
