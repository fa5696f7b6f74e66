import { createRequire } from 'node:module';
import type * as Cockatiel from 'cockatiel';

/** When so many calls failed that no more are let through. */
export interface BreakerThresholds {
  /** Failed calls in a row. Default 5. */
  readonly consecutive: number;
  /** Share of failed calls within `windowMs`, reached or passed. Default 0.5. */
  readonly ratio: number;
  /** Calls within `windowMs` before the share counts. Default 20. */
  readonly minCalls: number;
  /** Default 10000. Counted in steps of a tenth. */
  readonly windowMs: number;
}

/** contract.md, breaker. */
export const DEFAULT_THRESHOLDS: BreakerThresholds = {
  consecutive: 5,
  ratio: 0.5,
  minCalls: 20,
  windowMs: 10_000,
};

/** The outcomes of one connector's calls. */
export interface BreakerCounts {
  succeeded(): void;
  /** @returns true when there were too many. */
  failed(): boolean;
}

/** cockatiel compares with `>`, the contract says "half of": the share as far below as no count of calls can tell. */
const JUST_BELOW = 1e-9;

/**
 * Counts with cockatiel's breakers, which need no promise for each call. Theirs of a window drops at most one of its
 * ten steps at a call, and so would remember what happened before a long pause: after one, it is made anew.
 */
export function createBreakerCounts(thresholds: BreakerThresholds): BreakerCounts {
  // Loaded when a first call has ended: it takes longer than many a start is allowed to.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  const cockatiel = createRequire(import.meta.url)('cockatiel') as typeof Cockatiel;
  const closed = cockatiel.CircuitState.Closed;
  const { consecutive, ratio, minCalls, windowMs } = thresholds;
  const newWindow = (): Cockatiel.SamplingBreaker =>
    new cockatiel.SamplingBreaker({
      threshold: ratio - JUST_BELOW,
      duration: windowMs,
      minimumRps: (minCalls - JUST_BELOW) / (windowMs / 1_000),
    });
  const row = new cockatiel.ConsecutiveBreaker(consecutive);
  let window = newWindow();
  let countedAtMs = performance.now();
  const current = (): Cockatiel.SamplingBreaker => {
    const nowMs = performance.now();
    if (nowMs - countedAtMs > windowMs) window = newWindow();
    countedAtMs = nowMs;
    return window;
  };
  return {
    succeeded() {
      row.success();
      current().success(closed);
    },
    failed() {
      const inWindow = current().failure(closed);
      return row.failure() || inWindow;
    },
  };
}
