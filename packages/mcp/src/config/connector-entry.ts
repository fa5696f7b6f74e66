import {
  type ConnectorDefinition,
  type ConnectorTimeouts,
  DEFAULT_TIMEOUTS,
} from '../connectors/connector.ts';
import { BULKHEAD_KEYS, readCallLimits } from './call-schema.ts';
import type { ConfigDocument, JsonPath } from './config-document.ts';
import { ConfigError, type ConfigErrorCode, formatPlace } from './config-error.ts';
import {
  checkEntry,
  ENTRY_KEYS,
  type FileEntry,
  QUOTA_KEYS,
  TIMEOUT_KEYS,
} from './config-schema.ts';
import {
  readHttpTransport,
  readStdioTransport,
  type TransportReading,
} from './connector-transport.ts';
import { readEntryAuth, withAuth } from './entry-auth.ts';
import { describeUnknownKey, nearest } from './nearest.ts';
import { readMemory } from './entry-memory.ts';
import { MEMORY_KEYS } from './memory-schema.ts';
import { readReplicas } from './replica-schema.ts';
import type { VariableScope } from './variables.ts';

/** Keys that clients write for themselves and that say nothing about the connection. */
const CLIENT_KEYS: ReadonlySet<string> = new Set([
  'alwaysAllow',
  'alwaysLoad',
  'auth',
  'authProviderType',
  'autoApprove',
  'description',
  'dev',
  'disabledTools',
  'enabledTools',
  'excludeTools',
  'gallery',
  'headersHelper',
  'icon',
  'includeTools',
  'metadata',
  'name',
  'note',
  'oauth',
  'sandbox',
  'sandboxEnabled',
  'scopes',
  'timeout',
  'tools',
  'trust',
  'version',
]);

/** One entry of a file, before it is understood. */
export interface EntrySource {
  readonly document: ConfigDocument;
  readonly path: JsonPath;
  readonly id: string;
  readonly title: string;
  readonly scope: VariableScope;
}

export interface EntryReading {
  readonly definition: ConnectorDefinition;
  readonly warnings: readonly string[];
}

function fail(
  source: EntrySource,
  key: readonly (string | number)[],
  code: ConfigErrorCode,
  texts: readonly [what: string, remedy: string],
): ConfigError {
  const place = source.document.place([...source.path, ...key]);
  return new ConfigError(code, texts[0], texts[1], place);
}

function unknownKeys(value: object): string[] {
  return Object.keys(value).filter(
    (key) => !ENTRY_KEYS.includes(key) && !CLIENT_KEYS.has(key) && !/^(?:[_$]|\/\/|x-|#)/.test(key),
  );
}

function parseEntry(value: unknown, source: EntrySource): { entry: FileEntry; raw: object } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail(source, [], 'CONFIG_BAD_TYPE', [
      'a connector must be an object',
      'write { "command": … } or { "url": … }',
    ]);
  }
  const checked = checkEntry(value);
  if (checked.kind === 'valid') return { entry: checked.value, raw: value };
  throw fail(source, checked.path, 'CONFIG_BAD_TYPE', [checked.message, 'correct or remove it']);
}

function refuseContradictions(
  entry: FileEntry,
  url: string | undefined,
  source: EntrySource,
): void {
  if (entry.command !== undefined && url !== undefined) {
    throw fail(source, [], 'CONFIG_CONFLICT', [
      'both a command and a url are given',
      'keep command for a local process or url for a server over HTTP',
    ]);
  }
  if (entry.enabled === true && entry.disabled === true) {
    throw fail(source, ['disabled'], 'CONFIG_CONFLICT', [
      'the connector is both enabled and disabled',
      'remove one of the two keys',
    ]);
  }
}

function kindOf(entry: FileEntry, url: string | undefined): 'stdio' | 'http' | 'sse' | undefined {
  if (entry.type === 'stdio') return entry.command === undefined ? undefined : 'stdio';
  if (entry.type === 'sse') return url === undefined ? undefined : 'sse';
  if (entry.type !== undefined) return url === undefined ? undefined : 'http';
  if (entry.command !== undefined) return 'stdio';
  return url === undefined ? undefined : 'http';
}

function missing(entry: FileEntry, value: object, source: EntrySource): ConfigError {
  const odd = unknownKeys(value).find((key) => nearest(key, ['command', 'url']) !== undefined);
  const hint = odd === undefined ? '' : ` (${describeUnknownKey(odd, ENTRY_KEYS)})`;
  if (entry.type === undefined) {
    return fail(source, [], 'CONFIG_CONFLICT', [
      `neither a command nor a url is given${hint}`,
      'add command for a local process or url for a server over HTTP',
    ]);
  }
  const needed = entry.type === 'stdio' ? 'command' : 'url';
  const remedy = `add ${needed} or correct type`;
  return fail(source, ['type'], 'CONFIG_CONFLICT', [
    `type is ${entry.type} but there is no ${needed}${hint}`,
    remedy,
  ]);
}

function unsupported(type: FileEntry['type']): string | undefined {
  const usable = ['stdio', 'http', 'streamable-http', 'streamableHttp', 'sse', undefined];
  return usable.includes(type)
    ? undefined
    : `the transport "${type}" is not supported; use stdio or http`;
}

