import type { ServiceMapErrorCode } from './service-map-error.ts';

/** How far two clocks may disagree: a map dated further ahead is refused (contract of the signed map, B3). */
export const MAP_CLOCK_SKEW_MS = 300_000;
/** The longest TTL a map is granted. */
const MAX_MAP_TTL_MS = 86_400_000;
/**
 * How long past its TTL a map may be used (decision 0009): an outage of 24 h begins up to a TTL after the map came, and
 * the retry that ends it comes up to five minutes after the outage.
 */
export const DEFAULT_MAP_STALE_MS: number = 86_400_000 + 15 * 60_000;
/** A shorter TTL would have us poll the producer without pause. */
const MIN_MAP_TTL_MS = 5_000;

/** What a map says about its own time; instants are wall clock (epoch milliseconds). */
export interface MapTimes {
  readonly generatedAtMs: number;
  readonly ttlMs: number;
  readonly notAfterMs: number | undefined;
}

/** What the reader knows and allows. */
export interface MapTimeLimits {
  readonly nowEpochMs: number;
  /** The newest `generatedAt` accepted before, also before a restart; undefined: none, or replay is allowed. */
  readonly lastGeneratedAtMs: number | undefined;
  /** How long past its TTL a map may be when it arrives. */
  readonly acceptStaleMs: number;
  /** How long past its TTL it may be used afterwards. */
  readonly maxStaleMs: number;
}

export type MapTimeVerdict =
  | { readonly kind: 'rejected'; readonly code: ServiceMapErrorCode; readonly message: string }
  | { readonly kind: 'accepted'; readonly freshForMs: number; readonly usableForMs: number };

function rejected(code: ServiceMapErrorCode, message: string): MapTimeVerdict {
  return { kind: 'rejected', code, message };
}

/**
 * How long a map that could not be dated (local and unsigned) is fresh and usable: its TTL from now, kept between
 * 5 s and 24 h, and then `maxStaleMs`.
 */
export function undatedMapTime(
  ttlMs: number,
  maxStaleMs: number,
): { readonly freshForMs: number; readonly usableForMs: number } {
  const freshForMs = Math.min(Math.max(ttlMs, MIN_MAP_TTL_MS), MAX_MAP_TTL_MS);
  return { freshForMs, usableForMs: freshForMs + maxStaleMs };
}

/**
 * Judges a map by its dates: refuses what could never be fresh, what comes from the future, what is over, and what
 * is older than one already accepted. Freshness then runs from receipt, so that a slow clock on either side cannot
 * make a new map look old; nothing outlives `notAfter`.
 */
export function judgeMapTime(times: MapTimes, limits: MapTimeLimits): MapTimeVerdict {
  const { generatedAtMs, ttlMs, notAfterMs } = times;
  const now = limits.nowEpochMs;
  if (!(ttlMs > 0) || (notAfterMs !== undefined && notAfterMs <= generatedAtMs)) {
    return rejected('MAP_NEVER_FRESH', 'The map was over before it began (ttlSeconds, notAfter)');
  }
  if (generatedAtMs > now + MAP_CLOCK_SKEW_MS) {
    return rejected('MAP_FUTURE', 'The map is dated more than five minutes ahead of this clock');
  }
  if (limits.lastGeneratedAtMs !== undefined && generatedAtMs < limits.lastGeneratedAtMs) {
    return rejected('MAP_REPLAYED', 'The map is older than one accepted before');
  }
  const untilEndMs = (notAfterMs ?? Infinity) - now;
  const overdueMs = now - generatedAtMs - ttlMs - MAP_CLOCK_SKEW_MS;
  if (untilEndMs <= 0 || overdueMs > limits.acceptStaleMs) {
    return rejected('MAP_EXPIRED', 'The map is past its time');
  }
  const window = undatedMapTime(ttlMs, limits.maxStaleMs);
  const stale = overdueMs > 0;
  const usableForMs = stale ? Math.max(0, limits.maxStaleMs - overdueMs) : window.usableForMs;
  return {
    kind: 'accepted',
    freshForMs: stale ? 0 : Math.min(window.freshForMs, untilEndMs),
    usableForMs: Math.min(usableForMs, untilEndMs),
  };
}
