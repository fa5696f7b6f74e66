import { CallHistory } from './call-history.ts';
import {
  ConnectorInstruments,
  type CallResult,
  type ConnectorMetrics,
} from './connector-instruments.ts';

/** Connectors whose calls are remembered; of more only the metrics tell. */
const MAX_HISTORIES = 10_000;

/** What ended well, or was not the server's fault. */
const isFailure = (result: CallResult): boolean => result !== 'ok' && result !== 'cancelled';

/** What all connectors of a service share. */
interface Watch {
  readonly now: () => number;
  histories: number;
}

/** Remembers how the last calls went as well; nothing before the first. */
class WatchedInstruments extends ConnectorInstruments {
  readonly #watch: Watch;
  #history: CallHistory | undefined;

  constructor(connectorId: string, metrics: ConnectorMetrics, watch: Watch) {
    super(connectorId, metrics);
    this.#watch = watch;
  }

  override get history(): CallHistory | undefined {
    return this.#history;
  }

  override toolCallEnded(result: CallResult, durationMs: number): void {
    super.toolCallEnded(result, durationMs);
    (this.#history ?? this.#begin())?.add(isFailure(result), durationMs);
  }

  override retire(): void {
    super.retire();
    if (this.#history !== undefined) this.#watch.histories -= 1;
    this.#history = undefined;
  }

  #begin(): CallHistory | undefined {
    if (this.retired || this.#watch.histories >= MAX_HISTORIES) return undefined;
    this.#watch.histories += 1;
    this.#history = new CallHistory(this.#watch.now);
    return this.#history;
  }
}

/** Makes the instruments of a connector. */
export type CreateConnectorInstruments = (
  connectorId: string,
  metrics: ConnectorMetrics,
) => ConnectorInstruments;

export function plainInstruments(
  connectorId: string,
  metrics: ConnectorMetrics,
): ConnectorInstruments {
  return new ConnectorInstruments(connectorId, metrics);
}

/** Instruments with the history that the status page shows (S4-35). @param now monotonic, in milliseconds. */
export function createWatchedInstruments(
  now: () => number = () => performance.now(),
): CreateConnectorInstruments {
  const watch: Watch = { now, histories: 0 };
  return (connectorId, metrics) => new WatchedInstruments(connectorId, metrics, watch);
}
