import { z } from 'zod';

const figureSchema = z.union([z.number(), z.literal('unknown')]);

const metricSchema = z.object({
  value: figureSchema,
  unit: z.enum(['ms', 'bytes', 'bytesPerMinute', 'perSecond', 'perMinute', 'ratio', 'count']),
  /** Twice the standard error over the intervals, as a share of the value; absent when it is not known. */
  noise: z.number().optional(),
});

const budgetSchema = z.object({
  what: z.string(),
  percentile: z.enum(['p50', 'p95']),
  limitMs: z.number(),
  measuredMs: figureSchema,
  /** How it was measured, or how it could be. */
  source: z.string(),
});

const recordSchema = z.object({
  format: z.literal(1),
  label: z.string(),
  takenAt: z.string(),
  /** How long it was watched. */
  seconds: z.number(),
  /** Scrapes taken, the first and the last included. */
  scrapes: z.number(),
  /** Whether it was restarted meanwhile: then counts are those since. */
  restarted: z.boolean(),
  service: z.object({
    version: z.string(),
    node: z.string(),
    pid: z.number(),
    startedAt: z.string(),
    endpoint: z.string().optional(),
  }),
  /** By name, e.g. `calls.p95Ms`, `connector.github.pssBytes`. */
  metrics: z.record(z.string(), metricSchema),
  budget: z.array(budgetSchema),
  probe: z
    .object({ tool: z.string(), ratePerSecond: z.union([z.number(), z.literal('unpaced')]) })
    .optional(),
  /** Settings and flags in force, by name. */
  settings: z.record(z.string(), z.unknown()),
  /** What the machine said: THP, repository, units, versions. One line each, or `unknown: why`. */
  host: z.record(z.string(), z.string()),
});

/** One measured value. */
export type BaselineMetric = z.infer<typeof metricSchema>;
/** One line of the budget table (S3-17). */
export type BudgetRow = z.infer<typeof budgetSchema>;
/** All that a baseline says. */
export type BaselineRecord = z.infer<typeof recordSchema>;

/** @throws Error when the text is no record of this format; the message is one line. */
export function parseBaseline(text: string): BaselineRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('it is not JSON', { cause });
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a baseline'}`);
}
