import { backoffDelayMs } from './backoff.ts';

/**
 * How a refresh ended. `ttlMs`: how long the new value is fresh; undefined or 0: no TTL to go by. `retryAfterMs`: what the
 * server asked for. `retryInMs`: the whole wait, drawn already.
 */
export type RefreshResult =
  | { readonly kind: 'ok'; readonly ttlMs: number | undefined }
  | {
      readonly kind: 'failed';
      readonly retryAfterMs: number | undefined;
      readonly retryInMs?: number | undefined;
    };

/** The bounds a due time is drawn in. Milliseconds. */
export interface DueLimits {
  readonly intervalMs: number;
  readonly jitterFactor: number;
  readonly minDelayMs: number;
  readonly minRefreshMs: number;
  readonly random: () => number;
}

/** Refresh-ahead draws in this part of the TTL: never after expiry, and spread over a fleet (M6). */
const AHEAD_FROM = 0.75;
const AHEAD_TO = 0.9;
const MAX_BACKOFF_MS = 300_000;

/** Between `intervalMs × (1 - jitterFactor)` and `intervalMs`: the interval is a cap, so jitter only shortens it. */
export function intervalDelayMs(limits: DueLimits): number {
  const share = 1 - limits.jitterFactor * limits.random();
  return Math.max(limits.minDelayMs, limits.intervalMs * share);
}

/**
 * `ttlMs × U[0.75, 0.90)`, not sooner than `minRefreshMs`. Infinity without a TTL: "revalidate when asked" is the
 * cache's business, and a TTL is no order to poll (MCP 2026-07-28, caching).
 */
export function aheadDelayMs(ttlMs: number | undefined, limits: DueLimits): number {
  if (ttlMs === undefined || !(ttlMs > 0)) return Infinity;
  const share = AHEAD_FROM + (AHEAD_TO - AHEAD_FROM) * limits.random();
  return Math.max(limits.minDelayMs, limits.minRefreshMs, ttlMs * share);
}

/**
 * The wait the result brings with it; else full jitter from 1 s up to the lesser of TTL and 300 s, never sooner than a
 * (capped) `Retry-After`.
 */
export function retryDelayMs(
  failures: number,
  ttlMs: number | undefined,
  { retryAfterMs, retryInMs }: Omit<Extract<RefreshResult, { kind: 'failed' }>, 'kind'>,
  limits: DueLimits,
): number {
  if (retryInMs !== undefined) return Math.max(limits.minDelayMs, retryInMs);
  const byTtl = ttlMs !== undefined && ttlMs > 0 ? Math.min(ttlMs, MAX_BACKOFF_MS) : MAX_BACKOFF_MS;
  return backoffDelayMs(failures, {
    capMs: Math.max(byTtl, limits.minRefreshMs),
    minMs: limits.minDelayMs,
    retryAfterMs,
    random: limits.random,
  });
}

/** What a refresh that threw says about the next. */
export function thrownResult(error: unknown): RefreshResult {
  const asked = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return { kind: 'failed', retryAfterMs: typeof asked === 'number' ? asked : undefined };
}
