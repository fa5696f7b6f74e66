import type { LoadRound } from '../../bench/lib/compare-load.ts';
import { loadTable } from '../../bench/lib/load-table.ts';
import type { Reading } from '../../bench/lib/report.ts';

export interface NoisyRow {
  readonly row: string;
  readonly proxyUs: number;
  /** Times the proxy. */
  readonly ours: number;
  readonly rounds: number;
  readonly seed?: number;
}

/** Numbers below 1 that look like chance and are the same in every run. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

function roundOf(cpuUs: number): LoadRound {
  return {
    calls: Math.round(200_000 / cpuUs),
    failed: 0,
    seconds: 0.2,
    p50Us: cpuUs * 30,
    p95Us: cpuUs * 50,
    p99Us: cpuUs * 80,
    maxUs: cpuUs * 90,
    loadCpuUs: 17,
    cpuUs,
    gcUs: 1.5,
    rssBytes: 160_000_000,
    foreignCores: 0.1,
    loadCores: 0.4,
    sharedCores: 0.9,
  };
}

/**
 * One row as a machine that others use measures it: in each round it is up to a third slower for both sides, in some
 * by half, each side moves by a twentieth of its own, and every seventh round hits one side alone.
 */
export function noisyRow(options: NoisyRow): Readonly<Record<string, Reading>> {
  const { row, proxyUs, ours, rounds, seed = 1 } = options;
  const random = chance(seed);
  const found = new Map<string, LoadRound[]>([
    ['ours', []],
    ['proxy', []],
  ]);
  for (let round = 0; round < rounds; round += 1) {
    const machine = 1 + random() * 0.3 + (random() < 0.15 ? 0.5 : 0);
    for (const [who, all] of found) {
      const own = 0.95 + random() * 0.1 + (random() < 0.07 ? 0.4 : 0);
      all.push(roundOf(proxyUs * (who === 'ours' ? ours : 1) * machine * own));
    }
  }
  return loadTable('calls', [{ name: row, rounds: found }]).readings;
}
