import type { BaselineRecord } from './baseline-record.ts';
import { type Figure, type Unit, writeFigure } from './figure.ts';
import type { CohortFigures } from './rollout-reading.ts';

/** What is to be done now. */
export type RolloutDecision = 'advance' | 'hold' | 'roll-back';

/** How one figure of the cohort does. */
export interface GateCheck {
  readonly figure: string;
  readonly unit: Unit;
  /** Of the instances with the change, and of what they are compared with. */
  readonly on: Figure;
  readonly off: Figure;
  readonly verdict: 'good' | 'hold' | 'bad' | 'unknown';
  readonly reason: string;
}

export interface GateInput {
  readonly on: CohortFigures | undefined;
  /** The instances without it, else a baseline. */
  readonly off: Partial<CohortFigures> | undefined;
  /** How many calls and syncs the cohort must have seen. */
  readonly minCalls: number;
}

export interface GateVerdict {
  readonly decision: RolloutDecision;
  readonly checks: readonly GateCheck[];
  readonly reasons: readonly string[];
}

interface Rule {
  readonly key: keyof CohortFigures;
  readonly figure: string;
  readonly unit: Unit;
  /** R11: beyond it the change goes back, unless the others are beyond it too. */
  readonly limit: number;
  /** Below the limit is bad, not above. */
  readonly isFloor?: boolean;
  /** Worse than the others by more than this share, and by more than the floor: wait. */
  readonly moreThan: number;
  readonly floor: number;
  /** What it is a share of: a few of them are no reason to roll back. */
  readonly of?: 'calls' | 'syncs';
  /** Without it nothing is decided. */
  readonly isNeeded?: boolean;
}

/** Fewer that fail may be one server that was restarted. */
const MIN_SYNCS = 20;

const RULES: readonly Rule[] = [
  {
    key: 'errorRatio',
    of: 'calls',
    figure: 'calls that fail',
    unit: 'ratio',
    limit: 0.05,
    moreThan: 0.1,
    floor: 0.005,
    isNeeded: true,
  },
  {
    key: 'p95Ms',
    of: 'calls',
    figure: 'p95 of calls',
    unit: 'ms',
    limit: 250,
    moreThan: 0.1,
    floor: 5,
    isNeeded: true,
  },
  {
    key: 'syncFailureRatio',
    of: 'syncs',
    figure: 'syncs that fail',
    unit: 'ratio',
    limit: 0.05,
    moreThan: 0.1,
    floor: 0.01,
    isNeeded: true,
  },
  {
    key: 'memoryShare',
    figure: 'memory of its limit',
    unit: 'ratio',
    limit: 0.9,
    moreThan: 0.1,
    floor: 0.05,
  },
  {
    key: 'rssBytes',
    figure: 'resident memory',
    unit: 'bytes',
    limit: Infinity,
    moreThan: 0.2,
    floor: 33_554_432,
  },
  {
    key: 'hitRatio',
    figure: 'lists from memory',
    unit: 'ratio',
    limit: 0.7,
    isFloor: true,
    moreThan: 0.1,
    floor: 0.05,
  },
  {
    key: 'connectorsDown',
    figure: 'connectors down',
    unit: 'count',
    limit: Infinity,
    moreThan: 0,
    floor: 0,
  },
];

function numberOf(figures: Partial<CohortFigures> | undefined, key: Rule['key']): Figure {
  const value = figures?.[key];
  return typeof value === 'number' ? value : 'unknown';
}

