import { withRemedy } from '../../protocol/error-remedies.ts';
import { UpstreamError, type ConnectorPhase } from '../../upstream/upstream-error.ts';
import { NOWHERE, type ConnectorFailure } from '../connector.ts';
import type { SyncOutcome } from '../sync-report.ts';

/** @param phase where it was, should the error not say. */
export function failureOf(error: unknown, phase: ConnectorPhase): ConnectorFailure {
  if (!(error instanceof UpstreamError)) return { phase, code: 'INTERNAL', message: String(error) };
  return { phase: error.phase, code: error.code, message: error.message };
}

/** What an attempt under way waits for: status can name it before its deadline. */
export function pendingFailure(phase: ConnectorPhase, waitedMs: number): ConnectorFailure {
  const message = `no answer yet in phase ${phase} after ${Math.round(waitedMs)} ms`;
  return withRemedy({ phase, code: 'PENDING', message });
}

/** @param retryInMs when it is tried again; undefined or Infinity when it is not. */
export function failedOutcome(
  failure: ConnectorFailure | undefined,
  how: { readonly id: string; readonly durationMs: number; readonly attempts: number },
  retryInMs: number | undefined,
): SyncOutcome {
  const { phase, code, message } = failure ?? NOWHERE;
  const nextAttemptMs = retryInMs === Infinity ? undefined : retryInMs;
  return withRemedy({ kind: 'failed', ...how, phase, code, message, nextAttemptMs });
}
