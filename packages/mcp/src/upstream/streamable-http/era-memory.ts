import type { EraVerdict } from '../upstream.ts';

export type { EraVerdict } from '../upstream.ts';

/** Remembers verdicts by server, dated. */
export interface EraMemory {
  get(key: string): EraVerdict | undefined;
  /** Undefined forgets. */
  set(key: string, verdict: EraVerdict | undefined): void;
}

/**
 * A wrong modern verdict fails loudly at the first request; a wrong legacy one would never show, as servers
 * that learn the modern revision go on serving the old ones. So only that one expires.
 */
export const LEGACY_VERDICT_MS: number = 24 * 3_600_000;

/** A verdict that may still be acted on. A date in the future is a clock that was set, and counts as old. */
export function usableVerdict(
  verdict: EraVerdict | undefined,
  nowMs: number = Date.now(),
): EraVerdict | undefined {
  if (verdict === undefined || verdict.era === 'modern') return verdict;
  const ageMs = nowMs - verdict.storedAtMs;
  return ageMs >= 0 && ageMs < LEGACY_VERDICT_MS ? verdict : undefined;
}

/** A memory of this process, the oldest entry giving way beyond `maxEntries` (default 4096). */
export function createEraMemory(maxEntries: number = 4_096): EraMemory {
  const verdicts = new Map<string, EraVerdict>();
  return {
    get: (key) => verdicts.get(key),
    set(key, verdict) {
      verdicts.delete(key);
      if (verdict === undefined) return;
      verdicts.set(key, verdict);
      const [oldest] = verdicts.keys();
      if (verdicts.size > maxEntries && oldest !== undefined) verdicts.delete(oldest);
    },
  };
}
