import type { LookupFunction } from 'node:net';
import type { Logger } from 'pino';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { CredentialsPart } from './credentials-part.ts';
import type { CreateUpstream } from '../connectors/entry/connector-entry.ts';
import { hasLateValues, resolveLateValues } from '../connectors/entry/late-values.ts';
import { createConnectorGates } from '../guards/connector-gate.ts';
import { LIST_SHAPES } from '../protocol/list-kind.ts';
import { exclusiveStart } from './exclusive-start.ts';
import { createReplicatedWire } from './replica-wires.ts';
import { SOLE_OWNER, type StateOwner } from './state-owner.ts';
import { createSharedAgents, type SharedAgents } from '../upstream/streamable-http/agent.ts';
import { createEraMemory, type EraMemory } from '../upstream/streamable-http/era-memory.ts';
import { createGuardedUpstream, type GuardableUpstream } from '../upstream/guarded-upstream.ts';
import {
  createHttpUpstream,
  type HttpUpstreamOptions,
} from '../upstream/streamable-http/http-upstream.ts';
import { createInProcessUpstream, type InProcessServer } from '../upstream/in-process-upstream.ts';
import { createLateUpstream } from '../upstream/late-upstream.ts';
import {
  createSseFallback,
  type HttpKind,
  type SseFallbackOptions,
} from '../upstream/http-sse/legacy-sse-fallback.ts';
import { createSseUpstream, type SseUpstreamOptions } from '../upstream/http-sse/legacy-sse.ts';
import { DEFAULT_STREAM_POLICY } from '../upstream/streamable-http/notification-stream-policy.ts';
import { createSeededEraMemory } from '../upstream/streamable-http/seeded-era-memory.ts';
import { createUnsharedHttpUpstream } from '../upstream/streamable-http/unshared-http-upstream.ts';
import type { CallGate, RefusedQuestion, Upstream, UpstreamEvents } from '../upstream/upstream.ts';
import type { Reaper } from '../upstream/process/reaper.ts';
import { createRenewableAgents } from '../upstream/streamable-http/renewable-dispatcher.ts';
import { createRoundTrips } from '../upstream/streamable-http/round-trips.ts';
import { createIdleUpstream } from '../upstream/stdio/stdio-idle.ts';
import {
  createStdioUpstream,
  type StdioUpstreamOptions,
} from '../upstream/stdio/stdio-upstream.ts';

