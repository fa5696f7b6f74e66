import {
  DEFAULT_TIMEOUTS,
  type ConnectorDefinition,
  type ConnectorOrigin,
  type ConnectorTimeouts,
  type ConnectorTransport,
} from '../connector.ts';
import { readMapAuth } from './map-auth.ts';
import { hasSecretReference, variablesIn, type ReferenceScope } from '../secret-reference.ts';
import type { ServiceMapEntry } from './service-map-schema.ts';
import { checkRemoteTrust, type RemoteTrustPolicy } from './service-map-trust.ts';
import type { InvalidMapEntry, LoadedServiceMap } from './service-map.ts';

/** What the operator allows maps to do. */
export interface MapPolicy {
  readonly trust: RemoteTrustPolicy;
  /** Connectors that may be sent the one `CONNECTORS_API_KEY` (B7.13): none unless named. */
  readonly sharedKeyFor: readonly string[];
  /** For `${NAME}` in endpoints of local maps. */
  readonly env: ReferenceScope;
}

/** Our own keys: a map that could name them would collect them. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'ASBR_API_KEY',
  'CONNECTORS_API_KEY',
  'CONNECTORS_SIGNATURE_KEY',
  'CONNECTORS_SIGNATURE_KEY_PREVIOUS',
  'MCP_API_KEY',
]);

const MAX_DURATION_MS = 86_400_000;

/** A transport, or why there is none. */
type Reading = ConnectorTransport | string;

/** Values as they are, and those that hold references, apart. */
function split(values: Readonly<Record<string, string>>): {
  now: Record<string, string>;
  late: Record<string, string>;
} {
  const entries = Object.entries(values);
  return {
    now: Object.fromEntries(entries.filter(([, value]) => !hasSecretReference(value))),
    late: Object.fromEntries(entries.filter(([, value]) => hasSecretReference(value))),
  };
}

function withoutHeader(
  headers: Readonly<Record<string, string>>,
  name: string | undefined,
): Record<string, string> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.filter(([key]) => key.toLowerCase() !== name?.toLowerCase()));
}

function readHttp(entry: ServiceMapEntry, endpoint: string, policy: MapPolicy): Reading {
  const auth = readMapAuth(entry, policy.sharedKeyFor.includes(entry.id));
  if (typeof auth === 'string') return auth;
  let problem: string | undefined;
  const url = endpoint.replaceAll(/\$\{([^{}]*)\}/g, (whole, name: string) => {
    const value = policy.env[name.trim()];
    if (value === undefined || value === '') problem ??= `${whole} of the endpoint has no value`;
    return value ?? whole;
  });
  if (problem !== undefined) return problem;
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    return 'the endpoint is no http or https URL';
  const { now, late } = split({
    ...withoutHeader(entry.headers ?? {}, auth?.name),
    ...(auth && { [auth.name]: auth.value }),
  });
  const lateHeaders = Object.keys(late).length === 0 ? {} : { lateHeaders: late };
  return { kind: 'http', url: parsed.href, headers: now, ...lateHeaders };
}

function readStdio(entry: ServiceMapEntry, command: string): Reading {
  const { args = [], env = {}, cwd } = entry;
  if ([command, ...args, cwd ?? ''].some((word) => hasSecretReference(word))) {
    return 'the command holds a reference; references belong into env';
  }
  const { now, late } = split(env);
  const lateEnv = Object.keys(late).length === 0 ? {} : { lateEnv: late };
  return { kind: 'stdio', command, args, env: now, ...lateEnv, cwd };
}

/** Own keys are given by `sharedKeyFor` only, so that no map can have them sent to itself. */
function ownKeyProblem(entry: ServiceMapEntry): string | undefined {
  const values = [
    ...Object.values(entry.headers ?? {}),
    ...Object.values(entry.env ?? {}),
    entry.auth?.credential ?? '',
  ];
  const own = values.flatMap((value) => variablesIn(value)).find((name) => OWN_KEYS.has(name));
  return own === undefined ? undefined : `REFERENCE_NOT_ALLOWED: \${${own}} is not a map's to read`;
}

function refusalOf(entry: ServiceMapEntry, policy: MapPolicy): string | undefined {
  const refusals = checkRemoteTrust(entry, policy.trust).map(
    ({ code, message }) => `${code}: ${message}`,
  );
  const own = ownKeyProblem(entry);
  if (own !== undefined) refusals.push(own);
  return refusals.length === 0 ? undefined : `refused: ${refusals.join('; ')}`;
}

