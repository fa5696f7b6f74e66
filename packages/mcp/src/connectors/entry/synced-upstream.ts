import type {
  CallGateStatus,
  ReplicaStatus,
  Upstream,
  UpstreamClient,
  UpstreamEvents,
} from '../../upstream/upstream.ts';
import type { ConnectorDefinition } from '../connector.ts';
import type { ConnectorStatus } from '../sync-report.ts';
import type { EraNote } from './era-note.ts';

/** An upstream as a pass uses it. */
export interface SyncedUpstream extends Upstream {
  /** A sync of this connector has ended: what was held for it alone may go. */
  passEnded?(): void;
  /** Calls of clients under way. */
  readonly inFlight?: number;
  /** Its process is stopped until something is asked of it. */
  readonly asleep?: boolean;
  /** Its processes that run now, when it is a command. */
  readonly pids?: readonly number[] | undefined;
  /** How its calls fare. */
  readonly calls?: CallGateStatus | undefined;
  /** The servers behind it, when there are several. */
  readonly replicas?: readonly ReplicaStatus[] | undefined;
  /** Resolves when they have ended, or after `maxMs`. */
  drain?(maxMs: number): Promise<void>;
}

/** What a connection is doing now, as status shows it. */
export function activityOf(
  upstream: SyncedUpstream | undefined,
  busyMs: number | undefined,
): Pick<ConnectorStatus, 'phase' | 'busy' | 'busyMs' | 'asleep' | 'pids' | 'replicas' | 'calls'> {
  const { phase = 'config', asleep, pids = [], replicas, calls } = upstream ?? {};
  const attempt =
    busyMs === undefined ? { busy: false } : { busy: true, busyMs: Math.round(busyMs) };
  return {
    phase,
    ...attempt,
    ...(asleep === true && { asleep }),
    ...(pids.length > 0 && { pids }),
    ...(replicas && { replicas }),
    ...(calls && { calls }),
  };
}

/**
 * Makes the upstream of a connector; it connects when first asked.
 * @param client whom it speaks for; undefined: everybody.
 * @param era what is known of its server's era, dated.
 */
export type CreateUpstream = (
  definition: ConnectorDefinition,
  events: UpstreamEvents,
  era: Pick<EraNote, 'read' | 'write'>,
  client?: UpstreamClient,
) => SyncedUpstream;
