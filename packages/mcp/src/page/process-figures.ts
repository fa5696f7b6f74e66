import { monitorEventLoopDelay } from 'node:perf_hooks';
import { samplesEveryIteration } from '../observability/runtime-monitor.ts';

/** Figures of this process; null where they are not known yet. */
export interface ProcessReading {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Of one core, since the reading before. */
  readonly cpuPercent: number | null;
  /** Since the reading before; null while nobody watches. */
  readonly eventLoopDelayP99Ms: number | null;
}

export interface ProcessFigures {
  /** Readings within a second of the last one have its CPU time and delay. */
  read(): ProcessReading;
  /** Begins to watch the event loop. Idempotent. */
  watch(): void;
  /** Costs nothing from here on. Idempotent. */
  rest(): void;
}

const LEAST_WINDOW_MS = 1_000;
/** How often the timer of an earlier Node samples, and with it the floor of what it reports. */
const RESOLUTION_MS = 20;

/** Reads nothing before it is asked. */
export function createProcessFigures(): ProcessFigures {
  const perIteration = samplesEveryIteration(process.versions.node);
  const delay = monitorEventLoopDelay({
    samplePerIteration: perIteration,
    resolution: RESOLUTION_MS,
  });
  const floorMs = perIteration ? 0 : RESOLUTION_MS;
  let before = { atMs: performance.now(), usage: process.cpuUsage() };
  let cpuPercent: number | null = null;
  let delayMs: number | null = null;
  const renew = (): void => {
    const atMs = performance.now();
    const passedMs = atMs - before.atMs;
    if (passedMs < LEAST_WINDOW_MS) return;
    const { user, system } = process.cpuUsage(before.usage);
    cpuPercent = Math.round((user + system) / passedMs) / 10;
    before = { atMs, usage: process.cpuUsage() };
    if (delay.count === 0) return;
    delayMs = Math.max(0, Math.round(delay.percentile(99) / 1e4) / 100 - floorMs);
    delay.reset();
  };
  return {
    read: () => {
      renew();
      const { rss, heapUsed } = process.memoryUsage();
      return { rssBytes: rss, heapUsedBytes: heapUsed, cpuPercent, eventLoopDelayP99Ms: delayMs };
    },
    watch: () => void delay.enable(),
    rest: () => {
      delay.disable();
      delay.reset();
      delayMs = null;
    },
  };
}
