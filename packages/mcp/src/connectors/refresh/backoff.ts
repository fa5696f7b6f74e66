/** How long to stay away from something that failed. Durations in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. Default 1000. */
  readonly baseMs?: number;
  /** No wait is drawn above this. Default 300000. */
  readonly capMs?: number;
  /** No wait is shorter than this, or a run of small draws would hammer the other side. Default 100. */
  readonly minMs?: number;
  /** What the other side asked for (`Retry-After`). The wait is never shorter than this, up to its own cap. */
  readonly retryAfterMs?: number | undefined;
  /** The most that `retryAfterMs` can ask for. Default 300000. */
  readonly retryAfterCapMs?: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Beyond 2^30 × base the cap has long won; keeps the power finite. */
const MAX_EXPONENT = 30;

/**
 * Full jitter: uniform in [0, min(cap, base × 2^(failures - 1))), at least `minMs`. After a `Retry-After` the draw
 * is added to it, so that a fleet told the same second does not come back in the same second.
 * @param failures failures in a row, 1 after the first.
 */
export function backoffDelayMs(failures: number, options: BackoffOptions): number {
  const { baseMs = 1_000, capMs = 300_000, minMs = 100, retryAfterCapMs = 300_000 } = options;
  const exponent = Math.min(Math.max(failures, 1) - 1, MAX_EXPONENT);
  const draw = options.random() * Math.min(capMs, baseMs * 2 ** exponent);
  const asked = Math.min(Math.max(options.retryAfterMs ?? 0, 0), retryAfterCapMs);
  return Math.max(minMs, asked + draw);
}

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): seconds or an HTTP date.
 * @param nowEpochMs the wall clock, for dates.
 * @returns milliseconds from now, 0 for a date gone by, undefined when it is neither.
 */
export function parseRetryAfterMs(value: string, nowEpochMs: number): number | undefined {
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  // Date.parse accepts far more than HTTP dates; every HTTP date starts with a day's name.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowEpochMs);
}
