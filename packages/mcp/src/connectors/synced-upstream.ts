import type { Upstream, UpstreamEvents } from '../upstream/upstream.ts';
import type { ConnectorDefinition } from './connector.ts';
import type { Manifest } from './manifest.ts';

/** What a server was when its manifest was fetched. */
export interface RememberedEra {
  readonly era: Manifest['info']['era'];
  /** Wall clock, so that it can outlive the process. */
  readonly storedAtMs: number;
}

/** An upstream as a pass uses it. */
export interface SyncedUpstream extends Upstream {
  /** A sync of this connector has ended: what was held for it alone may go. */
  passEnded?(): void;
  /** Calls of clients under way. */
  readonly inFlight?: number;
  /** Resolves when they have ended, or after `maxMs`. */
  drain?(maxMs: number): Promise<void>;
}

/**
 * Makes the upstream of a connector; it connects when first asked.
 * @param remembered the era the manifest in hand was fetched in, dated; undefined when there is none.
 */
export type CreateUpstream = (
  definition: ConnectorDefinition,
  events: UpstreamEvents,
  remembered: () => RememberedEra | undefined,
) => SyncedUpstream;
