import type { RefreshResult } from '../../src/connectors/refresh/refresh-scheduler-due.ts';
import {
  RefreshScheduler,
  type RefreshSchedulerOptions,
} from '../../src/connectors/refresh/refresh-scheduler.ts';

export const MINUTE = 60_000;
export const INTERVAL = 5 * MINUTE;
export const ok = (ttlMs?: number): RefreshResult => ({ kind: 'ok', ttlMs });
export const failed = (retryAfterMs?: number): RefreshResult => ({ kind: 'failed', retryAfterMs });

/** Mulberry32: small, seeded, uniform. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Bench {
  readonly scheduler: RefreshScheduler;
  /** What was refreshed and when, in milliseconds since the start. */
  readonly log: { readonly id: string; readonly atMs: number }[];
  readonly times: (id?: string) => number[];
}

export function bench(
  options: Partial<RefreshSchedulerOptions> = {},
  result: (id: string, n: number) => RefreshResult | Promise<RefreshResult> = () => ok(),
): Bench {
  const startMs = performance.now();
  const log: { id: string; atMs: number }[] = [];
  const scheduler = new RefreshScheduler({
    intervalMs: INTERVAL,
    random: () => 0,
    onRefresh: async (id) => {
      log.push({ id, atMs: performance.now() - startMs });
      return await result(id, log.filter((line) => line.id === id).length);
    },
    ...options,
  });
  const times = (id?: string): number[] =>
    log.filter((line) => id === undefined || line.id === id).map(({ atMs }) => atMs);
  return { scheduler, log, times };
}
