import { RPC, errorObject } from '../protocol/message.ts';
import type { UpstreamError } from '../upstream/upstream-error.ts';

/** What a client is told when there is no answer: connector, phase and cause, with the stable code in `data`. */
export function unavailableError(error: UpstreamError): string {
  return errorObject(RPC.connectorUnavailable, `${error.connectorId}: ${error.message}`, {
    code: error.code,
    connector: error.connectorId,
    phase: error.phase,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: Math.ceil(error.retryAfterMs) }),
  });
}
