/** Slices that are kept, the one under way included. */
const SLICES = 60;
/** How long a slice is, in milliseconds. */
const SLICE_MS = 5_000;

/** Below 64 µs there is one cell, then four to each doubling, up to 1,074 s: a quantile is known to a quarter. */
const LEAST_US = 64;
const LEAST_POWER = 6;
const MOST_US = 2 ** 30 - 1;
const CELLS = 97;
const QUANTILES: readonly number[] = [0.5, 0.95];
const NOT_COUNTED = -1;

/** Where a duration is counted. */
function cellOf(us: number): number {
  if (us < LEAST_US) return 0;
  const power = 31 - Math.clz32(us);
  return 1 + ((power - LEAST_POWER) << 2) + ((us >>> (power - 2)) & 3);
}

/** The least duration of a cell, in microseconds. */
function leastOf(cell: number): number {
  if (cell === 0) return 0;
  const power = LEAST_POWER + ((cell - 1) >> 2);
  return 2 ** power + ((cell - 1) & 3) * 2 ** (power - 2);
}

/** Of what was counted in a slice and, if it is to count too, the one before; in milliseconds, NaN without any. */
function quantilesMs(cells: Uint32Array, first: number, second: number): readonly [number, number] {
  const at = (cell: number): number => {
    const other = second === NOT_COUNTED ? 0 : (cells[second + cell] ?? 0);
    return (cells[first + cell] ?? 0) + other;
  };
  let total = 0;
  for (let cell = 0; cell < CELLS; cell += 1) total += at(cell);
  const found: [number, number] = [Number.NaN, Number.NaN];
  if (total === 0) return found;
  let passed = 0;
  for (let cell = 0; cell < CELLS; cell += 1) {
    const count = at(cell);
    if (count === 0) continue;
    const least = leastOf(cell);
    for (const [index, quantile] of QUANTILES.entries()) {
      const left = quantile * total - passed;
      // Linear within a cell.
      const us = least + ((leastOf(cell + 1) - least) * left) / count;
      if (left > 0 && left <= count) found[index] = us / 1000;
    }
    passed += count;
  }
  return found;
}

function increment(counts: Uint32Array, place: number): void {
  counts[place] = (counts[place] ?? 0) + 1;
}

const orNull = (ms: number): number | null =>
  Number.isNaN(ms) ? null : Math.round(ms * 100) / 100;

/** One value for each slice of five seconds, oldest first, the one under way last; null where nothing was measured. */
export interface CallSeries {
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly calls: readonly number[];
  readonly errors: readonly number[];
  readonly bucketMs: number;
}

/** How calls fare now: over the slice under way and the one before. */
export interface CallPulse {
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** What is told of a connector that was never called. */
export const NO_CALLS: CallSeries = {
  p50Ms: [],
  p95Ms: [],
  calls: [],
  errors: [],
  bucketMs: SLICE_MS,
};

/**
 * The calls of one connector over the last five minutes, in 3 KB: two counts and two quantiles for each slice. A call
 * costs a reading of the clock and an increment; a slice is summed up when the first call or reading after it comes.
 */
export class CallHistory {
  readonly #now: () => number;
  /** By slice, then errors by slice. */
  readonly #counts = new Uint32Array(2 * SLICES);
  /** The median by slice, then the 95th percentile. */
  readonly #quantiles = new Float32Array(2 * SLICES).fill(Number.NaN);
  /** Durations of the slice under way and of the one before, which change places. */
  readonly #cells = new Uint32Array(2 * CELLS);
  #current = 0;
  #slice: number;
  #endsAtMs: number;
  #at: number;

  /** @param now monotonic, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#slice = Math.floor(now() / SLICE_MS);
    this.#endsAtMs = (this.#slice + 1) * SLICE_MS;
    this.#at = this.#slice % SLICES;
  }

  /** A call is over. */
  add(failed: boolean, durationMs: number): void {
    const nowMs = this.#now();
    if (nowMs >= this.#endsAtMs) this.#begin(nowMs);
    increment(this.#counts, this.#at);
    if (failed) increment(this.#counts, SLICES + this.#at);
    increment(this.#cells, this.#current + cellOf(Math.min(durationMs * 1000, MOST_US) | 0));
  }

  series(): CallSeries {
    const nowMs = this.#now();
    if (nowMs >= this.#endsAtMs) this.#begin(nowMs);
    this.#sumUp();
    const [counts, quantiles] = [this.#counts, this.#quantiles];
    const row = <T>(read: (place: number) => T): T[] =>
      Array.from({ length: SLICES }, (_, index) => read((this.#at + 1 + index) % SLICES));
    return {
      p50Ms: row((place) => orNull(quantiles[place] ?? Number.NaN)),
      p95Ms: row((place) => orNull(quantiles[SLICES + place] ?? Number.NaN)),
      calls: row((place) => counts[place] ?? 0),
      errors: row((place) => counts[SLICES + place] ?? 0),
      bucketMs: SLICE_MS,
    };
  }

  pulse(): CallPulse {
    const nowMs = this.#now();
    if (nowMs >= this.#endsAtMs) this.#begin(nowMs);
    const last = (this.#at + SLICES - 1) % SLICES;
    const seconds = (SLICE_MS + (nowMs % SLICE_MS)) / 1000;
    const rate = (from: number): number => {
      const calls = (this.#counts[from + this.#at] ?? 0) + (this.#counts[from + last] ?? 0);
      return Math.round((calls / seconds) * 100) / 100;
    };
    const [p50, p95] = quantilesMs(this.#cells, this.#current, CELLS - this.#current);
    return {
      callsPerSecond: rate(0),
      errorsPerSecond: rate(SLICES),
      p50Ms: orNull(p50),
      p95Ms: orNull(p95),
    };
  }

  /** The quantiles of the slice under way, as far as it has come. */
  #sumUp(): void {
    const [p50, p95] = quantilesMs(this.#cells, this.#current, NOT_COUNTED);
    this.#quantiles[this.#at] = p50;
    this.#quantiles[SLICES + this.#at] = p95;
  }

  /** The slice is over; those after it in which nothing happened are empty. */
  #begin(nowMs: number): void {
    this.#sumUp();
    const slice = Math.floor(nowMs / SLICE_MS);
    const passed = slice - this.#slice;
    this.#current = CELLS - this.#current;
    if (passed === 1) this.#cells.fill(0, this.#current, this.#current + CELLS);
    else this.#cells.fill(0);
    for (let step = Math.min(passed, SLICES); step > 0; step -= 1) {
      this.#at = (this.#at + 1) % SLICES;
      for (const place of [this.#at, SLICES + this.#at]) {
        this.#counts[place] = 0;
        this.#quantiles[place] = Number.NaN;
      }
    }
    this.#slice = slice;
    this.#endsAtMs = (slice + 1) * SLICE_MS;
  }
}
