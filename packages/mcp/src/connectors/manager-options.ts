import type { Instruments } from '../observability/instruments.ts';
import type { Traced } from '../observability/traced-work.ts';
import type { CacheStore } from './cache/cache-store.ts';
import type { ConnectorDefinition, ConnectorFailure } from './connector.ts';
import type { CreateUpstream } from './entry/connector-entry.ts';
import type { CachedManifest } from './cache/manifest-store.ts';
import type { ConnectorState, SyncOutcome } from './sync-report.ts';

/** What is known of a connector without asking it. */
export interface FoundConnector {
  /** Why nothing of it can be served now. */
  readonly trouble: ConnectorFailure | undefined;
  /** When it is asked again by itself, in milliseconds from now; undefined when it is not. */
  readonly nextAttemptMs: number | undefined;
}

export interface ConnectorProxyManagerOptions {
  readonly connectors: readonly ConnectorDefinition[];
  readonly createUpstream: CreateUpstream;
  /** Loads what a connector's first sync needs; undefined when that is there. Never rejects. Default: nothing is loaded. */
  readonly prepare?: (definition: ConnectorDefinition) => Promise<void> | undefined;
  /** Uniform in [0, 1); spreads refreshes and retries. */
  readonly random: () => number;
  /** Connectors synced at the same time, default 128 (`MCP_CONNECTOR_SYNC_CONCURRENCY`); 1 is the sequential off path. */
  readonly syncConcurrency?: number;
  /** How long a first list may wait for connectors nothing is known of, from their start. Default 1500; 0 = never. */
  readonly firstListWaitMs?: number;
  /** When the wait of a first list for `connectors` began, on the clock of `performance.now()`. Default: now. */
  readonly startedAtMs?: number | undefined;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`): nothing is refreshed in the background, only when a list is asked for. */
  readonly backgroundRefresh?: boolean;
  /** False (`MCP_CONNECTOR_MANIFEST_CACHE`): every list asks the servers, and nothing is kept over a restart. */
  readonly manifestCache?: boolean;
  /** How long calls under way may go on once their connector was replaced or removed. Default 10000. */
  readonly drainMs?: number;
  /** The longest time between two refreshes of a connector. Default 300000. */
  readonly refreshIntervalMs?: number;
  /** Keeps manifests over a restart. Default: nothing is kept. */
  readonly store?: CacheStore<CachedManifest> | undefined;
  /** Told of what goes wrong in the background; `what` names it. Default: ignored. */
  readonly onError?: (what: string, error: unknown) => void;
  /**
   * Told of what a server says unasked beside changes of its lists, e.g. `notifications/resources/updated`; raw JSON.
   * `callerId` is the session whose own connection it came on; undefined on a connection that clients share.
   */
  readonly onTold?: (
    connectorId: string,
    callerId: string | undefined,
    method: string,
    text: string,
  ) => void;
  /** Told of each sync of a connector that is still wanted, and what of it can be served then. Default: nobody is. */
  readonly onOutcome?: (outcome: SyncOutcome, state: ConnectorState) => void;
  /** Records passes and syncs as spans. Default: nothing is recorded. */
  readonly traced?: Traced | undefined;
  /** Measures every attempt. Default: nothing is measured. */
  readonly instruments?: Pick<Instruments, 'connector'>;
}
