import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { UNTRACED, type Traced } from './traced-work.ts';

/** What is read of a registry at scrape time. */
export interface RegistryFacts {
  readonly records: number;
  readonly access: 'writer' | 'reader';
  /** How long the oldest change has not been on disk; 0 when all are. */
  readonly unflushedMs: number;
}

/** What a registry tells as it happens. */
export interface RegistryInstruments {
  /** A batch became durable, or the attempt failed. */
  flushEnded(succeeded: boolean, durationMs: number): void;
  /** Runs a flush, as a span where traces are recorded. */
  readonly traced: Traced;
}

// 5 ms is what a flush is promised in, 50 ms what it is promised in beside a snapshot (S4-43).
const FLUSH_BUCKETS_S: number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2];
const ACCESS: readonly RegistryFacts['access'][] = ['writer', 'reader'];

/**
 * Declares `mcp_registry_…`.
 * @param facts undefined while the registry is not open.
 * @param traced Default: flushes are not recorded.
 */
export function registerRegistryMetrics(
  registry: Registry,
  facts: () => RegistryFacts | undefined,
  traced: Traced = UNTRACED,
): RegistryInstruments {
  const registers = [registry];
  const records = new Gauge({
    name: 'mcp_registry_records',
    help: 'Entries of the registry, each version counted.',
    registers,
    collect() {
      const now = facts();
      if (now === undefined) this.reset();
      else this.set(now.records);
    },
  });
  const unflushed = new Gauge({
    name: 'mcp_registry_unflushed_seconds',
    help: 'How long the oldest change of the registry has not been on disk; 0 when all are (S4-03).',
    registers,
    collect() {
      this.set((facts()?.unflushedMs ?? 0) / 1000);
    },
  });
  const access = new Gauge({
    name: 'mcp_registry_access',
    help: '1 for what this process may do with the registry, 0 for the other.',
    labelNames: ['access'],
    registers,
    collect() {
      const now = facts();
      for (const kind of ACCESS) this.set({ access: kind }, now?.access === kind ? 1 : 0);
    },
  });
  for (const gauge of [records, unflushed, access]) gauge.reset();
  const duration = new Histogram({
    name: 'mcp_registry_flush_duration_seconds',
    help: 'From the batch to its sync on disk (S4-43).',
    buckets: FLUSH_BUCKETS_S,
    registers,
  });
  const failures = new Counter({
    name: 'mcp_registry_flush_failures_total',
    help: 'Batches that did not reach the disk at that attempt; they are tried again.',
    registers,
  });
  return {
    traced,
    flushEnded: (succeeded, durationMs) => {
      if (succeeded) duration.observe(durationMs / 1000);
      else failures.inc();
    },
  };
}
