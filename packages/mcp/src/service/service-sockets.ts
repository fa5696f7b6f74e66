import type { LookupFunction } from 'node:net';
import { createPublicLookup } from '../connectors/map/public-lookup.ts';
import { createCredentialsPart, type CredentialsPart } from './credentials-part.ts';
import type { PoolFact } from '../observability/pool-metrics.ts';
import type { ServiceOptions } from './service-options.ts';
import { createSharedAgents, type SharedAgents } from '../upstream/streamable-http/agent.ts';
import { createReaper, type Reaper } from '../upstream/process/reaper.ts';

/** What the upstreams of a service share: sockets, credentials, and who ends processes that were left behind. */
export interface ServiceSockets {
  readonly agents: SharedAgents;
  /** For connectors of a remote map: no private address but those allowed (S5). */
  readonly remoteAgents: SharedAgents;
  readonly remoteLookup: LookupFunction;
  readonly credentials: CredentialsPart;
  readonly reaper: Reaper;
  /** What the shared sockets do now. */
  pools(): readonly PoolFact[];
}

/** What they are told, and tell. */
export interface SocketEvents {
  /** Asked for each connection: the settings of the map may change. */
  readonly allowedHosts: () => readonly string[];
  /** A connector has other credentials than before. */
  readonly renewed: (connectorId: string) => void;
}

/** Nothing is opened before it is used. */
export function createServiceSockets(
  options: ServiceOptions,
  random: () => number,
  events: SocketEvents,
): ServiceSockets {
  const { credentials, baseEnv, logger } = options;
  const remoteLookup = createPublicLookup(events.allowedHosts);
  const agents = createSharedAgents();
  const remoteAgents = createSharedAgents({ lookup: remoteLookup });
  return {
    agents,
    remoteAgents,
    pools: () => poolFacts(agents, remoteAgents),
    remoteLookup,
    credentials: createCredentialsPart({ credentials, baseEnv, random, logger }, events.renewed),
    reaper: createReaper(),
  };
}

function poolFacts(agents: SharedAgents, remoteAgents: SharedAgents): readonly PoolFact[] {
  const facts: PoolFact[] = [];
  for (const pool of ['requests', 'streams'] as const) {
    const [local, remote] = [agents.sockets?.(pool), remoteAgents.sockets?.(pool)];
    if (local !== undefined) facts.push({ pool, origin: 'local', ...local });
    if (remote !== undefined) facts.push({ pool, origin: 'remote', ...remote });
  }
  return facts;
}

/** Closes them, after the upstreams. */
export function socketClosers(sockets: ServiceSockets): (() => Promise<void>)[] {
  const { agents, remoteAgents, credentials, reaper } = sockets;
  return [agents, remoteAgents, credentials, reaper].map((part) => async () => await part.close());
}
