import { startFleetProcess } from './lib/fleet-process.ts';
import {
  coldPass,
  connectorsOf,
  keepCode,
  quietColdPass,
  quietOnly,
  type MeasuredPass,
} from './lib/measure-pass.ts';
import {
  readingOf,
  shown,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';

const CONNECTORS = 100;
const LATENCY_MS = 50;
const LIMITS: readonly number[] = [4, 16, 32, 48, 64, 100, 128];
const QUICK_LIMITS: readonly number[] = [32];
const FLEETS = [
  { era: 'modern', kind: 'modern-http' },
  { era: 'legacy', kind: 'legacy-http-session' },
] as const;
const ROUNDS = 3;

async function sweep(
  { kind }: (typeof FLEETS)[number],
  limits: readonly number[],
  rounds: number,
): Promise<readonly (readonly MeasuredPass[])[]> {
  await using fleet = await startFleetProcess([
    { kind, count: CONNECTORS, latencyMs: LATENCY_MS, toolCount: 2, ttlMs: 300_000 },
  ]);
  const connectors = connectorsOf(fleet.urls);
  await coldPass({ fleet, connectors });
  const passes: MeasuredPass[][] = limits.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, syncConcurrency] of limits.entries()) {
      const settings = { syncConcurrency };
      passes[index]?.push(await quietColdPass({ fleet, connectors, settings }));
    }
  }
  return passes.map((some) => quietOnly(some).passes);
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const limits = quick ? QUICK_LIMITS : LIMITS;
  const rows: string[][] = [];
  const readings: Record<string, Reading> = {};
  await keepCode();
  for (const one of FLEETS) {
    const passes = await sweep(one, limits, quick ? 1 : ROUNDS);
    for (const [index, limit] of limits.entries()) {
      const of = (key: 'wallMs' | 'cpuMs' | 'stallMs'): string => {
        const reading = readingOf(
          (passes[index] ?? []).map((pass) => pass[key]),
          'ms',
        );
        readings[`${one.era}.${limit}.${key}`] = reading;
        return shown(reading);
      };
      rows.push([one.era, String(limit), of('wallMs'), of('cpuMs'), of('stallMs')]);
    }
  }
  return {
    method:
      `A cold pass over ${CONNECTORS} HTTP servers with ${LATENCY_MS} ms before each answer, in a fresh process each, ` +
      'with different bounds of syncs at a time; the bounds take turns. Median (lowest–highest) of the rounds others left alone, at least three.',
    tables: [
      {
        title: 'MCP_CONNECTOR_SYNC_CONCURRENCY',
        headings: ['era', 'limit', 'wall ms', 'cpu ms', 'stall ms'],
        rows,
      },
    ],
    targets: [],
    readings,
  };
}

/** Which bound of parallel syncs is right (S4-09). */
export const syncSweep: Bench = { name: 'sync-sweep', run };
