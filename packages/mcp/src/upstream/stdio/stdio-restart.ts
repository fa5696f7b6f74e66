/** How soon a program that ended may be started again. */
export interface RestartPolicy {
  /** First upper bound of the wait; doubles with every failure. Default 250. */
  readonly baseMs: number;
  /** Default 30000. */
  readonly capMs: number;
  /** A process that lived this long has earned a clean slate. Default 60000. */
  readonly resetAfterMs: number;
}

export const DEFAULT_RESTART: RestartPolicy = { baseMs: 250, capMs: 30_000, resetAfterMs: 60_000 };

export interface RestartGate {
  /** Milliseconds until the next start is allowed; 0 when it is now. */
  remainingMs(): number;
  /** A process failed to start, or ended unasked after living `livedMs`. */
  failed(livedMs: number): void;
}

/** Full jitter: any wait from nothing up to a bound that doubles, so that a fleet does not restart in step. */
export function createRestartGate(
  random: () => number,
  policy: RestartPolicy = DEFAULT_RESTART,
): RestartGate {
  let failures = 0;
  let allowedAt = 0;
  return {
    remainingMs: () => Math.max(0, Math.ceil(allowedAt - performance.now())),
    failed(livedMs) {
      failures = livedMs >= policy.resetAfterMs ? 1 : failures + 1;
      // 2^20 is past every cap and far from overflow.
      const bound = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures - 1, 20));
      allowedAt = performance.now() + random() * bound;
    },
  };
}
