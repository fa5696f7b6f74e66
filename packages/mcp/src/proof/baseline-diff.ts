import type { BaselineMetric, BaselineRecord, BudgetRow } from './baseline-record.ts';
import { type Figure, known, type Unit, writeChange, writeFigure } from './figure.ts';

/** What is good: less, more, or neither (then it is only shown). */
export type Direction = 'lower' | 'higher' | 'none';
/** `gone`: it was measured before and is not any more, which may hide anything. */
export type Verdict = 'better' | 'worse' | 'same' | 'unknown' | 'shown' | 'gone';

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

/** Figures that vary more are judged as if they did not: a measurement that says nothing must not pass. */
const MAX_NOISE = 0.25;
/** Beyond it two runs are hardly comparable. */
const MAX_LOAD_DIFFERENCE = 0.2;
/** What cannot be told apart from nothing: the resolution of what is measured. */
const FLOOR: Readonly<Record<Unit, number>> = {
  ms: 0.05,
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
  [/(?:^machine\.|^gc\.perMinute|^cpu\.share|^loop\.maxMs)$/, 'none'],
  [/^heap\./, 'none'],
  [/(?:Ms|Bytes|\.bytes|\.growth|Ratio|Share|\.variation|\.failures|\.kills)$/, 'lower'],
];

export function directionOf(name: string): Direction {
  return DIRECTIONS.find(([pattern]) => pattern.test(name))?.[1] ?? 'none';
}

/** Two records, as figures are looked up in them. */
interface Both {
  readonly before: BaselineRecord;
  readonly after: BaselineRecord;
  readonly threshold: number;
}

function isKnown({ metrics }: BaselineRecord, name: string): boolean {
  return known(metrics[name]?.value ?? 'unknown') !== undefined;
}

/** Resident memory counts what processes share once for each: it is judged only where the exact figure is not known. */
function directionIn({ before, after }: Both, name: string): Direction {
  const exact = name.replace(/rssBytes$/, 'pssBytes');
  const isStandIn = exact !== name && isKnown(before, exact) && isKnown(after, exact);
  return isStandIn ? 'none' : directionOf(name);
}

/** Nothing of these happens in some runs, by chance or by what clients do. */
const BY_CHANCE = /(?:^|\.)syncs?\.|^gc\.|^cache\./;

/** Whether a figure may be missing without anything being wrong: its connector is gone, or nobody called it. */
function mayBeGone({ after }: Both, name: string): boolean {
  if (BY_CHANCE.test(name)) return true;
  const [, id, key = ''] = /^connector\.([^.]+)\.(.+)$/.exec(name) ?? [];
  if (id === undefined) return false;
  if (!Object.keys(after.metrics).some((other) => other.startsWith(`connector.${id}.`)))
    return true;
  return !/(?:rss|pss)Bytes$/.test(key) && after.metrics[`connector.${id}.perSecond`]?.value === 0;
}

function bandOf(before: BaselineMetric, after: BaselineMetric, threshold: number): number {
  const noise = Math.hypot(before.noise ?? 0, after.noise ?? 0);
  return threshold + Math.min(MAX_NOISE, noise);
}

function judge(both: Both, row: Omit<DiffRow, 'verdict'>): Verdict {
  const { name, before, after, change, direction, band, unit } = row;
  if (before === 'unknown' || after === 'unknown') {
    const isLost = before !== 'unknown' && direction !== 'none' && !mayBeGone(both, name);
    return isLost ? 'gone' : 'unknown';
  }
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

function compare(both: Both, name: string, before: BaselineMetric): DiffRow {
  const after = both.after.metrics[name] ?? { value: 'unknown', unit: before.unit };
  const row = {
    name,
    unit: after.unit,
    before: before.value,
    after: after.value,
    change: changeOf(before.value, after.value),
    direction: directionIn(both, name),
    band: bandOf(before, after, both.threshold),
  };
  return { ...row, verdict: judge(both, row) };
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
 * Compares metric by metric. A change counts when it exceeds the threshold, the noise of both (at most 25 %), and what
 * can be measured at all. A judged figure that is no longer measured fails too: what cannot be compared is not passed
 * (S3-16, S1-37).
 * @param threshold as a share, e.g. 0.10.
 */
export function diffBaselines(
  before: BaselineRecord,
  after: BaselineRecord,
  threshold: number,
): BaselineDiff {
  const both = { before, after, threshold };
  const rows = Object.entries(before.metrics).map(([name, metric]) => compare(both, name, metric));
  const budget = judgeBudget(after.budget);
  return {
    threshold,
    rows,
    budget,
    onlyBefore: Object.keys(before.metrics).filter((name) => after.metrics[name] === undefined),
    onlyAfter: Object.keys(after.metrics).filter((name) => before.metrics[name] === undefined),
    warnings: warningsOf(before, after),
    failed:
      rows.some(({ verdict }) => verdict === 'worse' || verdict === 'gone') ||
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