function readTransport(
  entry: ServiceMapEntry,
  origin: ConnectorOrigin,
  policy: MapPolicy,
): Reading {
  const refusal = origin === 'remote' ? refusalOf(entry, policy) : undefined;
  if (refusal !== undefined) return refusal;
  if (entry.endpoint !== undefined) return readHttp(entry, entry.endpoint, policy);
  if (entry.command !== undefined) return readStdio(entry, entry.command);
  return 'there is neither an endpoint nor a command';
}

/**
 * `connectMs`, `handshakeMs`, `listMs`, `idleMs`, `maxCallMs`, or the names of the configuration file; `requestMs` is
 * the bound of every request, and so of lists and calls. Values out of 1 ms to 24 h are not taken.
 */
function readTimeouts(given: Readonly<Record<string, number>> = {}): ConnectorTimeouts {
  const pick = (names: readonly string[], standard: number): number => {
    const value = names.map((name) => given[name]).find((ms) => ms !== undefined);
    return value !== undefined && value >= 1 && value <= MAX_DURATION_MS ? value : standard;
  };
  const { connectTimeoutMs, handshakeTimeoutMs, listTimeoutMs, idleTimeoutMs, maxCallMs } =
    DEFAULT_TIMEOUTS;
  const request = pick(['requestMs'], MAX_DURATION_MS);
  return {
    connectTimeoutMs: pick(['connectTimeoutMs', 'connectMs'], connectTimeoutMs),
    handshakeTimeoutMs: pick(
      ['handshakeTimeoutMs', 'handshakeMs'],
      Math.min(handshakeTimeoutMs, request),
    ),
    listTimeoutMs: pick(['listTimeoutMs', 'listMs'], Math.min(listTimeoutMs, request)),
    idleTimeoutMs: pick(['idleTimeoutMs', 'idleMs'], Math.min(idleTimeoutMs, request)),
    maxCallMs: pick(['maxCallMs'], Math.min(maxCallMs, request)),
  };
}

function readQuotas({ quotas }: ServiceMapEntry): Pick<ConnectorDefinition, 'quotas'> {
  if (quotas === undefined) return {};
  const { perMinute, perHour, perDay, concurrent } = quotas;
  return { quotas: { perMinute, perHour, perDay, concurrent } };
}

/** One entry of a map as a connector; what stands against it becomes its `problem`. */
export function definitionOfEntry(
  entry: ServiceMapEntry,
  origin: ConnectorOrigin,
  policy: MapPolicy,
): ConnectorDefinition {
  const reading = entry.enabled ? readTransport(entry, origin, policy) : undefined;
  const {
    description,
    tags = [],
    scopes = [],
    ttlSeconds,
    isolation,
    trusted,
    remoteTools,
  } = entry;
  const allTags = [...tags, ...scopes.map((scope) => `scope:${scope}`)];
  return {
    id: entry.id,
    title: entry.displayName,
    origin,
    enabled: entry.enabled,
    transport: typeof reading === 'object' ? reading : undefined,
    era: 'auto',
    timeouts: readTimeouts(entry.timeouts),
    ...readQuotas(entry),
    ...(ttlSeconds !== undefined && { maxTtlMs: ttlSeconds * 1_000 }),
    ...(isolation !== undefined && { isolation }),
    ...(trusted !== undefined && { trusted }),
    ...(description !== undefined && { description }),
    ...(allTags.length > 0 && { tags: allTags }),
    ...(remoteTools !== undefined && { remoteTools: remoteTools.map(({ name }) => name) }),
    problem: typeof reading === 'string' ? reading : undefined,
  };
}

function definitionOfInvalid(
  { id, problems }: InvalidMapEntry,
  origin: ConnectorOrigin,
): ConnectorDefinition | undefined {
  if (id === undefined || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id)) return undefined;
  return {
    id,
    title: id,
    origin,
    enabled: true,
    transport: undefined,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: `the entry of the map is not valid: ${problems.join('; ')}`,
  };
}

/** All connectors of a map; one that cannot be used is unavailable and the others are not touched (M9). */
export function definitionsOfMap(
  map: LoadedServiceMap,
  policy: MapPolicy,
): readonly ConnectorDefinition[] {
  const invalid = map.invalidEntries.map((entry) => definitionOfInvalid(entry, map.origin));
  return [
    ...map.payload.connectors.map((entry) => definitionOfEntry(entry, map.origin, policy)),
    ...invalid.filter((definition) => definition !== undefined),
  ];
}
