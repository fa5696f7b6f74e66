import { isAbsolute } from 'node:path';
import type { ServerRecord } from '@cortex-os/mcp-registry';
import {
  originOfRecord,
  registryEntries,
  type RegistryEntry,
} from '../../config/registry-entries.ts';
import { readLocalTransport, withSecretPaths } from '../../config/registry-transport.ts';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../connectors/connector.ts';
import { definitionOfEntry, type MapPolicy } from '../../connectors/map/map-definition.ts';
import { createPace } from '../../protocol/pace.ts';
import { parseServiceMapEntry } from '../../connectors/map/service-map-schema.ts';

/** What records may do, and where their secrets lie. */
export interface RegistryConnectorPolicy extends MapPolicy {
  /** Folder that `file:secrets/…` counts from. */
  readonly stateFolder: string;
  /** For `${userHome}` in local records. */
  readonly home: string;
}

export interface RegistryConnectors {
  readonly definitions: readonly ConnectorDefinition[];
  /** One line each. */
  readonly warnings: readonly string[];
}

type Chosen = Omit<RegistryEntry<ServerRecord>, 'id'>;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How to reach it, in the words of maps. */
function reachOf(record: ServerRecord, stateFolder: string): Record<string, unknown> {
  const { transport, command, args, endpoint, headers, env } = record;
  if (transport !== 'stdio') {
    return { endpoint, ...(headers && { headers: withSecretPaths(headers, stateFolder) }) };
  }
  const cwd = record['cwd'];
  return {
    command,
    ...(args && { args }),
    ...(env && { env: withSecretPaths(env, stateFolder) }),
    ...(typeof cwd === 'string' && isAbsolute(cwd) && { cwd }),
  };
}

/** The record in the shape that maps have, so that the same rules read both. */
function entryOf(id: string, { record, member }: Chosen): Record<string, unknown> {
  const { name, tags, server } = record;
  const description = server?.description ?? record['description'];
  return {
    id,
    displayName: name,
    enabled: record.enabled !== false && member['enabled'] !== false,
    ...(typeof description === 'string' && { description: description.slice(0, 8_192) }),
    ...(tags !== undefined && { tags: tags.slice(0, 256) }),
    ...(isObject(member['timeouts']) && { timeouts: member['timeouts'] }),
    ...(isObject(member['quotas']) && { quotas: member['quotas'] }),
  };
}

function broken(id: string, chosen: Chosen, problem: string): ConnectorDefinition {
  return {
    id,
    title: chosen.record.name,
    origin: originOfRecord(chosen.record),
    enabled: chosen.record.enabled !== false,
    transport: undefined,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem,
  };
}

/** Maps know one kind of server over HTTP, records also the older one. */
function ofKind(
  transport: ConnectorDefinition['transport'],
  { record }: Chosen,
): ConnectorDefinition['transport'] {
  if (record.transport !== 'sse' || transport?.kind !== 'http') return transport;
  return { ...transport, kind: 'sse' };
}

/** What the operator chose for this connector. */
function choicesOf({ member }: Chosen): Partial<ConnectorDefinition> {
  const { era, isolation, idleStopMs } = member;
  return {
    ...((era === 'modern' || era === 'legacy') && { era }),
    ...(isolation === 'session' && { isolation }),
    ...(typeof idleStopMs === 'number' && idleStopMs > 0 && { idleStopMs }),
  };
}

/** By the rules of maps: what came from elsewhere runs nothing and reads nothing of this machine. */
function remoteDefinition(
  id: string,
  chosen: Chosen,
  policy: RegistryConnectorPolicy,
): ConnectorDefinition {
  const reach = reachOf(chosen.record, policy.stateFolder);
  const parsed = parseServiceMapEntry({ ...entryOf(id, chosen), ...reach });
  if (parsed.kind === 'invalid') return invalid(id, chosen, parsed.problems);
  const definition = definitionOfEntry(parsed.value, 'remote', policy);
  return { ...definition, transport: ofKind(definition.transport, chosen) };
}

function invalid(id: string, chosen: Chosen, problems: readonly string[]): ConnectorDefinition {
  return broken(id, chosen, `the entry of the registry is not valid: ${problems.join('; ')}`);
}

/** By the rules of the configuration file: it is the user's own. */
async function localDefinition(
  id: string,
  chosen: Chosen,
  policy: RegistryConnectorPolicy,
): Promise<ConnectorDefinition> {
  // How it is reached is read below; maps want to hear something of it.
  const parsed = parseServiceMapEntry({ ...entryOf(id, chosen), command: '-' });
  if (parsed.kind === 'invalid') return invalid(id, chosen, parsed.problems);
  const common = definitionOfEntry({ ...parsed.value, command: undefined }, 'local', policy);
  if (!common.enabled) return common;
  return { ...common, ...(await readLocalTransport(chosen.record, policy)) };
}

async function definitionOf(
  id: string,
  chosen: Chosen,
  policy: RegistryConnectorPolicy,
): Promise<ConnectorDefinition> {
  if (chosen.record.transport === 'ws') {
    return broken(id, chosen, 'the transport "ws" is not supported; use stdio or streamableHttp');
  }
  const definition =
    originOfRecord(chosen.record) === 'local'
      ? await localDefinition(id, chosen, policy)
      : remoteDefinition(id, chosen, policy);
  return { ...definition, ...choicesOf(chosen) };
}

/**
 * The connectors of a registry: its records with a `connector` member. Local ones are read as the entries of a
 * configuration file are; the others follow the rules of remote maps. A record that cannot be used is an unavailable
 * connector and touches no other. The records are looked through before this returns, the rest is done in slices.
 */
export async function connectorsOfRegistry(
  records: Iterable<ServerRecord>,
  policy: RegistryConnectorPolicy,
): Promise<RegistryConnectors> {
  const { entries, warnings } = registryEntries(records);
  const pace = createPace();
  const definitions: ConnectorDefinition[] = [];
  for (const { id, ...chosen } of entries) {
    definitions.push(await definitionOf(id, chosen, policy));
    await pace();
  }
  return { definitions, warnings };
}