function judge(rule: Rule, on: number, off: Figure): Pick<GateCheck, 'verdict' | 'reason'> {
  const { unit, limit, isFloor = false, moreThan, floor } = rule;
  const sign = isFloor ? -1 : 1;
  const isBeyond = (value: number): boolean => (value - limit) * sign > 0;
  const at = `${writeFigure(on, unit)}, limit ${writeFigure(limit, unit)}`;
  if (isBeyond(on)) {
    if (off !== 'unknown' && isBeyond(off)) {
      return {
        verdict: 'hold',
        reason: `${at}, but the others are beyond it too: ${writeFigure(off, unit)}`,
      };
    }
    return { verdict: 'bad', reason: at };
  }
  if (off === 'unknown')
    return { verdict: 'good', reason: 'within the limit; nothing to compare with' };
  const worseBy = (on - off) * sign;
  if (worseBy > floor && worseBy > Math.abs(off) * moreThan) {
    return { verdict: 'hold', reason: `worse than the others: ${writeFigure(off, unit)}` };
  }
  return { verdict: 'good', reason: `no worse than the others: ${writeFigure(off, unit)}` };
}

/** Whether there is so little of it that a bad figure may be chance. */
function isFew({ of }: Rule, { on, minCalls }: GateInput): boolean {
  if (of === undefined || on === undefined) return false;
  return on[of] < (of === 'calls' ? minCalls : MIN_SYNCS);
}

function check(rule: Rule, input: GateInput): GateCheck {
  const { on, off } = input;
  const [mine, others] = [numberOf(on, rule.key), numberOf(off, rule.key)];
  const { figure, unit } = rule;
  const base = { figure, unit, on: mine, off: others };
  if (mine === 'unknown') return { ...base, verdict: 'unknown', reason: 'not measured' };
  const judged = judge(rule, mine, others);
  if (judged.verdict === 'bad' && isFew(rule, input)) {
    return { ...base, verdict: 'hold', reason: `${judged.reason}, of too few ${rule.of ?? ''}` };
  }
  return { ...base, ...judged };
}

function enough(input: GateInput): readonly string[] {
  const { on, minCalls } = input;
  if (on === undefined) return ['no instance has the change on: nothing can be said of it'];
  const reasons: string[] = [];
  if (on.restarted.length > 0) {
    const who = on.restarted.join(', ');
    reasons.push(`restarted while it was watched: ${who}; its log says why, then check again`);
  }
  if (on.calls < minCalls) {
    reasons.push(`only ${on.calls} calls seen with it on, ${minCalls} are wanted: watch longer`);
  }
  if (on.syncs === 0)
    reasons.push('no sync seen with it on: watch longer than the refresh interval');
  return reasons;
}

/** Judges the cohort by R11 and by the instances outside of it (S4-35 … S4-37). What is not known never advances. */
export function judgeRollout(input: GateInput): GateVerdict {
  const missing = enough(input);
  const checks = input.on === undefined ? [] : RULES.map((rule) => check(rule, input));
  const told = (verdict: GateCheck['verdict']): readonly string[] =>
    checks.filter((one) => one.verdict === verdict).map((one) => `${one.figure}: ${one.reason}`);
  const needed = new Set(
    RULES.filter(({ isNeeded }) => isNeeded === true).map((rule) => rule.figure),
  );
  const open = checks
    .filter((one) => one.verdict === 'unknown' && needed.has(one.figure))
    .map((one) => `${one.figure}: ${one.reason}`);
  const bad = told('bad');
  if (bad.length > 0) return { decision: 'roll-back', checks, reasons: bad };
  const reasons = [...missing, ...told('hold'), ...open];
  if (reasons.length > 0) return { decision: 'hold', checks, reasons };
  return { decision: 'advance', checks, reasons: ['every figure is within its limit'] };
}

/** A baseline in place of instances without the change. */
export function baselineAsCohort(record: BaselineRecord): Partial<CohortFigures> {
  const value = (name: string): Figure => record.metrics[name]?.value ?? 'unknown';
  return {
    errorRatio: value('calls.errorRatio'),
    p95Ms: value('calls.p95Ms'),
    syncP95Ms: value('syncs.p95Ms'),
    hitRatio: value('cache.hitRatio'),
    rssBytes: value('gateway.rssBytes'),
  };
}
