import { z } from 'zod';
import { isJsonObject } from './json-object.ts';
import { RegistryError } from './registry-error.ts';
import {
  checkRecord,
  isChecked,
  officialMetaKey,
  type OfficialMeta,
  type ServerDocument,
  type ServerInfo,
  type ServerRecord,
} from './server-record.ts';

/** The `$schema` every `server.json` is served with. */
export const serverSchemaUrl =
  'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

/** Reverse-DNS key that carries a whole `ServerInfo` inside a `server.json`, so that nothing is lost on the way. */
export const serverInfoMetaKey = 'dev.cortex-os.registry/server-info';

const publisherMetaKey = 'io.modelcontextprotocol.registry/publisher-provided';

/** A value a `server.json` asks for or fixes. */
export interface ServerInput {
  readonly value?: string | undefined;
  readonly default?: string | undefined;
  readonly [field: string]: unknown;
}

/** A header or environment variable. */
export interface ServerKeyValue extends ServerInput {
  readonly name: string;
}

/** A command line argument. */
export interface ServerArgument extends ServerInput {
  readonly type: 'positional' | 'named';
  readonly name?: string | undefined;
}

/** How a package is spoken to. */
export interface ServerPackageTransport {
  readonly type: 'stdio' | 'streamable-http' | 'sse';
  readonly url?: string | undefined;
  readonly headers?: readonly ServerKeyValue[] | undefined;
  readonly [field: string]: unknown;
}

/** A server that runs elsewhere. */
export interface ServerRemote {
  readonly type: 'streamable-http' | 'sse';
  readonly url: string;
  readonly headers?: readonly ServerKeyValue[] | undefined;
  readonly [field: string]: unknown;
}

/** A server that can be installed. */
export interface ServerPackage {
  readonly registryType: string;
  readonly identifier: string;
  readonly version?: string | undefined;
  readonly transport: ServerPackageTransport;
  readonly packageArguments?: readonly ServerArgument[] | undefined;
  readonly runtimeArguments?: readonly ServerArgument[] | undefined;
  readonly runtimeHint?: string | undefined;
  readonly environmentVariables?: readonly ServerKeyValue[] | undefined;
  readonly [field: string]: unknown;
}

const input = z.looseObject({ value: z.string().optional(), default: z.string().optional() });
const keyValue = input.extend({ name: z.string() });
const transport = z.looseObject({
  type: z.enum(['stdio', 'streamable-http', 'sse']),
  url: z.string().optional(),
  headers: z.array(keyValue).optional(),
});
const remote = transport.extend({ type: z.enum(['streamable-http', 'sse']), url: z.string() });
const argument = input.extend({
  type: z.enum(['positional', 'named']),
  name: z.string().optional(),
});
const specificVersion = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => value !== 'latest' && !/^[\^~<>=]|\s|\.[x*](?:\.|$)|^[x*]$/u.test(value), {
    error: 'must be one specific version, not a range',
  });
const serverPackage = z.looseObject({
  registryType: z.string(),
  identifier: z.string(),
  version: specificVersion.optional(),
  transport,
  packageArguments: z.array(argument).optional(),
  runtimeArguments: z.array(argument).optional(),
  runtimeHint: z.string().optional(),
  environmentVariables: z.array(keyValue).optional(),
});

/** A `server.json` as the schema of 2025-12-11 asks for it. Unknown members are kept. */
export const serverJsonSchema: z.ZodType<ServerJson> = z.looseObject({
  $schema: z.string().optional(),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/u),
  description: z.string().min(1).max(100),
  version: specificVersion,
  title: z.string().min(1).max(100).optional(),
  remotes: z.array(remote).optional(),
  packages: z.array(serverPackage).optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
});

/** A checked `server.json`. */
export interface ServerJson extends ServerDocument {
  readonly remotes?: readonly ServerRemote[] | undefined;
  readonly packages?: readonly ServerPackage[] | undefined;
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
}

/** The part of a `ServerInfo` that says how to reach the server. */
type Reach = Pick<ServerInfo, 'transport' | 'command' | 'args' | 'env' | 'endpoint' | 'headers'>;

function valueOf(item: { value?: string | undefined; default?: string | undefined }) {
  return item.value ?? item.default;
}

/** Values by name; what the user has to provide becomes a `${NAME}` reference. */
function toMap(items: readonly ServerKeyValue[] | undefined): Record<string, string> | undefined {
  if (items === undefined || items.length === 0) return undefined;
  return Object.fromEntries(
    items.map((item) => [
      item.name,
      valueOf(item) ?? `\${${item.name.replaceAll(/\W/gu, '_').toUpperCase()}}`,
    ]),
  );
}

function toArgs(items: readonly ServerArgument[] | undefined): string[] {
  const args: string[] = [];
  for (const item of items ?? []) {
    const value = valueOf(item);
    if (item.type === 'named') args.push(item.name ?? '');
    if (value !== undefined) args.push(value);
  }
  return args;
}

const runtimes: Readonly<Record<string, { command: string; args: readonly string[] }>> = {
  npm: { command: 'npx', args: ['-y'] },
  pypi: { command: 'uvx', args: [] },
  oci: { command: 'docker', args: ['run', '-i', '--rm'] },
  nuget: { command: 'dnx', args: [] },
};

