import type { Counter, Histogram } from 'prom-client';
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
export const CALL_RESULTS: readonly CallResult[] = [
  'ok',
  'error',
  'timeout',
  'failed',
  'cancelled',
  'unavailable',
];

type Observe = (seconds: number) => void;

/** The metrics that carry a connector's id and are not read at scrape time. */
export interface ConnectorMetrics extends CallMetrics {
  readonly syncDuration: Histogram<'connector' | 'outcome'>;
  readonly syncRetries: Counter<'connector'>;
  readonly roundTrips: Counter<'connector'>;
  readonly toolCallDuration: Histogram<'connector' | 'outcome'>;
  readonly upstreamDuration: Histogram<'connector'>;
}

/**
 * The children of one connector, bound once, so that no call builds label objects. After `retire` it takes nothing
 * more: what ends late must not bring back the series of a connector that is gone.
 */
export class ConnectorInstruments {
  readonly #metrics: ConnectorMetrics;
  readonly #connectorId: string;
  readonly #sync: ReadonlyMap<SyncResult, Observe>;
  readonly #toolCall: ReadonlyMap<CallResult, Observe>;
  readonly #upstream: Observe;
  readonly #retry: () => void;
  readonly #roundTrip: () => void;
  readonly #calls: BoundCallMetrics;
  #retired = false;

  constructor(connectorId: string, metrics: ConnectorMetrics) {
    this.#connectorId = connectorId;
    this.#metrics = metrics;
    const bind = <T extends string>(
      histogram: ConnectorMetrics['syncDuration'],
      outcomes: readonly T[],
    ): ReadonlyMap<T, Observe> =>
      new Map(
        outcomes.map((outcome) => {
          const child = histogram.labels(connectorId, outcome);
          return [outcome, (seconds) => child.observe(seconds)];
        }),
      );
    this.#sync = bind(metrics.syncDuration, SYNC_RESULTS);
    this.#toolCall = bind(metrics.toolCallDuration, CALL_RESULTS);
    const upstream = metrics.upstreamDuration.labels(connectorId);
    this.#upstream = (seconds) => upstream.observe(seconds);
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
    if (!this.#retired) this.#toolCall.get(result)?.(durationMs / 1000);
  }

  /** The server has answered a tool call, or failed to, after so long since it was sent. */
  toolCallAnswered(durationMs: number): void {
    if (!this.#retired) this.#upstream(durationMs / 1000);
  }

  /** Removes every series of this connector, for good. */
  retire(): void {
    this.#retired = true;
    const { syncDuration, syncRetries, roundTrips, toolCallDuration, upstreamDuration } =
      this.#metrics;
    upstreamDuration.remove(this.#connectorId);
    syncRetries.remove(this.#connectorId);
    roundTrips.remove(this.#connectorId);
    this.#calls.remove();
    for (const outcome of SYNC_RESULTS) syncDuration.remove(this.#connectorId, outcome);
    for (const outcome of CALL_RESULTS) toolCallDuration.remove(this.#connectorId, outcome);
  }
}
