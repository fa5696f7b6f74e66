import type { UpstreamError, UpstreamErrorCode } from '../upstream/upstream-error.ts';

/**
 * What the end of a call says of its server: `answered`, `failed`, `lost` (no connection was made, or it broke), or
 * `nothing`.
 */
export type CallVerdict = 'answered' | 'failed' | 'lost' | 'nothing';

const LOSSES: ReadonlySet<UpstreamErrorCode> = new Set([
  'SPAWN_FAILED',
  'PROCESS_EXITED',
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'STREAM_CUT',
]);
/** The server is there, and what it says is for others to act on. */
const ANSWERS: ReadonlySet<UpstreamErrorCode> = new Set([
  'UNAUTHORIZED',
  'SESSION_LOST',
  'TOO_LARGE',
  'RPC_ERROR',
]);

/** T4: transport errors, timeouts, 5xx and invalid payloads count; 4xx, errors of the protocol and our own do not. */
export function verdictOf({ code, httpStatus }: UpstreamError): CallVerdict {
  if (code === 'HTTP_STATUS') return (httpStatus ?? 0) >= 500 ? 'failed' : 'answered';
  if (ANSWERS.has(code)) return 'answered';
  if (LOSSES.has(code)) return 'lost';
  return code === 'TIMEOUT' || code === 'BAD_RESPONSE' ? 'failed' : 'nothing';
}
