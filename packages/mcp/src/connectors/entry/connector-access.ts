import type { UpstreamAccess, UpstreamClient, UpstreamEvents } from '../../upstream/upstream.ts';
import type { ConnectorDefinition } from '../connector.ts';
import { SessionUpstreams } from './session-upstreams.ts';
import type { SyncedUpstream } from './synced-upstream.ts';

/** The ways to a connector's upstreams, with their end. */
export interface ConnectorAccess extends UpstreamAccess {
  /** Calls of clients under way. */
  readonly inFlight: number;
  /** Resolves when they have ended, or after `maxMs`. */
  drain(maxMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectorAccessOptions {
  /** The connection that is synced. */
  readonly shared: SyncedUpstream;
  /** Makes one for a client. */
  readonly create: (client: UpstreamClient, events: UpstreamEvents) => SyncedUpstream;
  /** A server told one client something; see `SessionUpstreamsOptions.told`. */
  readonly told: (callerId: string | undefined, method: string, text: string) => void;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** Connections at a time to one connector that gives each client its own. Processes cost more than sessions. */
const MAX_SESSIONS = 512;
const MAX_PROCESSES = 64;
/** As long as a client's own session may be idle. */
const IDLE_MS = 1_800_000;

function createSharedAccess(
  { timeouts }: ConnectorDefinition,
  shared: SyncedUpstream,
): ConnectorAccess {
  return {
    callTimeouts: timeouts,
    acquire: () => shared,
    release: () => undefined,
    get inFlight() {
      return shared.inFlight ?? 0;
    },
    drain: async (maxMs) => await shared.drain?.(maxMs),
    close: async () => await shared.close(),
  };
}

/** One upstream for all callers, or one for each session, as the definition says (contract.md, isolation). */
export function createConnectorAccess(
  definition: ConnectorDefinition,
  options: ConnectorAccessOptions,
): ConnectorAccess {
  const { shared, create, told, random } = options;
  if (definition.isolation !== 'session') return createSharedAccess(definition, shared);
  const maxSessions = definition.transport?.kind === 'stdio' ? MAX_PROCESSES : MAX_SESSIONS;
  const { id: connectorId } = definition;
  const sessions = new SessionUpstreams({
    connectorId,
    create,
    told,
    random,
    maxSessions,
    idleMs: IDLE_MS,
  });
  return {
    callTimeouts: definition.timeouts,
    acquire: (caller) => sessions.acquire(caller),
    release: (callerId) => sessions.release(callerId),
    notify: (callerId, text) => sessions.notify(callerId, text),
    get inFlight() {
      return sessions.inFlight;
    },
    drain: async (maxMs) => await sessions.drain(maxMs),
    async close() {
      await Promise.all([sessions.close(), shared.close()]);
    },
  };
}
