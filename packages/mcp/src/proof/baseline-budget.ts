import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';
import type { BaselineMetric, BudgetRow } from './baseline-record.ts';
import { type Figure, figure } from './figure.ts';

type Percentile = BudgetRow['percentile'];

/** S3-17, in milliseconds. */
const LIMITS: readonly (readonly [what: string, p50Ms: number, p95Ms: number])[] = [
  ['JSON encode, small', 0.5, 1.5],
  ['JSON decode, small', 0.5, 1.5],
  ['schema validation', 2, 5],
  ['simple tool call', 3, 12],
  ['resource read', 1, 3],
  ['registry lookup', 0.01, 0.1],
];

interface Measured {
  readonly measuredMs: Figure;
  readonly source: string;
}

const BENCH = 'give --bench a record of the bench `budget`';
const ROUNDS = 2_000;
const WARM_UP = 500;

const reading = z.object({ median: z.number() });
const benchSchema = z.object({
  results: z.object({ budget: z.object({ readings: z.record(z.string(), reading) }) }),
});

/**
 * The figures of a record of benches that has the bench `budget`, by `<what>.p50Ms`.
 * @throws Error when it has none.
 */
export function parseBenchBudget(text: string): ReadonlyMap<string, number> {
  const parsed = benchSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new CommandError('BENCH_INVALID', 'it has no results of the bench `budget`');
  const { readings } = parsed.data.results.budget;
  return new Map(Object.entries(readings).map(([name, { median }]) => [name, median]));
}

function percentileOf(sortedMs: readonly number[], percentile: Percentile): number | undefined {
  const share = percentile === 'p50' ? 0.5 : 0.95;
  return sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * share))];
}

/** A call as clients send it, and an answer. */
const SMALL = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'everything__echo', arguments: { message: 'hello', tags: ['a', 'b'], n: 17 } },
};

function timed(work: () => unknown): readonly number[] {
  const took: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const startedAtMs = performance.now();
    work();
    if (round >= WARM_UP) took.push(performance.now() - startedAtMs);
  }
  return took.toSorted((a, b) => a - b);
}

function measureJson(): ReadonlyMap<string, readonly number[]> {
  const text = JSON.stringify(SMALL);
  return new Map([
    ['JSON encode, small', timed(() => JSON.stringify(SMALL))],
    ['JSON decode, small', timed((): unknown => JSON.parse(text))],
  ]);
}

/** End to end first: within the limit with the server's own time, it is within it without. */
function toolCall(
  metrics: Readonly<Record<string, BaselineMetric>>,
  percentile: Percentile,
  limitMs: number,
): Measured {
  const valueOf = (name: string): Figure => metrics[name]?.value ?? 'unknown';
  const probed = valueOf(`probe.${percentile}Ms`);
  const [whole, of] =
    probed === 'unknown' ? [valueOf(`calls.${percentile}Ms`), 'all calls'] : [probed, 'the probe'];
  if (whole === 'unknown') return { measuredMs: whole, source: 'no calls: give --probe a tool' };
  if (whole <= limitMs) return { measuredMs: whole, source: `${of}, the server's time included` };
  const own = percentile === 'p50' ? valueOf('calls.overheadMs') : 'unknown';
  if (own !== 'unknown') {
    return { measuredMs: own, source: "mean of the gateway's part of all calls" };
  }
  return { measuredMs: own, source: `${of} with the server's time are above it; ${BENCH}` };
}

/** The budget table as far as it can be measured here. @param bench figures of a record of benches, which come first. */
export function budgetRows(
  metrics: Readonly<Record<string, BaselineMetric>>,
  bench: ReadonlyMap<string, number> | undefined,
): readonly BudgetRow[] {
  const json = measureJson();
  const measure = (what: string, percentile: Percentile, limitMs: number): Measured => {
    const benched = bench?.get(`${what}.${percentile}Ms`);
    if (benched !== undefined) return { measuredMs: benched, source: 'the bench `budget`' };
    const here = json.get(what);
    if (here !== undefined) {
      return { measuredMs: figure(percentileOf(here, percentile)), source: 'on this machine' };
    }
    if (what === 'simple tool call') return toolCall(metrics, percentile, limitMs);
    return { measuredMs: 'unknown', source: BENCH };
  };
  return LIMITS.flatMap(([what, p50Ms, p95Ms]) => [
    { what, percentile: 'p50' as const, limitMs: p50Ms, ...measure(what, 'p50', p50Ms) },
    { what, percentile: 'p95' as const, limitMs: p95Ms, ...measure(what, 'p95', p95Ms) },
  ]);
}
