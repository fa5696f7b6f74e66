import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { MapStatus } from '../connectors/map/map-status.ts';
import type { ConnectorStatus } from '../connectors/sync-report.ts';
import type { CallHistory } from '../observability/call-history.ts';

/** Where the definition of a connector stands. */
export type ConnectorSource = 'config' | 'map' | 'registry';

/** A connector as it should be, and who says so. */
export interface WantedConnector {
  readonly definition: ConnectorDefinition;
  readonly source: ConnectorSource;
}

/** One rollback flag, as `cortex-mcp flags` has it. */
export interface PageFlag {
  readonly name: string;
  readonly value: boolean | number | string;
  readonly default: boolean | number | string;
  /** Where its value comes from. */
  readonly origin: string;
  readonly owner: string;
  /** When it goes. */
  readonly removal: string;
}

/** Which share of the instances runs with background refresh, and whether this one does. */
export interface PageRollout {
  readonly percent: number;
  readonly instanceId: string;
  readonly inCohort: boolean;
  /** The percentages a rollout goes through (S4-37). */
  readonly steps: readonly number[];
}

/** What the status page is told of a service. Everything is read when it is asked for. */
export interface PageFacts {
  readonly version: string;
  readonly startedAt: Date;
  readonly state: () => 'starting' | 'ready' | 'draining';
  readonly connectors: () => readonly ConnectorStatus[];
  readonly wanted: () => ReadonlyMap<string, WantedConnector>;
  readonly served: () => readonly ServedManifest[];
  /** Another word means that other tools are listed of what a connector offers; undefined where all of them are. */
  readonly listedMark: (connectorId: string) => string | undefined;
  /** Milliseconds until it is asked again by itself; undefined when it is not. */
  readonly nextAttemptMs: (connectorId: string) => number | undefined;
  /** Undefined for a connector that was never called. */
  readonly history: (connectorId: string) => CallHistory | undefined;
  readonly callsInFlight: () => number;
  readonly sessions: () => number;
  /** Event streams of clients. */
  readonly streams: () => number;
  readonly flags: () => readonly PageFlag[];
  readonly rollout: () => PageRollout;
  readonly map: () => MapStatus | undefined;
  /** Calls the listener when connectors, or what is listed of them, may have changed; returns a function that ends that. */
  readonly onChange: (listener: () => void) => () => void;
}
