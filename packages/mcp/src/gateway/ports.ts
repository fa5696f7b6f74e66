/**
 * What the gateway tells the sync side. `service.ts` wires these to `connectors/`; the gateway knows no more.
 */

/** A client asked for a list. */
export interface ListDemand {
  /**
   * Undefined when something is known of every connector in question (or its first pass has had its time);
   * else a promise that resolves when that is so. Never rejects, never takes longer than `firstListWaitMs`.
   * @param connectorId one connector, or undefined for all.
   */
  listWanted(connectorId: string | undefined): Promise<void> | undefined;
}

/** Something a call revealed about an upstream. */
export interface UpstreamSignal {
  /** A call failed on the way to or from the upstream. */
  callFailed(connectorId: string, code: string): void;
}
