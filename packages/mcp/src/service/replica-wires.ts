import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { GuardableUpstream } from '../upstream/guarded-upstream.ts';
import { createReplicaSet, type ReplicaPlace } from '../upstream/replicas/replica-set.ts';
import type { UpstreamClient, UpstreamEvents } from '../upstream/upstream.ts';

/** Processes of a pool beyond the first that had nothing to do for this long are stopped (S1-B6). */
const POOL_IDLE_STOP_MS = 300_000;

/** The wire of one server. */
type CreateOne = (definition: ConnectorDefinition, events: UpstreamEvents) => GuardableUpstream;

export interface ReplicaWireOptions {
  readonly events: UpstreamEvents;
  /** Whom the wire speaks for; undefined: everybody. */
  readonly client: UpstreamClient | undefined;
  /** `MCP_STDIO_POOL` */
  readonly stdioPool: boolean;
  /** Idle time of processes where the connector names none. Default 0: never. */
  readonly idleStopMs: number | undefined;
  readonly random: () => number;
}

interface Single extends Omit<ReplicaPlace, 'create'> {
  readonly one: ConnectorDefinition;
}

/** The definitions of the single servers behind a connector; one when it has no replicas. */
function singles(
  definition: ConnectorDefinition,
  { stdioPool, client, idleStopMs }: ReplicaWireOptions,
): readonly Single[] {
  const { transport, replicas, ...rest } = definition;
  const alone = [{ key: '1', name: '1', weight: 1, one: definition }];
  if (transport === undefined || replicas === undefined) return alone;
  if (transport.kind === 'stdio') {
    // A client that has a process for itself needs no second one.
    if (!stdioPool || client?.sole === true) return alone;
    const idleMs = definition.idleStopMs ?? (idleStopMs || POOL_IDLE_STOP_MS);
    return Array.from({ length: replicas.instances }, (_, index) => ({
      key: String(index + 1),
      name: String(index + 1),
      weight: 1,
      one: index === 0 ? definition : { ...definition, idleStopMs: idleMs },
    }));
  }
  if (transport.kind === 'in-process') return alone;
  const addresses = [{ url: transport.url, weight: replicas.weight }, ...replicas.more];
  return addresses.map(({ url, weight }, index) => ({
    key: url,
    name: `${index + 1} ${new URL(url).origin}`,
    weight,
    one: index === 0 ? definition : { ...rest, transport: { ...transport, url } },
  }));
}

/** The wire of a connector: that of its one server, or a set over all of them. */
export function createReplicatedWire(
  definition: ConnectorDefinition,
  options: ReplicaWireOptions,
  create: CreateOne,
): GuardableUpstream {
  const servers = singles(definition, options);
  if (servers.length === 1) return create(definition, options.events);
  const isPool = definition.transport?.kind === 'stdio';
  const places = servers.map(({ key, name, weight, one }): ReplicaPlace => ({
    key,
    name,
    weight,
    create: (events) => create(one, events),
  }));
  const affinity = options.client?.sole === true ? 'sole' : 'session';
  return createReplicaSet({
    connectorId: definition.id,
    places,
    balance: isPool ? 'least-in-flight' : (definition.replicas?.balance ?? 'least-in-flight'),
    affinity: isPool ? 'none' : affinity,
    startsOnDemand: isPool,
    events: options.events,
    random: options.random,
  });
}
