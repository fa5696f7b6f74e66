import type { Counter, Histogram } from 'prom-client';
import type { BoundHistogram, HistogramSeries } from './bound-histogram.ts';
import type { CallHistory } from './call-history.ts';
import {
  bindCallMetrics,
  type BoundCallMetrics,
  type CallMetrics,
  type RefusalReason,
} from './call-metrics.ts';

/** How an attempt to sync a connector ended. */
export type SyncResult = 'synced' | 'unchanged' | 'failed';
export const SYNC_RESULTS: readonly SyncResult[] = ['synced', 'unchanged', 'failed'];

/**
 * How a call ended: `ok` with a result (a tool's own `isError` result too: it is not looked at), `error` with the
 * server's JSON-RPC error, `timeout` and `failed` without an answer, `cancelled` by the client, `unavailable` when
 * nothing of the connector could be used, so that it was not even asked.
 */
export type CallResult = 'ok' | 'error' | 'timeout' | 'failed' | 'cancelled' | 'unavailable';
type Observe = (seconds: number) => void;

/** The metrics that carry a connector's id and are not read at scrape time. */
export interface ConnectorMetrics extends CallMetrics {
  readonly syncDuration: Histogram<'connector' | 'outcome'>;
  readonly syncRetries: Counter<'connector'>;
  readonly roundTrips: Counter<'connector'>;
  readonly toolCallDuration: BoundHistogram;
  readonly upstreamDuration: BoundHistogram;
}

/**
 * The children of one connector, bound once, so that no call builds label objects. After `retire` it takes nothing
 * more: what ends late must not bring back the series of a connector that is gone.
 */
export class ConnectorInstruments {
  readonly #metrics: ConnectorMetrics;
  readonly #connectorId: string;
  readonly #sync: ReadonlyMap<SyncResult, Observe>;
  readonly #toolCall: Readonly<Record<CallResult, HistogramSeries>>;
  readonly #upstream: HistogramSeries;
  readonly #retry: () => void;
  readonly #roundTrip: () => void;
  readonly #calls: BoundCallMetrics;
  #retired = false;

  constructor(connectorId: string, metrics: ConnectorMetrics) {
    this.#connectorId = connectorId;
    this.#metrics = metrics;
    this.#sync = new Map(
      SYNC_RESULTS.map((result) => {
        const child = metrics.syncDuration.labels(connectorId, result);
        return [result, (seconds) => child.observe(seconds)];
      }),
    );
    const bind = (result: CallResult): HistogramSeries =>
      metrics.toolCallDuration.bind(connectorId, result);
    this.#toolCall = {
      ok: bind('ok'),
      error: bind('error'),
      timeout: bind('timeout'),
      failed: bind('failed'),
      cancelled: bind('cancelled'),
      unavailable: bind('unavailable'),
    };
    this.#upstream = metrics.upstreamDuration.bind(connectorId);
    const retries = metrics.syncRetries.labels(connectorId);
    // A counter that is there from the start shows its first increase.
    retries.inc(0);
    this.#retry = () => retries.inc();
    const roundTrips = metrics.roundTrips.labels(connectorId);
    roundTrips.inc(0);
    this.#roundTrip = () => roundTrips.inc();
    this.#calls = bindCallMetrics(connectorId, metrics);
  }

  /** How the last calls went, where that is remembered. */
  get history(): CallHistory | undefined {
    return undefined;
  }

  /** Whether its connector is gone. */
  protected get retired(): boolean {
    return this.#retired;
  }

  /** An attempt to sync has ended. */
  syncEnded(result: SyncResult, durationMs: number): void {
    if (!this.#retired) this.#sync.get(result)?.(durationMs / 1000);
  }

  /** An attempt begins after one that failed. */
  syncRetried(): void {
    if (!this.#retired) this.#retry();
  }

  /** A request of our own had to wait for the answer of the one before. */
  roundTripped(): void {
    if (!this.#retired) this.#roundTrip();
  }

  /** A call is sent a second time. */
  callRetried(): void {
    if (!this.#retired) this.#calls.retried();
  }

  /** A call has waited for its place. */
  callWaited(durationMs: number): void {
    if (!this.#retired) this.#calls.waited(durationMs / 1000);
  }

  /** A call was not sent. */
  callRefused(reason: RefusalReason): void {
    if (!this.#retired) this.#calls.refused(reason);
  }

  /** A tool call is over, whichever way. */
  toolCallEnded(result: CallResult, durationMs: number): void {
    if (!this.#retired) this.#toolCall[result].observe(durationMs / 1000);
  }

  /** The server has answered a tool call, or failed to, after so long since it was sent. */
  toolCallAnswered(durationMs: number): void {
    if (!this.#retired) this.#upstream.observe(durationMs / 1000);
  }

  /** Removes every series of this connector, for good. */
  retire(): void {
    this.#retired = true;
    const { syncDuration, syncRetries, roundTrips } = this.#metrics;
    this.#upstream.remove();
    syncRetries.remove(this.#connectorId);
    roundTrips.remove(this.#connectorId);
    this.#calls.remove();
    for (const outcome of SYNC_RESULTS) syncDuration.remove(this.#connectorId, outcome);
    for (const series of Object.values(this.#toolCall)) series.remove();
  }
}
