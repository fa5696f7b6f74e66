import type { CacheHint } from '../protocol/cache-hint.ts';

/** A part of a list's age: when it came and how long it is good. */
export interface Contribution {
  readonly connectorId: string;
  /** On the clock of `performance.now()`. */
  readonly receivedAtMs: number;
  readonly hint: CacheHint;
}

/** How long all parts of a view are good, and for whom. */
export interface Freshness {
  /** On the clock of `performance.now()`; long past when there are no parts. */
  readonly untilMs: number;
  readonly cacheScope: CacheHint['cacheScope'];
}

/** As fresh as the part that is good for the least time; private as soon as one part is. */
export function freshnessOf(contributions: readonly Contribution[]): Freshness {
  let untilMs = contributions.length === 0 ? -Infinity : Infinity;
  let cacheScope: Freshness['cacheScope'] = 'public';
  for (const { receivedAtMs, hint } of contributions) {
    untilMs = Math.min(untilMs, receivedAtMs + hint.ttlMs);
    if (hint.cacheScope === 'private') cacheScope = 'private';
  }
  return { untilMs, cacheScope };
}
