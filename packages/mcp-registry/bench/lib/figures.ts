/** What a series of measurements comes to, in the unit it was taken in. */
export interface Figures {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** Percentiles by the nearest rank. */
export function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN);
  return { n: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Measures how long the event loop is kept from its next turn. */
export interface StallWatch {
  /** Stalls since the last call, in ms. */
  take(): Figures;
  stop(): void;
}

/** A watch that asks for a turn every millisecond and notes how much later it came. */
export function watchStalls(): StallWatch {
  let last = performance.now();
  let stalls: number[] = [];
  const timer = setInterval(() => {
    const now = performance.now();
    stalls.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  return {
    take: () => {
      const taken = figures(stalls);
      stalls = [];
      last = performance.now();
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}