function packageCommand(item: ServerPackage): Partial<Reach> {
  const { registryType } = item;
  const runtime = Object.hasOwn(runtimes, registryType) ? runtimes[registryType] : undefined;
  const env = toMap(item.environmentVariables);
  const base = env === undefined ? {} : { env };
  if (runtime === undefined) return base;
  const versioned =
    item.version === undefined || item.registryType === 'oci'
      ? item.identifier
      : `${item.identifier}@${item.version}`;
  const forwarded =
    item.registryType === 'oci' ? Object.keys(env ?? {}).flatMap((name) => ['-e', name]) : [];
  const args = [
    ...runtime.args,
    ...toArgs(item.runtimeArguments),
    ...forwarded,
    versioned,
    ...toArgs(item.packageArguments),
  ];
  return { ...base, command: item.runtimeHint ?? runtime.command, args };
}

function overHttp(
  type: string,
  url: string,
  headers: readonly ServerKeyValue[] | undefined,
): Reach {
  const map = toMap(headers);
  const transportKind = type === 'sse' ? 'sse' : 'streamableHttp';
  return {
    transport: transportKind,
    endpoint: url,
    ...(map === undefined ? {} : { headers: map }),
  };
}

/** How to reach the server: its first remote, else its first package. */
function reach(server: ServerJson): Reach {
  const first = server.remotes?.[0];
  if (first !== undefined) return overHttp(first.type, first.url, first.headers);
  const item = server.packages?.[0];
  if (item === undefined) return { transport: 'stdio' };
  if (item.transport.type !== 'stdio' && item.transport.url !== undefined)
    return overHttp(item.transport.type, item.transport.url, item.transport.headers);
  return { transport: 'stdio', ...packageCommand(item) };
}

function carriedInfo(server: ServerJson): ServerInfo | undefined {
  const { _meta: meta } = server;
  const publisher = meta?.[publisherMetaKey];
  const check = checkRecord(isJsonObject(publisher) ? publisher[serverInfoMetaKey] : undefined);
  return check.kind === 'valid' ? check.record : undefined;
}

/**
 * Checks a `server.json` document.
 * @throws RegistryError `EINVALIDRECORD` naming each fault.
 */
export function parseServerJson(value: unknown): ServerJson {
  const parsed = serverJsonSchema.safeParse(value);
  if (isChecked(value, parsed)) return value;
  const reason = parsed.error ? z.prettifyError(parsed.error) : '';
  throw new RegistryError('EINVALIDRECORD', `Cannot read server.json: ${reason}`, {
    cause: parsed.error,
  });
}

/**
 * A stored record for a `server.json`. The document is kept verbatim; the `ServerInfo` fields beside it are derived:
 * the first remote, else the first package. What a user must fill in becomes a `${NAME}` reference.
 */
export function fromServerJson(value: unknown, official?: OfficialMeta): ServerRecord {
  const server = parseServerJson(value);
  return {
    name: server.name,
    ...reach(server),
    server,
    ...(official === undefined ? {} : { _meta: { [officialMetaKey]: official } }),
  };
}

function publishedName(name: string): string {
  if (/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/u.test(name) && name.length <= 200) return name;
  const slug = name.replaceAll(/[^a-zA-Z0-9._-]+/gu, '-').replaceAll(/^-+|-+$/gu, '');
  return `local/${slug === '' ? 'server' : slug}`.slice(0, 200);
}

function text(value: unknown, fallback: string): string {
  return (typeof value === 'string' && value.trim() !== '' ? value : fallback).slice(0, 100);
}

function remotesOf(info: ServerInfo): Pick<ServerJson, 'remotes'> {
  if (info.endpoint === undefined || info.transport === 'stdio' || info.transport === 'ws')
    return {};
  const headers = Object.entries(info.headers ?? {}).map(([name, value]) => ({
    name,
    value,
    isSecret: true,
  }));
  return {
    remotes: [
      {
        type: info.transport === 'sse' ? 'sse' : 'streamable-http',
        url: info.endpoint,
        ...(headers.length === 0 ? {} : { headers }),
      },
    ],
  };
}

/**
 * The `server.json` of a record: the stored document, or one made from the `ServerInfo`, which travels inside it
 * so that {@link toServerInfo} gives it back unchanged. Secrets are not removed: redact the record first.
 */
export function toServerJson(record: ServerRecord): ServerJson {
  if (record.server !== undefined) return parseServerJson(record.server);
  const { server: _server, _meta: _own, ...info } = record;
  return {
    $schema: serverSchemaUrl,
    name: publishedName(record.name),
    description: text(record['description'], `MCP server ${record.name}`),
    version: typeof record['version'] === 'string' ? record['version'] : '0.0.0',
    ...remotesOf(record),
    _meta: { [publisherMetaKey]: { [serverInfoMetaKey]: info } },
  };
}

/** The earlier build's view of a `server.json`; exact when it was made by {@link toServerJson}. */
export function toServerInfo(server: ServerJson): ServerInfo {
  return carriedInfo(server) ?? { name: server.name, ...reach(server) };
}
