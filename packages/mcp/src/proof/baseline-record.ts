import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';
import type { Figure, Unit } from './figure.ts';

/** One measured value. */
export interface BaselineMetric {
  readonly value: Figure;
  readonly unit: Unit;
  /** Twice the standard error over the intervals, as a share of the value; absent when it is not known. */
  readonly noise?: number | undefined;
}

/** One line of the budget table (S3-17). */
export interface BudgetRow {
  readonly what: string;
  readonly percentile: 'p50' | 'p95';
  readonly limitMs: number;
  readonly measuredMs: Figure;
  /** How it was measured, or how it could be. */
  readonly source: string;
}

/** All that a baseline says. */
export interface BaselineRecord {
  readonly format: 1;
  readonly label: string;
  readonly takenAt: string;
  /** How long it was watched. */
  readonly seconds: number;
  /** Scrapes taken, the first and the last included. */
  readonly scrapes: number;
  /** Whether it was restarted meanwhile: then counts are those since. */
  readonly restarted: boolean;
  readonly service: {
    readonly version: string;
    readonly node: string;
    readonly pid: number;
    readonly startedAt: string;
    readonly endpoint?: string | undefined;
  };
  /** By name, e.g. `calls.p95Ms`, `connector.github.pssBytes`. */
  readonly metrics: Readonly<Record<string, BaselineMetric>>;
  readonly budget: readonly BudgetRow[];
  readonly probe?:
    | { readonly tool: string; readonly ratePerSecond: number | 'unpaced' }
    | undefined;
  /** Settings and flags in force, by name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What the machine said: THP, repository, units, versions. One line each, or `unknown: why`. */
  readonly host: Readonly<Record<string, string>>;
}

const figureSchema = z.union([z.number(), z.literal('unknown')]);

const metricSchema = z.object({
  value: figureSchema,
  unit: z.enum(['ms', 'bytes', 'bytesPerMinute', 'perSecond', 'perMinute', 'ratio', 'count']),
  noise: z.number().optional(),
});

const budgetSchema = z.object({
  what: z.string(),
  percentile: z.enum(['p50', 'p95']),
  limitMs: z.number(),
  measuredMs: figureSchema,
  source: z.string(),
});

const recordSchema: z.ZodType<BaselineRecord> = z.object({
  format: z.literal(1),
  label: z.string(),
  takenAt: z.string(),
  seconds: z.number(),
  scrapes: z.number(),
  restarted: z.boolean(),
  service: z.object({
    version: z.string(),
    node: z.string(),
    pid: z.number(),
    startedAt: z.string(),
    endpoint: z.string().optional(),
  }),
  metrics: z.record(z.string(), metricSchema),
  budget: z.array(budgetSchema),
  probe: z
    .object({ tool: z.string(), ratePerSecond: z.union([z.number(), z.literal('unpaced')]) })
    .optional(),
  settings: z.record(z.string(), z.unknown()),
  host: z.record(z.string(), z.string()),
});

/** @throws Error when the text is no record of this format; the message is one line. */
export function parseBaseline(text: string): BaselineRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CommandError('BASELINE_INVALID', 'it is not JSON', { cause });
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CommandError(
    'BASELINE_INVALID',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a baseline'}`,
  );
}
