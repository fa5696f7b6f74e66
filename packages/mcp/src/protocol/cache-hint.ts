import type { Era } from './revision.ts';

/** How long and for whom an answer stays good (spec 2026-07-28, server/utilities/caching). */
export interface CacheHint {
  /** Milliseconds of freshness, never negative, at most 24 h. */
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
}

/** A server cannot pin an answer for longer than this: 24 h. */
export const MAX_TTL_MS = 86_400_000;
/** What a legacy server's lists are good for, as it says nothing: 300 s (contract.md). */
export const LEGACY_TTL_MS = 300_000;

/** Reads the hint of one parsed list result. A modern server's missing or invalid `ttlMs` counts as 0. */
export function readCacheHint(result: Readonly<Record<string, unknown>>, era: Era): CacheHint {
  if (era === 'legacy') return { ttlMs: LEGACY_TTL_MS, cacheScope: 'private' };
  const { ttlMs, cacheScope } = result;
  const valid = typeof ttlMs === 'number' && Number.isFinite(ttlMs) && ttlMs > 0;
  return {
    ttlMs: valid ? Math.min(Math.trunc(ttlMs), MAX_TTL_MS) : 0,
    cacheScope: cacheScope === 'public' ? 'public' : 'private',
  };
}

/** The hint of a list made of several: the shortest time, and private as soon as one part is. */
export function mergeCacheHints(hints: readonly CacheHint[]): CacheHint {
  let ttlMs = MAX_TTL_MS;
  let cacheScope: CacheHint['cacheScope'] = 'public';
  for (const hint of hints) {
    ttlMs = Math.min(ttlMs, hint.ttlMs);
    if (hint.cacheScope === 'private') cacheScope = 'private';
  }
  return { ttlMs, cacheScope };
}
