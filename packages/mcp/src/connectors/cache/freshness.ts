/** No server can pin an entry for longer (contract.md, manifest freshness). */
export const MAX_TTL_MS = 86_400_000;
/** How long past its TTL a manifest may be served when it cannot be refreshed (contract.md, `maxStaleMs`). */
export const DEFAULT_MAX_STALE_MS = 86_400_000;

/**
 * The TTL of a list from the TTLs of its pages: the least of them, capped at 24 h. A page without one, or with a
 * negative or unusable one, counts as 0 (MCP 2026-07-28, caching); so does a list without pages.
 */
export function effectiveTtlMs(pageTtlMs: readonly (number | undefined)[]): number {
  if (pageTtlMs.length === 0) return 0;
  let least = MAX_TTL_MS;
  for (const ttl of pageTtlMs) {
    const usable = ttl !== undefined && Number.isFinite(ttl) && ttl > 0 ? ttl : 0;
    if (usable < least) least = usable;
  }
  return least;
}

/** When a value stops being fresh, then reusable at all. Monotonic instants in milliseconds (`performance.now`). */
export interface FreshnessWindow {
  readonly receivedAtMs: number;
  readonly ttlMs: number;
  /** Stale-if-error: how long past the TTL it may be served. */
  readonly maxStaleMs: number;
  /** A signed end nothing may outlive. */
  readonly notAfterMs: number | undefined;
  /** Set when something said that the value is out of date before its time (`list_changed`, a restart). */
  readonly invalidated: boolean;
}

/**
 * `stale` has two windows (RFC 5861): `revalidate`, up to one TTL past expiry, hides latency; `error`, up to
 * `maxStaleMs`, keeps serving through an outage. Both are served; status and metrics tell them apart.
 */
export type Freshness =
  | { readonly kind: 'fresh'; readonly remainingMs: number }
  | { readonly kind: 'stale'; readonly window: 'revalidate' | 'error'; readonly staleForMs: number }
  | { readonly kind: 'expired' };

/** Where a value stands at `nowMs`. */
export function freshnessAt(nowMs: number, window: FreshnessWindow): Freshness {
  const end = window.notAfterMs ?? Infinity;
  const freshUntil = Math.min(window.receivedAtMs + window.ttlMs, end);
  const usableUntil = Math.min(window.receivedAtMs + window.ttlMs + window.maxStaleMs, end);
  if (nowMs >= usableUntil) return { kind: 'expired' };
  if (nowMs < freshUntil && !window.invalidated) {
    return { kind: 'fresh', remainingMs: freshUntil - nowMs };
  }
  const staleForMs = Math.max(0, nowMs - freshUntil);
  const hidden = staleForMs < window.ttlMs;
  return { kind: 'stale', window: hidden ? 'revalidate' : 'error', staleForMs };
}
