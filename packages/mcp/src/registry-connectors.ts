import { isAbsolute, join } from 'node:path';
import type { ServerRecord } from '@cortex-os/mcp-registry';
import { originOfRecord, registryEntries, type RegistryEntry } from './config/registry-entries.ts';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from './connectors/connector.ts';
import { definitionOfEntry, type MapPolicy } from './connectors/map-definition.ts';
import { parseServiceMapEntry } from './connectors/service-map-schema.ts';

/** What records may do, and where their secrets lie. */
export interface RegistryConnectorPolicy extends MapPolicy {
  /** Folder that `file:secrets/…` counts from. */
  readonly stateFolder: string;
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

const SECRET_FILE = String.raw`file:(secrets\/[\w.-]+)`;
const WHOLE_SECRET = new RegExp(`^(\\s*(?:(?:Bearer|Basic|Token)\\s+)?)${SECRET_FILE}\\s*$`, 'i');
const EMBEDDED_SECRET = new RegExp(`\\$\\{${SECRET_FILE}\\}`, 'g');

/** References to secrets count from the state folder; connectors know absolute ones only. */
function absoluteReference(text: string, stateFolder: string): string {
  const absolute = (file: string): string => `\${file:${join(stateFolder, file)}}`;
  const whole = WHOLE_SECRET.exec(text);
  if (whole !== null) return `${whole[1] ?? ''}${absolute(whole[2] ?? '')}`;
  return text.replaceAll(EMBEDDED_SECRET, (_all, file: string) => absolute(file));
}

function references(
  values: Readonly<Record<string, string>> | undefined,
  stateFolder: string,
): Readonly<Record<string, string>> | undefined {
  if (values === undefined) return undefined;
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([k, v]) => [k, absoluteReference(v, stateFolder)]));
}

/** How to reach it, in the words of maps. */
function reachOf(record: ServerRecord, stateFolder: string): Record<string, unknown> {
  const { transport, command, args, endpoint } = record;
  if (transport !== 'stdio') {
    const headers = references(record.headers, stateFolder);
    return { endpoint, ...(headers !== undefined && { headers }) };
  }
  const env = references(record.env, stateFolder);
  const cwd = record['cwd'];
  return {
    command,
    ...(args !== undefined && { args }),
    ...(env !== undefined && { env }),
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

function definitionOf(
  id: string,
  chosen: Chosen,
  policy: RegistryConnectorPolicy,
): ConnectorDefinition {
  if (chosen.record.transport === 'ws') {
    return broken(id, chosen, 'the transport "ws" is not supported; use stdio or streamableHttp');
  }
  const parsed = parseServiceMapEntry({
    ...entryOf(id, chosen),
    ...reachOf(chosen.record, policy.stateFolder),
  });
  if (parsed.kind === 'invalid') {
    return broken(
      id,
      chosen,
      `the entry of the registry is not valid: ${parsed.problems.join('; ')}`,
    );
  }
  const definition = definitionOfEntry(parsed.value, originOfRecord(chosen.record), policy);
  return { ...definition, transport: ofKind(definition.transport, chosen), ...choicesOf(chosen) };
}

/**
 * The connectors of a registry: its records with a `connector` member. Local ones may run commands; the others follow
 * the rules of remote maps. A record that cannot be used is an unavailable connector and touches no other.
 */
export function connectorsOfRegistry(
  records: Iterable<ServerRecord>,
  policy: RegistryConnectorPolicy,
): RegistryConnectors {
  const { entries, warnings } = registryEntries(records);
  return { definitions: entries.map(({ id, ...one }) => definitionOf(id, one, policy)), warnings };
}
