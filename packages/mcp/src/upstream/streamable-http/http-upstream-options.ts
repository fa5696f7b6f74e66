import type { SharedAgents } from './agent.ts';
import type { EraMemory } from './era-memory.ts';
import type { ClientIdentity } from './http-wire.ts';
import type { RoundTrips } from './round-trips.ts';
import type { StreamPolicy } from './notification-stream-policy.ts';
import type { Upstream, UpstreamClient, UpstreamEvents } from '../upstream.ts';

export interface HttpUpstreamOptions {
  readonly agents: SharedAgents;
  readonly events: UpstreamEvents;
  readonly clientInfo: ClientIdentity;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Default: forgotten with the upstream. */
  readonly eraMemory?: EraMemory;
  /** When a notification stream is opened again. Default: see `StreamPolicy`. */
  readonly streamPolicy?: StreamPolicy;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`): no stream is opened but for what clients subscribe to. Default true. */
  readonly listens?: boolean | undefined;
  /** Counts the round trips of its own requests: handshakes and lists. Default: nobody counts them. */
  readonly roundTrips?: RoundTrips | undefined;
  /** Whom it speaks for. Default: everybody. */
  readonly client?: UpstreamClient | undefined;
}

export interface HttpUpstream extends Upstream {
  /** Messages of the server that belonged to nobody or were not allowed, since creation. */
  readonly ignoredMessages: number;
  /** Whether the server would tell us of a change now; when not, only asking shows it. */
  readonly isListening: boolean;
}
