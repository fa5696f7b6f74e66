import type { Principal } from '../auth/principal.ts';
import type { ToolDefinition } from '../catalog/catalog.ts';
import type { CallResult } from '../observability/connector-instruments.ts';
import type { RequestParams } from '../protocol/json-rpc.ts';
import type { LegacySession } from './session/legacy-session.ts';

import type { ViewFilter } from '../catalog/view-filter.ts';

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
  /**
   * Which connectors in question are stale or missing, as JSON of an object; undefined when all are fresh.
   * @param policy what the client may see. Default: everything.
   */
  degraded(connectorId: string | undefined, policy?: ViewFilter): string | undefined;
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
  /**
   * A server refused the headers of a call: it wants others than its list said, so the list is had again.
   * @returns when the catalog has it, or after a bounded time. Never rejects.
   */
  headersRefused(connectorId: string): Promise<void>;
}

/** A call that is over, whichever way it went. */
export interface EndedCall {
  readonly method: string;
  readonly params: RequestParams;
  readonly principal: Principal;
  /** The session of a legacy client; undefined for modern ones, who say in `params` who they are. */
  readonly session: LegacySession | undefined;
  /** Whose it was, as far as that is known. */
  readonly connectorId: string | undefined;
  /** The definition of the tool that was called. */
  readonly definition: ToolDefinition | undefined;
  readonly outcome: CallOutcome;
  /** JSON-RPC code of a server's error, or the stable code of ours. */
  readonly code: string | number | undefined;
  /** On the clock of `performance.now()`; undefined when it was refused at once. */
  readonly startedAtMs: number | undefined;
}

/**
 * How a call ended: as its connector's metrics have it, or before it got there: `unknown` names nothing, `denied` is not
 * for this principal, `refused` is against a rule.
 */
export type CallOutcome = CallResult | 'unknown' | 'denied' | 'refused';

/** Hears of every call exactly once, when it is over. Must not throw. */
export interface CallObserver {
  ended(call: EndedCall): void;
  /** Why no call may be made now; undefined when all may. */
  refusal(): string | undefined;
}
