import { z } from 'zod';
import type { ConnectorQuotas, ConnectorTimeouts } from '../connectors/connector.ts';
import { type FileFlags, flagsSchema } from './flag-schema.ts';
import { type FileServiceMap, serviceMapSchema } from './map-schema.ts';
import { type FileRegistry, registrySchema } from './registry-schema.ts';

export { FLAG_KEYS, FLAG_NAMES, type FileFlags, type FlagName } from './flag-schema.ts';

/** Log levels, as pino names them. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Transport types that clients write; only the first five can be used today. */
export const ENTRY_TYPES = [
  'stdio',
  'http',
  'streamable-http',
  'streamableHttp',
  'sse',
  'ws',
  'websocket',
  'sdk',
  'sse-ide',
  'ws-ide',
] as const;

/** The shortest and longest time between background refreshes. */
export const REFRESH_INTERVAL_MS: { readonly min: number; readonly max: number } = {
  min: 1_000,
  max: 86_400_000,
};

function integer(min: number, max: number): z.ZodInt {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

const boolean = z.boolean('must be true or false');

/** The settings a file may hold. Environment and flags are checked by the same schemas. */
const settingShape = {
  port: integer(0, 65_535)
    .optional()
    .meta({ description: 'Port of the one listener; 0 takes a free one.', default: 3024 }),
  host: z
    .string('must be a string')
    .regex(/^[^\s/]+$/, 'must be a host name or an address')
    .optional()
    .meta({ description: 'Address to listen on; a loopback address.', default: '127.0.0.1' }),
  logLevel: z
    .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
    .optional()
    .meta({ description: 'Least severe level that is logged.', default: 'info' }),
  firstListWaitMs: integer(0, 60_000).optional().meta({
    description:
      'How long a list waits for the first pass while a connector has no manifest at all; 0 does not wait.',
    default: 1500,
  }),
  syncConcurrency: integer(1, 1024)
    .optional()
    .meta({ description: 'Connectors synchronised at a time (S4-09).', default: 128 }),
  processStartConcurrency: integer(1, 256).optional().meta({
    description: 'Processes started at a time. Default: twice the number of processor cores.',
  }),
  refreshIntervalMs: integer(REFRESH_INTERVAL_MS.min, REFRESH_INTERVAL_MS.max)
    .optional()
    .meta({ description: 'Longest time between background refreshes (S4-07).', default: 300_000 }),
  separator: z
    .enum(['__', '.'], 'must be "__" or "."')
    .optional()
    .meta({ description: 'Stands between connector id and tool name.', default: '__' }),
  listPageSize: integer(0, 10_000).optional().meta({
    description:
      'Items on one page of a list; 0 gives whole lists, which is what clients that never ask for a second page need.',
    default: 0,
  }),
  idleStopMs: integer(0, 86_400_000).optional().meta({
    description:
      'A stdio server without a call for this long is stopped until it is needed again; 0 never stops one.',
    default: 0,
  }),
  sse: boolean.optional().meta({
    description: 'Serve /sse to clients that speak only the older HTTP+SSE transport.',
    default: false,
  }),
  flags: flagsSchema
    .optional()
    .meta({ description: 'Rollback flags by the name of their variable.' }),
  serviceMap: serviceMapSchema
    .optional()
    .meta({ description: 'A signed map of connectors, beside those of this file.' }),
  registry: registrySchema
    .optional()
    .meta({ description: 'The registry of the state folder, and what is served of it.' }),
};

const settingsSchema = z.object(settingShape);

/** Every setting with its value in the unit of its name (contract.md has the defaults). */
export interface SettingValues {
  readonly port: number;
  readonly host: string;
  readonly logLevel: LogLevel;
  readonly firstListWaitMs: number;
  readonly syncConcurrency: number;
  readonly processStartConcurrency: number;
  readonly refreshIntervalMs: number;
  readonly separator: '__' | '.';
  readonly listPageSize: number;
  readonly idleStopMs: number;
  readonly sse: boolean;
}
/** The settings that one source gives. */
export type GivenSettings = {
  readonly [K in keyof SettingValues]?: SettingValues[K] | undefined;
};
/** The settings that a file gives. */
export interface FileSettings extends GivenSettings {
  readonly flags?: FileFlags | undefined;
  readonly serviceMap?: FileServiceMap | undefined;
  readonly registry?: FileRegistry | undefined;
}
const text = z.string('must be a string');
const words = z.array(text, 'must be an array of strings');
const headers = z.record(z.string(), text, 'must be an object of strings');
const envValue = z.union([z.string(), z.number(), z.null()], 'must be a string');
const duration = integer(1, 86_400_000);
const timeouts = z.object(
  {
    connectTimeoutMs: duration.optional().meta({ default: 2000 }),
    handshakeTimeoutMs: duration.optional().meta({ default: 30_000 }),
    listTimeoutMs: duration.optional().meta({ default: 30_000 }),
    idleTimeoutMs: duration.optional().meta({ default: 60_000 }),
    maxCallMs: duration.optional().meta({ default: 600_000 }),
  },
  'must be an object',
);
const amount = integer(0, 1_000_000_000);
const quotas = z.object(
  {
    perMinute: amount.optional(),
    perHour: amount.optional(),
    perDay: amount.optional(),
    concurrent: amount.optional().meta({ description: 'Calls, and lists asked for, at a time.' }),
  },
  'must be an object',
);
const ERAS = ['auto', 'modern', 'legacy'] as const;
const ISOLATIONS = ['shared', 'session'] as const;
const era = z.enum(ERAS, 'must be auto, modern or legacy');

const entryShape = {
  type: z
    .enum(ENTRY_TYPES, 'must be stdio, http or streamable-http')
    .optional()
    .meta({ description: 'Transport; found out from command or url when left out.' }),
  command: text.min(1, 'must not be empty').optional().meta({ description: 'Program to start.' }),
  args: words.optional().meta({ description: 'Its arguments.' }),
  env: z
    .record(z.string(), envValue, 'must be an object of strings')
    .optional()
    .meta({ description: 'Environment on top of a small inherited one; null leaves a name out.' }),
  envFile: text.optional().meta({ description: 'File of NAME=value lines; env wins over it.' }),
  cwd: text
    .optional()
    .meta({ description: 'Working folder, relative to the folder of this file.' }),
  url: text.optional().meta({ description: 'Streamable HTTP endpoint.' }),
  httpUrl: text.optional().meta({ description: 'As url, the spelling of Gemini CLI.' }),
  serverUrl: text.optional().meta({ description: 'As url, the spelling of Windsurf.' }),
  headers: headers.optional().meta({ description: 'Sent to this connector and to no other.' }),
  enabled: boolean.optional().meta({ default: true }),
  disabled: boolean.optional().meta({ default: false }),
  era: era.optional().meta({ description: 'Protocol era; auto asks the server.', default: 'auto' }),
  protocolEra: era.optional().meta({ description: 'As era, the spelling of the MCP Inspector.' }),
  timeouts: timeouts.optional().meta({ description: 'Bounds in milliseconds.' }),
  quotas: quotas.optional().meta({ description: 'Calls it may be sent; 0 is none. Default: any.' }),
  isolation: z.enum(ISOLATIONS, 'must be shared or session').optional().meta({
    description:
      'session gives each client a connection of its own: what the server asks and tells reaches that client alone.',
    default: 'shared',
  }),
  idleStopMs: integer(0, 86_400_000).optional().meta({
    description: 'As the setting idleStopMs, for this process only.',
  }),
};

const entrySchema = z.object(entryShape).meta({ description: 'One connector.' });

/** One entry of `mcpServers` or `servers`, as written. */
export interface FileEntry {
  readonly type?: (typeof ENTRY_TYPES)[number] | undefined;
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string | number | null>> | undefined;
  readonly envFile?: string | undefined;
  readonly cwd?: string | undefined;
  readonly url?: string | undefined;
  readonly httpUrl?: string | undefined;
  readonly serverUrl?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly enabled?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  readonly era?: (typeof ERAS)[number] | undefined;
  readonly protocolEra?: (typeof ERAS)[number] | undefined;
  readonly timeouts?: { readonly [K in keyof ConnectorTimeouts]?: number | undefined } | undefined;
  readonly quotas?: ConnectorQuotas | undefined;
  readonly isolation?: (typeof ISOLATIONS)[number] | undefined;
  readonly idleStopMs?: number | undefined;
}

const inputSchema = z.object({
  id: text,
  default: text.optional(),
  password: boolean.optional(),
});

/** One of VS Code's `inputs`, as far as it matters here. */
export interface FileInput {
  readonly id: string;
  readonly default?: string | undefined;
  readonly password?: boolean | undefined;
}

const servers = z.record(z.string(), entrySchema);
const fileSchema = z
  .object({
    $schema: text.optional(),
    ...settingShape,
    mcpServers: servers.optional().meta({
      description: 'Connectors by name, as Claude, Cursor and the Inspector write them.',
    }),
    servers: servers
      .optional()
      .meta({ description: 'Connectors by name, as VS Code writes them.' }),
    inputs: z.array(inputSchema).optional().meta({
      description:
        'VS Code inputs. Nothing is asked: one with a default and no password has that value.',
    }),
  })
  .meta({ title: 'Cortex MCP configuration' });

/** Our top-level keys and an entry's keys, for naming the one that was meant. */
export const TOP_LEVEL_KEYS: readonly string[] = Object.keys(fileSchema.shape);
export const ENTRY_KEYS: readonly string[] = Object.keys(entryShape);
export const TIMEOUT_KEYS: readonly string[] = Object.keys(timeouts.shape);
export const QUOTA_KEYS: readonly string[] = Object.keys(quotas.shape);

/** What a schema said about a value: the value, or the first thing that is wrong and where. */
export type Checked<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | {
      readonly kind: 'invalid';
      readonly path: readonly (string | number)[];
      readonly message: string;
    };

function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value);
  if (result.success) return { kind: 'valid', value: result.data };
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).filter((step) => typeof step !== 'symbol');
  return { kind: 'invalid', path, message: issue?.message ?? 'is not valid' };
}

export function checkSettings(value: unknown): Checked<FileSettings> {
  return check(settingsSchema, value);
}

/** One setting's value by the file's own rule. */
export function checkSetting(key: keyof SettingValues, value: unknown): Checked<GivenSettings> {
  return check(settingsSchema, { [key]: value });
}

export function checkEntry(value: unknown): Checked<FileEntry> {
  return check(entrySchema, value);
}

export function checkInput(value: unknown): Checked<FileInput> {
  return check(inputSchema, value);
}

/** The JSON Schema of our file (`schema/config.schema.json`), for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(fileSchema, { io: 'input' }) };
}
