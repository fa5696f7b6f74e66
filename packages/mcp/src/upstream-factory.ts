import type { LookupFunction } from 'node:net';
import type { Logger } from 'pino';
import type { ConnectorDefinition } from './connectors/connector.ts';
import type { CreateUpstream } from './connectors/connector-entry.ts';
import { hasLateValues, resolveLateValues } from './connectors/late-values.ts';
import { createSharedAgents, type SharedAgents } from './upstream/agent.ts';
import { createEraMemory, type EraMemory } from './upstream/era-memory.ts';
import { createGuardedUpstream, type GuardableUpstream } from './upstream/guarded-upstream.ts';
import { createHttpUpstream } from './upstream/http-upstream.ts';
import { createLateUpstream } from './upstream/late-upstream.ts';
import { createQuotaGates } from './upstream/quota.ts';
import { createSeededEraMemory } from './upstream/seeded-era-memory.ts';
import { createUnsharedHttpUpstream } from './upstream/unshared-http-upstream.ts';
import type { UpstreamEvents } from './upstream/upstream.ts';
import type { Reaper } from './upstream/reaper.ts';
import { createStdioUpstream } from './upstream/stdio-upstream.ts';

/** What all upstreams of a service share. */
export interface UpstreamParts {
  /** Undefined (`MCP_CONNECTOR_SHARED_AGENT` off) gives each connector sockets of its own. */
  readonly agents: SharedAgents | undefined;
  /** As `agents`, for connectors of a remote map. */
  readonly remoteAgents: SharedAgents | undefined;
  /** For connectors of a remote map that have sockets of their own. */
  readonly remoteLookup: LookupFunction | undefined;
  readonly reaper: Reaper;
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /** Bounds process starts. */
  readonly limitStart: <T>(run: () => Promise<T>) => Promise<T>;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * One memory for the service, so that a connector whose definition changed is not asked for its era again. What the
 * server can do is: it may depend on what changed.
 */
function withSharedEras(shared: EraMemory, own: EraMemory): EraMemory {
  return {
    get: (key) => own.get(key) ?? shared.get(key),
    set(key, verdict) {
      own.set(key, verdict);
      shared.set(key, verdict && { ...verdict, info: undefined });
    },
  };
}

/** How long calls may go on over a connection whose credentials have changed. */
const DRAIN_MS = 10_000;

/** What makes one upstream out of a definition without references. */
type CreatePlain = (definition: ConnectorDefinition) => GuardableUpstream;

/** Chooses the wire by the connector's transport. */
function createWires(
  parts: UpstreamParts,
): (...args: [UpstreamEvents, Parameters<CreateUpstream>[2]]) => CreatePlain {
  const { remoteLookup, reaper, baseEnv, clientInfo, limitStart, random, logger } = parts;
  const shared = createEraMemory();
  return (events, remembered) => (definition) => {
    if (definition.transport?.kind === 'stdio') {
      const log = logger.child({ connector: definition.id });
      const onStderr = (line: string): void =>
        log.debug({ stderr: line }, 'server wrote to stderr');
      const options = { events, clientInfo, baseEnv, reaper, limitStart, random, onStderr };
      return createStdioUpstream(definition, options);
    }
    const eraMemory = withSharedEras(shared, createSeededEraMemory(remembered));
    const options = { events, clientInfo, random, eraMemory };
    const isRemote = definition.origin === 'remote';
    const agents = isRemote ? parts.remoteAgents : parts.agents;
    const createOwn = (): SharedAgents =>
      createSharedAgents({ lookup: isRemote ? remoteLookup : undefined });
    return agents === undefined
      ? createUnsharedHttpUpstream(definition, options, createOwn)
      : createHttpUpstream(definition, { ...options, agents });
  };
}

/** The wire of a connector, with its quotas, its drain and, where it has any, its late values around it. */
export function createUpstreamFactory(parts: UpstreamParts): CreateUpstream {
  const wires = createWires(parts);
  const gateOf = createQuotaGates();
  return (definition, events, remembered) => {
    const plain = wires(events, remembered);
    const gate = gateOf(definition.id, definition.quotas);
    if (!hasLateValues(definition)) return createGuardedUpstream(plain(definition), gate);
    return createLateUpstream({
      connectorId: definition.id,
      resolve: async () => await resolveLateValues(definition, parts.baseEnv),
      create: (resolved) => createGuardedUpstream(plain(resolved), gate),
      drainMs: DRAIN_MS,
    });
  };
}
