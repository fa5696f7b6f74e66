import type { SyncOutcome, SyncReport } from './sync-report.ts';

/** A `sync` never rejects; should it, the pass still reports the connector by name. */
export function unexpectedOutcome(id: string | undefined, reason: unknown): SyncOutcome {
  return {
    kind: 'failed',
    id: id ?? 'unknown',
    durationMs: 0,
    attempts: 0,
    phase: 'connect',
    code: 'INTERNAL',
    message: String(reason),
    nextAttemptMs: undefined,
  };
}

/** @param startedAtMs on the clock of `performance.now()`. */
export function passReport(startedAtMs: number, outcomes: readonly SyncOutcome[]): SyncReport {
  return {
    durationMs: performance.now() - startedAtMs,
    outcomes: outcomes.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
