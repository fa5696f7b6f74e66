import { PerformanceObserver } from 'node:perf_hooks';

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

/** Stalls and collections of a stretch of time, each in ms. */
export interface Stalls {
  /** How much later than asked for each turn of the event loop came. */
  readonly loopMs: readonly number[];
  /** Pauses of the garbage collector, whose longest ones are stalls as well. */
  readonly gcMs: readonly number[];
}

/** Measures how long the event loop is kept from its next turn. */
export interface StallWatch {
  /** What happened since the last call. */
  take(): Stalls;
  stop(): void;
}

/** A watch that asks for a turn every millisecond and notes how much later it came. */
export function watchStalls(): StallWatch {
  let last = performance.now();
  let loopMs: number[] = [];
  let gcMs: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMs.push(duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  const timer = setInterval(() => {
    const now = performance.now();
    loopMs.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  return {
    take: () => {
      const taken = { loopMs, gcMs };
      loopMs = [];
      gcMs = [];
      last = performance.now();
      return taken;
    },
    stop: () => {
      clearInterval(timer);
      observer.disconnect();
    },
  };
}

/** All stalls of several stretches. */
export function joinStalls(stalls: readonly Stalls[]): { loop: Figures; gc: Figures } {
  return {
    loop: figures(stalls.flatMap(({ loopMs }) => loopMs)),
    gc: figures(stalls.flatMap(({ gcMs }) => gcMs)),
  };
}