/** What all upstreams of a service share. */
export interface UpstreamParts {
  /** Undefined (`MCP_CONNECTOR_SHARED_AGENT` off) gives each connector sockets of its own. */
  readonly agents: SharedAgents | undefined;
  /** As `agents`, for connectors of a remote map. */
  readonly remoteAgents: SharedAgents | undefined;
  /** For connectors of a remote map that have sockets of their own. */
  readonly remoteLookup: LookupFunction | undefined;
  readonly reaper: Reaper;
  /** Tools of our own, by the `server` of an in-process transport. Default: none. */
  readonly inProcess?: ReadonlyMap<string, InProcessServer> | undefined;
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /** Bounds process starts. */
  readonly limitStart: <T>(run: () => Promise<T>) => Promise<T>;
  /** Says when an `exclusive` server may be started. Default: always. */
  readonly owner?: StateOwner | undefined;
  /** `MCP_STDIO_POOL`: stdio servers run as `instances` says. Default: one process each. */
  readonly stdioPool?: boolean | undefined;
  /** How long a process may have nothing to do before it is stopped. Default 0: for ever. */
  readonly idleStopMs?: number | undefined;
  readonly random: () => number;
  /** Puts tokens on the requests of connectors that log in. Default: none do. */
  readonly credentials?: Pick<CredentialsPart, 'agents'> | undefined;
  /** What stands before the connections of a connector. Default: breakers and bulkheads that tell nobody. */
  readonly gateOf?: ((definition: ConnectorDefinition) => CallGate) | undefined;
  readonly logger: Logger;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`): HTTP connectors are not listened to. Default true. */
  readonly listens?: boolean | undefined;
  /** A request of our own to a connector had to wait for the answer of the one before. Default: nobody is told. */
  readonly roundTripped?: ((connectorId: string) => void) | undefined;
  /** A server asked what no client was asked. Default: nobody is told. */
  readonly onRefused?: ((why: RefusedQuestion) => void) | undefined;
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

function ownServer(
  { transport }: ConnectorDefinition,
  { inProcess }: UpstreamParts,
): InProcessServer | undefined {
  return transport?.kind === 'in-process' ? inProcess?.get(transport.server) : undefined;
}

/** On shared sockets, or on those that `agents` makes. */
function createSse(
  definition: ConnectorDefinition,
  options: Omit<SseUpstreamOptions, 'agents' | 'ownAgents'>,
  agents: SharedAgents | (() => SharedAgents),
): GuardableUpstream {
  if (typeof agents !== 'function') return createSseUpstream(definition, { ...options, agents });
  const ownAgents = createRenewableAgents(agents);
  return createSseUpstream(definition, { ...options, agents: ownAgents, ownAgents });
}

type KindMemory = (url: string) => SseFallbackOptions['remembered'];

/** Servers whose transport is remembered; the memory begins anew beyond. */
const MAX_KINDS = 4_096;

/** Which of the HTTP transports the server at a URL spoke last, for as long as the service runs. */
function createKindMemory(): KindMemory {
  const kinds = new Map<string, HttpKind>();
  return (url) => ({
    get: () => kinds.get(url),
    set(kind) {
      if (kinds.size >= MAX_KINDS) kinds.clear();
      if (kind === 'sse') kinds.set(url, kind);
      else kinds.delete(url);
    },
  });
}

function createStdio(
  definition: ConnectorDefinition,
  parts: UpstreamParts,
  told: Pick<StdioUpstreamOptions, 'events' | 'client'>,
): GuardableUpstream {
  const log = parts.logger.child({ connector: definition.id });
  const onStderr = (line: string): void => log.debug({ stderr: line }, 'server wrote to stderr');
  const { owner = SOLE_OWNER, limitStart: limit } = parts;
  const isExclusive = definition.exclusive === true;
  const limitStart = isExclusive ? exclusiveStart(definition.id, owner, limit) : limit;
  const options = { ...parts, ...told, onStderr, limitStart };
  const create = (): Upstream => createStdioUpstream(definition, options);
  const idleStopMs = definition.idleStopMs ?? parts.idleStopMs ?? 0;
  if (idleStopMs <= 0) return create();
  const woken = (): void => {
    const method = LIST_SHAPES.tools.changed;
    told.events.notification(method, JSON.stringify({ jsonrpc: '2.0', method }));
  };
  return createIdleUpstream({ connectorId: definition.id, create, idleStopMs, woken });
}

/** Streamable HTTP, HTTP+SSE, or whichever of them the server turns out to speak. */
function createHttp(
  definition: ConnectorDefinition,
  parts: UpstreamParts,
  options: Omit<HttpUpstreamOptions, 'agents'>,
  kindOf: KindMemory,
): GuardableUpstream {
  const { transport, origin, era } = definition;
  const isRemote = origin === 'remote';
  const authorized = (agents: SharedAgents): SharedAgents =>
    parts.credentials?.agents(definition, agents) ?? agents;
  const shared = isRemote ? parts.remoteAgents : parts.agents;
  const agents = shared && authorized(shared);
  const createOwn = (): SharedAgents =>
    authorized(createSharedAgents({ lookup: isRemote ? parts.remoteLookup : undefined }));
  const create = (kind: HttpKind): GuardableUpstream => {
    if (kind === 'sse') return createSse(definition, options, agents ?? createOwn);
    return agents === undefined
      ? createUnsharedHttpUpstream(definition, options, createOwn)
      : createHttpUpstream(definition, { ...options, agents });
  };
  if (transport?.kind === 'sse') return create('sse');
  // Only a legacy server can be one of the older transport.
  if (transport?.kind !== 'http' || era === 'modern') return create('http');
  return createSseFallback({ create, remembered: kindOf(transport.url) });
}

/** So many HTTP connectors are listened to at once; the streams of more come after the first pass. */
const PROMPT_STREAMS = 16;

type WireArguments = Parameters<CreateUpstream> extends [unknown, ...infer Rest] ? Rest : never;

/** Chooses the wire by the connector's transport. */
function createWires(parts: UpstreamParts): (...args: WireArguments) => CreatePlain {
  const { clientInfo, random, listens } = parts;
  let created = 0;
  const shared = createEraMemory();
  const kindOf = createKindMemory();
  const hear = (told: UpstreamEvents): UpstreamEvents => ({
    notification: (method, text) => told.notification(method, text),
    closed: (error) => told.closed(error),
    // Sockets of its own are for those who want it as it was.
    willCheckLists: parts.agents && told.willCheckLists,
    refused: (why) => parts.onRefused?.(why),
  });
  return (told, era, client) => (definition) => {
    const server = ownServer(definition, parts);
    if (server !== undefined) return createInProcessUpstream(definition.id, server);
    const eraMemory = withSharedEras(shared, createSeededEraMemory(era));
    if (definition.transport?.kind !== 'stdio') created += 1;
    const prompt = created <= PROMPT_STREAMS ? { firstDelayMs: 0 } : {};
    const streamPolicy = { ...DEFAULT_STREAM_POLICY, ...prompt };
    const roundTrips = createRoundTrips(() => parts.roundTripped?.(definition.id));
    const own = {
      clientInfo,
      random,
      eraMemory,
      client,
      streamPolicy,
      listens,
      roundTrips,
    };
    const { stdioPool = false, idleStopMs } = parts;
    const replicated = { events: hear(told), client, stdioPool, idleStopMs, random };
    return createReplicatedWire(definition, replicated, (one, events) =>
      one.transport?.kind === 'stdio'
        ? createStdio(one, parts, { events, client })
        : createHttp(one, parts, { ...own, events }, kindOf),
    );
  };
}

/** The wire of a connector, with its gate, its drain and, where it has any, its late values around it. */
export function createUpstreamFactory(parts: UpstreamParts): CreateUpstream {
  const wires = createWires(parts);
  const { gateOf = createConnectorGates({ random: parts.random }) } = parts;
  return (definition, events, era, client) => {
    const plain = wires(events, era, client);
    const gate = gateOf(definition);
    if (!hasLateValues(definition)) return createGuardedUpstream(plain(definition), gate);
    return createLateUpstream({
      connectorId: definition.id,
      resolve: async () => await resolveLateValues(definition, parts.baseEnv),
      create: (resolved) => createGuardedUpstream(plain(resolved), gate),
      drainMs: DRAIN_MS,
    });
  };
}
