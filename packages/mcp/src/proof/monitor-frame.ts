import {
  between,
  type Buckets,
  histogramOf,
  increase,
  quantileOf,
  type Scrape,
  sumOf,
  type Where,
} from './exposition.ts';
import type { ReadConnector, ServiceReading } from './service-reading.ts';

/** Durations of calls, in milliseconds; undefined while none ended. */
export interface Latency {
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Bytes as the kernel counts them; undefined where it does not say. */
export interface HeldMemory {
  readonly rssBytes: number | undefined;
  readonly pssBytes: number | undefined;
}

/** What was counted between two readings. */
export interface Counted {
  readonly calls: number;
  /** Of them: those that ended in an error, a time-out, a failure or unsent. */
  readonly errors: number;
  /** Attempts to sync that failed. */
  readonly syncFailures: number;
}

/** One connector between two readings. */
export interface ConnectorFrame extends Latency, HeldMemory, Counted {
  readonly id: string;
  readonly state: string;
  readonly breaker: string | undefined;
  readonly callsPerSecond: number;
  /** Of calls that ended in an error, a time-out, a failure or unsent; refused ones included. */
  readonly errorsPerSecond: number;
  readonly inFlight: number;
  readonly queued: number;
  /** How often its process or connection ended and was replaced since the watching began. */
  readonly restarts: number;
  readonly processes: number;
}

/** The service itself between two readings. */
export interface ServiceFrame extends Latency, HeldMemory, Counted {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** Another process than at the reading before: its counters began anew. */
  readonly restarted: boolean;
  readonly cpuPercent: number;
  readonly heapUsedBytes: number | undefined;
  /** Of the last 15 s or more. */
  readonly eventLoopP99Ms: number | undefined;
  /** Share of time in which it stood still for the garbage collector, in percent. */
  readonly gcPercent: number;
  /** Share of time in which turns of the event loop took beyond 100 ms, in percent. */
  readonly stalledPercent: number;
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly inFlight: number | undefined;
  readonly sessions: number | undefined;
}

/** Memory pressure in percent of the last ten seconds. */
export interface PressureFrame {
  readonly where: 'group' | 'machine';
  readonly some: number;
  readonly full: number;
}

/** What was seen at one moment. */
export interface MonitorFrame {
  /** By the wall clock, ISO 8601. */
  readonly at: string;
  /** Between the two readings. */
  readonly seconds: number;
  readonly service: ServiceFrame;
  readonly pressure: PressureFrame | undefined;
  readonly connectors: readonly ConnectorFrame[];
}

/** What the system says beside the service's own routes. */
export interface HostFrame {
  readonly at: string;
  readonly service: HeldMemory;
  readonly pressure: PressureFrame | undefined;
  readonly connectors: ReadonlyMap<string, HeldMemory>;
  readonly restarts: ReadonlyMap<string, number>;
}

const CALLS = 'mcp_tool_call_duration_seconds';
const SYNCS = 'mcp_connector_sync_duration_seconds_count';
/** A client that goes away is no error. */
const BAD_OUTCOMES = ['error', 'timeout', 'failed', 'unavailable'];
const QUANTILES = { p50Ms: 0.5, p95Ms: 0.95, p99Ms: 0.99 } as const;

function ms(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function latencyOf(calls: Buckets | undefined): Latency {
  const at = (q: number): number | undefined => calls && ms(quantileOf(calls, q));
  return { p50Ms: at(QUANTILES.p50Ms), p95Ms: at(QUANTILES.p95Ms), p99Ms: at(QUANTILES.p99Ms) };
}

/** What was counted from one reading to the next. */
class Span {
  readonly #before: Scrape | undefined;
  readonly #after: Scrape;
  readonly #seconds: number;

  constructor(before: Scrape | undefined, after: Scrape, seconds: number) {
    this.#before = before;
    this.#after = after;
    this.#seconds = seconds;
  }

  grown(name: string, where?: Where): number {
    const now = sumOf(this.#after, name, where);
    if (now === undefined) return 0;
    return increase(this.#before && (sumOf(this.#before, name, where) ?? 0), now);
  }

  /** Of a count in the time between. */
  rate(count: number): number {
    return this.#seconds <= 0 ? 0 : count / this.#seconds;
  }

  perSecond(name: string, where?: Where): number {
    return this.rate(this.grown(name, where));
  }

  counted(where?: Where): Counted {
    return {
      calls: this.grown(`${CALLS}_count`, where),
      errors: BAD_OUTCOMES.reduce(
        (sum, outcome) => sum + this.grown(`${CALLS}_count`, { ...where, outcome }),
        0,
      ),
      syncFailures: this.grown(SYNCS, { ...where, outcome: 'failed' }),
    };
  }

  latency(where?: Where): Latency {
    const after = histogramOf(this.#after, CALLS, where);
    const before = this.#before && histogramOf(this.#before, CALLS, where);
    return latencyOf(after && between(before, after));
  }

  now(name: string, where?: Where): number | undefined {
    return sumOf(this.#after, name, where);
  }
}

const UNSEEN: HeldMemory = { rssBytes: undefined, pssBytes: undefined };

function connectorFrame(span: Span, connector: ReadConnector, host: HostFrame): ConnectorFrame {
  const { id, state, breaker, inFlight = 0, queued = 0, pids } = connector;
  const where = { connector: id };
  const counted = span.counted(where);
  return {
    id,
    state,
    breaker,
    ...counted,
    callsPerSecond: span.rate(counted.calls),
    errorsPerSecond: span.rate(counted.errors),
    inFlight,
    queued,
    restarts: host.restarts.get(id) ?? 0,
    processes: pids.length,
    ...span.latency(where),
    ...(host.connectors.get(id) ?? UNSEEN),
  };
}

function serviceFrame(
  span: Span,
  reading: ServiceReading,
  more: { readonly restarted: boolean; readonly host: HostFrame },
): ServiceFrame {
  const { host, restarted } = more;
  const counted = span.counted();
  return {
    version: reading.version,
    pid: reading.pid,
    startedAt: reading.startedAt,
    restarted,
    cpuPercent: span.perSecond('process_cpu_seconds_total') * 100,
    heapUsedBytes: span.now('nodejs_heap_size_used_bytes'),
    eventLoopP99Ms: ms(span.now('mcp_event_loop_delay_seconds', { stat: 'p99' })),
    gcPercent: span.perSecond('mcp_gc_pause_seconds_sum') * 100,
    stalledPercent: span.perSecond('mcp_event_loop_stalled_seconds_total') * 100,
    ...counted,
    callsPerSecond: span.rate(counted.calls),
    errorsPerSecond: span.rate(counted.errors),
    inFlight: span.now('mcp_calls_in_flight'),
    sessions: span.now('mcp_sessions_current'),
    ...span.latency(),
    rssBytes: host.service.rssBytes ?? span.now('process_resident_memory_bytes'),
    pssBytes: host.service.pssBytes,
  };
}

/** Whether the second reading is of another process than the first. */
export function isOther(before: ServiceReading, after: ServiceReading): boolean {
  return before.pid !== after.pid || before.startedAt !== after.startedAt;
}

/**
 * What happened between two readings. Of a service that was restarted in between, all it has counted since its start is
 * new, over the time since it was last seen.
 */
export function monitorFrame(
  before: ServiceReading,
  after: ServiceReading,
  host: HostFrame,
): MonitorFrame {
  const restarted = isOther(before, after);
  const seconds = (after.atMs - before.atMs) / 1_000;
  const span = new Span(restarted ? undefined : before.metrics, after.metrics, seconds);
  return {
    at: host.at,
    seconds,
    service: serviceFrame(span, after, { restarted, host }),
    pressure: host.pressure,
    connectors: after.connectors.map((connector) => connectorFrame(span, connector, host)),
  };
}
