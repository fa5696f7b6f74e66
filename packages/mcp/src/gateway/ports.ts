/**
 * What the gateway asks and tells the sync side. `service.ts` wires these to `connectors/`; the gateway knows no more.
 */

/** A client asked for a list. */
export interface ListDemand {
  /**
   * Undefined when a list can be answered at once; else a promise that resolves when something is known of every
   * connector in question. Never rejects, never takes longer than `firstListWaitMs`.
   * @param connectorId one connector, or undefined for all.
   */
  listWanted(connectorId: string | undefined): Promise<void> | undefined;
  /** False while nothing is known yet of a connector in question: the list will grow, so it must not be cached. */
  complete(connectorId: string | undefined): boolean;
  /** Which connectors in question are stale or missing, as JSON of an object; undefined when all are fresh. */
  degraded(connectorId: string | undefined): string | undefined;
}

/** Why a connector cannot be used. */
export interface ConnectorTrouble {
  readonly phase: string;
  readonly code: string;
  readonly message: string;
}

export interface FoundConnector {
  readonly trouble: ConnectorTrouble | undefined;
  /** When it is tried again by itself, in milliseconds from now; undefined when it is not. */
  readonly nextAttemptMs?: number | undefined;
}

/** Which connectors exist, whether or not anything is known of them. */
export interface ConnectorDirectory {
  /** Undefined when there is no such connector; `trouble` is undefined when nothing is wrong with it. */
  find(connectorId: string): FoundConnector | undefined;
}

/** Something a call revealed about an upstream. */
export interface UpstreamSignal {
  /**
   * A call failed on the way to or from the upstream; `code` is that of the UpstreamError.
   * @returns when the connector is tried again by itself, in milliseconds from now; undefined when it is not.
   */
  callFailed(connectorId: string, code: string): number | undefined;
  /** A server refused the headers of a call: it wants others than its list said, so the list must be had again. */
  headersRefused(connectorId: string): void;
}
