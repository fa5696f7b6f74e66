import type { SyncMeter } from '../../observability/sync-meter.ts';
import type { ManifestCache } from '../cache/cache.ts';
import type { CachedManifest } from '../cache/manifest-store.ts';
import type { SyncOutcome } from '../sync-report.ts';
import type { ListChecker } from './list-check.ts';
import type { CreateUpstream } from './synced-upstream.ts';

/** What one connector shares with, and tells, the manager. */
export interface ConnectorEntryWiring {
  /** When a first list began to wait for it, on the clock of `performance.now()`. */
  readonly addedAtMs: number;
  readonly cache: ManifestCache<CachedManifest>;
  readonly createUpstream: CreateUpstream;
  /** What `served()` or `status()` say has changed. */
  readonly changed: () => void;
  /** The server said that a list of its has changed, or went away: what it offers must be asked again. */
  readonly outdated: (connectorId: string) => void;
  /** Looks at lists once more that were asked for early. Default: nobody does, and none are. */
  readonly checker: ListChecker | undefined;
  readonly meter: SyncMeter;
  /**
   * The server said something unasked that is not about its lists; `callerId` names the session whose own connection it
   * came on.
   */
  readonly told: (
    connectorId: string,
    callerId: string | undefined,
    method: string,
    text: string,
  ) => void;
  /** An attempt within a sync is followed by another. */
  readonly retried: () => void;
  /** Runs one sync, as a span where traces are recorded. */
  readonly traced: (run: () => Promise<SyncOutcome>) => Promise<SyncOutcome>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}