async function readTransport(
  entry: FileEntry,
  value: object,
  source: EntrySource,
): Promise<TransportReading> {
  const problem = unsupported(entry.type);
  if (problem !== undefined) return { transport: undefined, problem };
  const urlKey = (['httpUrl', 'url', 'serverUrl'] as const).find((key) => entry[key] !== undefined);
  const url = urlKey === undefined ? undefined : entry[urlKey];
  refuseContradictions(entry, url, source);
  const kind = kindOf(entry, url);
  if (kind === 'stdio' && entry.command !== undefined) {
    return readStdioTransport({ ...entry, command: entry.command }, source.scope);
  }
  if (kind === undefined || url === undefined || urlKey === undefined) {
    throw missing(entry, value, source);
  }
  const reading = readHttpTransport({ url, headers: entry.headers ?? {} }, source.scope, {
    badUrl: (what, remedy) => fail(source, [urlKey], 'CONFIG_BAD_URL', [what, remedy]),
    badHeader: (name) =>
      fail(source, ['headers', name], 'CONFIG_BAD_VALUE', [
        `"${name}" is not a header name`,
        'use letters, digits and hyphens',
      ]),
  });
  return kind === 'sse' ? overSse(reading) : reading;
}

/** The same address and headers, for the event stream of the older transport. */
function overSse(reading: TransportReading): TransportReading {
  if (reading.transport?.kind !== 'http') return reading;
  return { transport: { ...reading.transport, kind: 'sse' }, problem: undefined };
}

function readTimeouts(given: FileEntry['timeouts']): ConnectorTimeouts {
  return {
    connectTimeoutMs: given?.connectTimeoutMs ?? DEFAULT_TIMEOUTS.connectTimeoutMs,
    handshakeTimeoutMs: given?.handshakeTimeoutMs ?? DEFAULT_TIMEOUTS.handshakeTimeoutMs,
    listTimeoutMs: given?.listTimeoutMs ?? DEFAULT_TIMEOUTS.listTimeoutMs,
    idleTimeoutMs: given?.idleTimeoutMs ?? DEFAULT_TIMEOUTS.idleTimeoutMs,
    maxCallMs: given?.maxCallMs ?? DEFAULT_TIMEOUTS.maxCallMs,
  };
}

function warningsFor(
  entry: FileEntry,
  value: {
    readonly timeouts?: object;
    readonly quotas?: object;
    readonly bulkhead?: object;
    readonly memory?: object;
  },
  source: EntrySource,
): string[] {
  const { document, path } = source;
  const warnings = unknownKeys(value).map(
    (key) =>
      `${formatPlace(document.place([...path, key]))}: ${describeUnknownKey(key, ENTRY_KEYS)}`,
  );
  const groups = [
    ['timeouts', TIMEOUT_KEYS],
    ['quotas', QUOTA_KEYS],
    ['bulkhead', BULKHEAD_KEYS],
    ['memory', MEMORY_KEYS],
  ] as const;
  for (const [group, known] of groups) {
    for (const key of Object.keys(value[group] ?? {}).filter((name) => !known.includes(name))) {
      const place = formatPlace(document.place([...path, group, key]));
      warnings.push(`${place}: ${describeUnknownKey(key, known)}`);
    }
  }
  const { command } = entry;
  if (command !== undefined && entry.args === undefined && /^[^/\\]+\s+\S/.test(command)) {
    const place = formatPlace(document.place([...path, 'command']));
    warnings.push(`${place}: the command has spaces; what follows the program belongs in args`);
  }
  return warnings;
}

/** What is asked of a process, as far as the entry says. */
function readProcessLimits({
  idleStopMs,
  maxRssBytes,
  exclusive,
}: FileEntry): Pick<ConnectorDefinition, 'idleStopMs' | 'maxRssBytes' | 'exclusive'> {
  return {
    ...(idleStopMs !== undefined && { idleStopMs }),
    ...(maxRssBytes !== undefined && { maxRssBytes }),
    ...(exclusive !== undefined && { exclusive }),
  };
}

/**
 * One entry of a client's or our own file as a connector. What depends on the environment (variables, an envFile,
 * a transport we lack) becomes the definition's `problem`; what is wrong in the file itself is thrown.
 * @throws ConfigError naming the place and the remedy.
 */
export async function readConnectorEntry(
  value: unknown,
  source: EntrySource,
): Promise<EntryReading> {
  const { entry, raw } = parseEntry(value, source);
  const auth = readEntryAuth(entry, source);
  const headers = { ...entry.headers, ...auth.headers };
  const reading = withAuth(await readTransport({ ...entry, headers }, raw, source), auth, entry);
  const { replicas, problem: unbalanced } = readReplicas(entry, source.scope);
  const problem = reading.problem ?? unbalanced;
  const transport = problem === undefined ? reading.transport : undefined;
  const { memory, warnings: unheeded } = readMemory(entry.memory, transport);
  const place = (key: string | undefined): string => {
    const step = key === undefined ? [] : [key];
    return formatPlace(source.document.place([...source.path, 'memory', ...step]));
  };
  return {
    definition: {
      id: source.id,
      title: source.title,
      origin: 'local',
      enabled: entry.enabled !== false && entry.disabled !== true,
      transport,
      era: entry.era ?? entry.protocolEra ?? 'auto',
      timeouts: readTimeouts(entry.timeouts),
      ...(entry.quotas !== undefined && { quotas: entry.quotas }),
      ...(entry.isolation !== undefined && { isolation: entry.isolation }),
      ...(entry.pins !== undefined && { pins: entry.pins }),
      ...readProcessLimits(entry),
      ...(memory !== undefined && { memory }),
      ...readCallLimits(entry),
      ...(replicas !== undefined && { replicas }),
      problem,
    },
    warnings: [
      ...warningsFor(entry, raw, source),
      ...auth.warnings,
      ...unheeded.map(([key, text]) => `${place(key)}: ${text}`),
    ],
  };
}
