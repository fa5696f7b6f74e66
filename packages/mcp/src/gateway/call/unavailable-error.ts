import { withRemedy } from '../../protocol/error-remedies.ts';
import { RPC, errorObject } from '../../protocol/message.ts';
import type { CallResult } from '../../observability/connector-instruments.ts';
import type { UpstreamError, UpstreamErrorCode } from '../../upstream/upstream-error.ts';

const NOT_ASKED: ReadonlySet<UpstreamErrorCode> = new Set(['BREAKER_OPEN', 'BULKHEAD_FULL']);

/** What metrics call the end of a call that has no answer. */
export function failedResult(code: UpstreamErrorCode): CallResult {
  if (code === 'TIMEOUT') return 'timeout';
  return NOT_ASKED.has(code) ? 'unavailable' : 'failed';
}

/**
 * What a client is told when there is no answer: connector, phase and cause; `data` has the stable code and what to do.
 * @param nextAttemptMs when the connector is tried again by itself, in milliseconds from now.
 */
export function unavailableError(error: UpstreamError, nextAttemptMs?: number): string {
  const data = withRemedy({
    code: error.code,
    connector: error.connectorId,
    phase: error.phase,
    ...(nextAttemptMs !== undefined && { nextAttemptMs: Math.max(0, Math.ceil(nextAttemptMs)) }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: Math.ceil(error.retryAfterMs) }),
  });
  return errorObject(RPC.connectorUnavailable, `${error.connectorId}: ${error.message}`, data);
}
