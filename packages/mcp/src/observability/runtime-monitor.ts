import { PerformanceObserver, constants } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createEventLoopDelay, type EventLoopDelay } from './event-loop-delay.ts';

export interface RuntimeMonitorOptions {
  /**
   * Whether the delay is taken from every turn of the event loop: exact, and no timer wakes an idle process. Else a
   * timer samples it. Default: when this Node can (26.5; an earlier one ignores the option without a word).
   */
  readonly perIteration?: boolean;
  /** The least that a window of delays lasts. Default: 15 s. */
  readonly windowMs?: number;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
}

/** Watches the event loop and the garbage collector of this process. */
export interface RuntimeMonitor {
  /** Nothing is watched before. Idempotent. */
  start(): void;
  /** Leaves no observer and no timer behind. Idempotent. */
  close(): void;
}

/** 5 ms is the longest slice we allow ourselves, 50 ms a stall. */
const GC_BUCKETS_S: number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** @param version as in `process.versions.node`. */
export function samplesEveryIteration(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 26 || (major === 26 && minor >= 5);
}

/** Node gives every collection a `detail` with its kind; the types do not know. */
function gcKind(entry: PerformanceEntry): string | undefined {
  const detail: unknown = Reflect.get(entry, 'detail');
  const kind: unknown =
    typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'kind') : undefined;
  return typeof kind === 'number' ? GC_KINDS.get(kind) : undefined;
}

function delayGauge(loop: EventLoopDelay): Gauge<'stat'> {
  return new Gauge({
    name: 'mcp_event_loop_delay_seconds',
    help: 'Delay of the event loop in the last 15 s or more.',
    labelNames: ['stat'],
    registers: [],
    collect() {
      const { p50, p99, max } = loop.read();
      this.set({ stat: 'p50' }, p50);
      this.set({ stat: 'p99' }, p99);
      this.set({ stat: 'max' }, max);
    },
  });
}

function stallCounter(loop: EventLoopDelay): Counter {
  return new Counter({
    name: 'mcp_event_loop_stalled_seconds_total',
    help: 'Time that turns of the event loop took beyond the first 100 ms of each.',
    registers: [],
    collect() {
      // It is counted elsewhere; this is the sum so far.
      this.reset();
      this.inc(loop.stalledS());
    },
  });
}

/**
 * Registers `mcp_event_loop_delay_seconds{stat}` (p50, p99 and max of the last 15 s or more, whoever reads),
 * `mcp_event_loop_stalled_seconds_total` and
 * `mcp_gc_pause_seconds{kind}`. prom-client's own `nodejs_gc_duration_seconds` is not used: it counts one collection
 * of each batch and its observer cannot be ended.
 */
export function createRuntimeMonitor(
  registry: Registry,
  options: RuntimeMonitorOptions = {},
): RuntimeMonitor {
  const { perIteration = samplesEveryIteration(process.versions.node), windowMs, now } = options;
  const loop = createEventLoopDelay({ perIteration, windowMs, now });
  registry.registerMetric(delayGauge(loop));
  registry.registerMetric(stallCounter(loop));
  const pauses = new Histogram({
    name: 'mcp_gc_pause_seconds',
    help: 'Pauses for garbage collection.',
    labelNames: ['kind'],
    buckets: GC_BUCKETS_S,
    registers: [registry],
  });
  const children = new Map([...GC_KINDS.values()].map((kind) => [kind, pauses.labels(kind)]));
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      children.get(gcKind(entry) ?? '')?.observe(entry.duration / 1000);
    }
  });
  return {
    start: () => {
      loop.start();
      observer.observe({ entryTypes: ['gc'] });
    },
    close: () => {
      loop.stop();
      observer.disconnect();
    },
  };
}
