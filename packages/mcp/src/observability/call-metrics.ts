import { Counter, Gauge, type Registry } from 'prom-client';
import { BoundHistogram } from './bound-histogram.ts';

/** Why a call was not sent. */
export type RefusalReason = 'breaker' | 'bulkhead' | 'quota';
const REASONS: readonly RefusalReason[] = ['breaker', 'bulkhead', 'quota'];

/** What calls meet on their way, by connector. */
export interface CallMetrics {
  readonly callRetries: Counter<'connector'>;
  readonly callsRefused: Counter<'connector' | 'reason'>;
  readonly placeWait: BoundHistogram;
}

// A call waits 1 s at most, unless that was configured.
const WAIT_BUCKETS_S: number[] = [0.001, 0.01, 0.1, 0.5, 1, 5];

export function createCallMetrics(registers: [Registry]): CallMetrics {
  return {
    callRetries: new Counter({
      name: 'mcp_call_retries_total',
      help: 'Calls that were sent a second time.',
      labelNames: ['connector'],
      registers,
    }),
    callsRefused: new Counter({
      name: 'mcp_calls_refused_total',
      help: 'Calls that were not sent, by what refused them.',
      labelNames: ['connector', 'reason'],
      registers,
    }),
    placeWait: new BoundHistogram({
      name: 'mcp_pool_wait_seconds',
      help: 'Waits for a place of a connector, of those calls that had to.',
      labelNames: ['connector'],
      buckets: WAIT_BUCKETS_S,
      registers,
    }),
  };
}

/** The children of one connector, bound once. */
export interface BoundCallMetrics {
  retried(): void;
  refused(reason: RefusalReason): void;
  waited(seconds: number): void;
  remove(): void;
}

export function bindCallMetrics(
  connector: string,
  { callRetries, callsRefused, placeWait }: CallMetrics,
): BoundCallMetrics {
  const retries = callRetries.labels(connector);
  // A counter that is there from the start shows its first increase.
  retries.inc(0);
  const waits = placeWait.bind(connector);
  const refused = new Map(
    REASONS.map((reason) => [reason, callsRefused.labels(connector, reason)] as const),
  );
  for (const child of refused.values()) child.inc(0);
  return {
    retried: () => retries.inc(),
    refused: (reason) => refused.get(reason)?.inc(),
    waited: (seconds) => waits.observe(seconds),
    remove() {
      callRetries.remove(connector);
      waits.remove();
      for (const reason of REASONS) callsRefused.remove(connector, reason);
    },
  };
}

const BREAKER_VALUES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** A connector as its breaker has it. */
interface BreakerFact {
  readonly id: string;
  readonly calls?: { readonly breaker: keyof typeof BREAKER_VALUES } | undefined;
}

export function createBreakerGauge(
  registers: [Registry],
  connectors: () => readonly BreakerFact[],
): Gauge<'connector'> {
  return new Gauge({
    name: 'mcp_breaker_state',
    help: 'What becomes of calls: 0 they are sent, 1 the next one decides, 2 they are refused.',
    labelNames: ['connector'],
    registers,
    collect() {
      this.reset();
      for (const { id, calls } of connectors()) {
        if (calls !== undefined) this.set({ connector: id }, BREAKER_VALUES[calls.breaker]);
      }
    },
  });
}
