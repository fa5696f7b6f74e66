import type { ServedManifest } from './entry/served-manifest.ts';
import type { Manifest } from './manifest.ts';
import type { RefreshResult } from './refresh/refresh-scheduler-due.ts';
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

/** @param how which connector, how long it took and how often it was asked: not at all while it is fresh. */
export function offerOutcome(
  kind: 'synced' | 'unchanged',
  { info, lists, warnings }: Manifest,
  how: { readonly id: string; readonly durationMs: number; readonly attempts: number },
): SyncOutcome {
  return {
    kind,
    ...how,
    era: info.era,
    tools: lists.tools.length,
    prompts: lists.prompts.length,
    resources: lists.resources.length,
    warnings,
  };
}

/** Whether the server was not asked: its lists are still fresh, or an earlier failure forbids it. */
export function wasLeftOut(outcome: SyncOutcome): boolean {
  return 'attempts' in outcome && outcome.attempts === 0;
}

/** What a sync says about the next: a failure brings the wait along that the cache has drawn for it (M7). */
export function refreshResult(
  outcome: SyncOutcome,
  entry: { served(): ServedManifest | undefined },
): RefreshResult {
  if (outcome.kind !== 'failed') return { kind: 'ok', ttlMs: entry.served()?.hint.ttlMs };
  return { kind: 'failed', retryAfterMs: undefined, retryInMs: outcome.nextAttemptMs };
}

/** @param startedAtMs on the clock of `performance.now()`. */
export function passReport(startedAtMs: number, outcomes: readonly SyncOutcome[]): SyncReport {
  return {
    durationMs: performance.now() - startedAtMs,
    outcomes: outcomes.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
