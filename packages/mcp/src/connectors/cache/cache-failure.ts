import { UpstreamError } from '../../upstream/upstream-error.ts';
import { backoffDelayMs } from '../refresh/backoff.ts';

/**
 * What a failed fetch says about the next one. `transient`: back off. `denied`: only a new credential or map helps.
 * `absent`: the server does not offer it. `malformed`: an answer that must not replace the good one.
 */
export type CacheFailureKind = 'transient' | 'denied' | 'absent' | 'malformed';

export interface CacheFailure {
  readonly kind: CacheFailureKind;
  /** What the upstream asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

/** Thrown into, or returned as the error of, a fetch that the cache itself ended. */
export class CacheError extends Error {
  readonly code: 'CACHE_FETCH_TIMEOUT' | 'CACHE_DROPPED' | 'CACHE_OVER' | 'CACHE_CLOSED';
  constructor(code: CacheError['code'], message: string) {
    super(message);
    this.name = 'CacheError';
    this.code = code;
  }
}

const METHOD_NOT_FOUND = -32_601;

function kindOf(error: UpstreamError): CacheFailureKind {
  const denied = error.code === 'UNAUTHORIZED' || error.code === 'AUTH_REQUIRED';
  if (denied || error.httpStatus === 401 || error.httpStatus === 403) return 'denied';
  if (error.httpStatus === 404 || error.rpcCode === METHOD_NOT_FOUND) return 'absent';
  if (error.code === 'BAD_RESPONSE' || error.code === 'TOO_LARGE') return 'malformed';
  return 'transient';
}

/** Reads the kind of failure off an `UpstreamError`; JSON errors are `malformed`, anything else `transient`. */
export function classifyCacheFailure(error: unknown): CacheFailure {
  if (error instanceof UpstreamError) {
    return { kind: kindOf(error), retryAfterMs: error.retryAfterMs };
  }
  const overdue = error instanceof CacheError && error.code === 'CACHE_OVER';
  const malformed = error instanceof SyntaxError || overdue;
  return { kind: malformed ? 'malformed' : 'transient', retryAfterMs: undefined };
}

const MAX_HOLD_MS = 300_000;
const DENIED_HOLD_MS = 60_000;

export interface HoldInput {
  readonly failure: CacheFailure;
  /** In a row, this one included. */
  readonly failures: number;
  /** TTL of the value held, 0 when there is none. */
  readonly ttlMs: number;
  /** The least time between two fetches. */
  readonly minRefreshMs: number;
  readonly random: () => number;
}

/**
 * How long a failed key is left alone, in milliseconds: full jitter from 1 s up to the lesser of TTL and 300 s, at
 * least 60 s when denied, 300 s when absent; `Retry-After` is honoured up to 300 s.
 */
export function holdMs(input: HoldInput): number {
  const { failure, ttlMs, minRefreshMs } = input;
  if (failure.kind === 'absent') return MAX_HOLD_MS;
  const byTtl = ttlMs > 0 ? Math.min(ttlMs, MAX_HOLD_MS) : MAX_HOLD_MS;
  const wait = backoffDelayMs(input.failures, {
    capMs: Math.max(byTtl, minRefreshMs),
    retryAfterMs: failure.retryAfterMs,
    random: input.random,
  });
  return failure.kind === 'denied' ? DENIED_HOLD_MS + wait : wait;
}
