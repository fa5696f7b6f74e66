import { z } from 'zod';
import { accessShape, type FileAccess } from './access-schema.ts';
import { callSettingShape, type CallSettingValues } from './call-schema.ts';
import { entrySchema, type FileEntry } from './entry-schema.ts';
import { type FileFlags, flagsSchema } from './flag-schema.ts';
import { type FileServiceMap, serviceMapSchema } from './map-schema.ts';
import { type FileOversight, oversightShape } from './oversight-schema.ts';
import { type FileRegistry, registrySchema } from './registry-schema.ts';
import { boolean, integer, text } from './schema-words.ts';

export { ENTRY_KEYS, QUOTA_KEYS, TIMEOUT_KEYS, type FileEntry } from './entry-schema.ts';
export { FLAG_KEYS, FLAG_NAMES, type FileFlags, type FlagName } from './flag-schema.ts';

/** Log levels, as pino names them. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The shortest and longest time between background refreshes. */
export const REFRESH_INTERVAL_MS: { readonly min: number; readonly max: number } = {
  min: 1_000,
  max: 86_400_000,
};

/** Beyond it a heap is not small. */
const MAX_HEAP_SLACK_MIB = 1_024;

/** The settings a file may hold. Environment and flags are checked by the same schemas. */
const settingShape = {
  port: integer(0, 65_535).optional().meta({
    description: 'Port of the one listener; 0 takes a free one (MCP_PORT, PORT).',
    default: 3024,
  }),
  host: z
    .string('must be a string')
    .regex(/^[^\s/]+$/, 'must be a host name or an address')
    .optional()
    .meta({
      description:
        'Address to listen on; one that other machines reach needs authentication (MCP_HOST).',
      default: '127.0.0.1',
    }),
  logLevel: z
    .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
    .optional()
    .meta({ description: 'Least severe level that is logged (MCP_LOG_LEVEL).', default: 'info' }),
  firstListWaitMs: integer(0, 60_000).optional().meta({
    description:
      'How long a list waits for the first pass while a connector has no manifest at all; 0 does not wait.',
    default: 1500,
  }),
  syncConcurrency: integer(1, 1024).optional().meta({
    description:
      'Connectors synced at a time; processes are bounded by processStartConcurrency as well (MCP_CONNECTOR_SYNC_CONCURRENCY).',
    default: 128,
  }),
  processStartConcurrency: integer(1, 256).optional().meta({
    description: 'Processes started at a time. Default: twice the number of processor cores.',
  }),
  refreshIntervalMs: integer(REFRESH_INTERVAL_MS.min, REFRESH_INTERVAL_MS.max).optional().meta({
    description: 'Longest time between background refreshes (MCP_CONNECTOR_REFRESH_INTERVAL_MS).',
    default: 300_000,
  }),
  separator: z
    .enum(['__', '.'], 'must be "__" or "."')
    .optional()
    .meta({ description: 'Stands between connector id and tool name.', default: '__' }),
  listPageSize: integer(0, 10_000).optional().meta({
    description:
      'Items on one page of a list; 0 gives whole lists, which is what clients that never ask for a second page need (MCP_LIST_PAGE_SIZE).',
    default: 0,
  }),
  idleStopMs: integer(0, 86_400_000).optional().meta({
    description:
      'A stdio server without a call for this long is stopped until it is needed again; 0 never stops one (MCP_IDLE_STOP_MS).',
    default: 0,
  }),
  drainLameDuckMs: integer(0, 300_000).optional().meta({
    description:
      'How long a service that stops still answers, so that clients and balancers can move on; 0 does not (MCP_DRAIN_LAME_DUCK_MS).',
    default: 6000,
  }),
  drainMaxMs: integer(0, 3_600_000).optional().meta({
    description:
      'How long calls under way may take after that before they get an error (MCP_DRAIN_MAX_MS).',
    default: 300_000,
  }),
  heapSlackMiB: integer(0, MAX_HEAP_SLACK_MIB).optional().meta({
    description:
      'How much may gather, bodies of calls included, before V8 marks the whole of a small heap; 0 leaves it to V8 (MCP_HEAP_SLACK_MIB).',
    default: 32,
  }),
  ...callSettingShape,
  sse: boolean.optional().meta({
    description:
      'Serve /sse and /messages to clients that speak only the older HTTP+SSE transport (MCP_SSE).',
    default: false,
  }),
  page: boolean
    .optional()
    .meta({ description: 'Serve the status page at / (MCP_PAGE).', default: true }),
  flags: flagsSchema
    .optional()
    .meta({ description: 'Rollback flags by the name of their variable.' }),
  serviceMap: serviceMapSchema
    .optional()
    .meta({ description: 'A signed map of connectors, beside those of this file.' }),
  registry: registrySchema
    .optional()
    .meta({ description: 'The registry of the state folder, and what is served of it.' }),
  ...oversightShape,
  ...accessShape,
};

const settingsSchema = z.object(settingShape);

/** Every setting with its value in the unit of its name (contract.md has the defaults). */
export interface SettingValues extends CallSettingValues {
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
  readonly drainLameDuckMs: number;
  readonly drainMaxMs: number;
  readonly heapSlackMiB: number;
  readonly sse: boolean;
  readonly page: boolean;
}
/** The settings that one source gives. */
export type GivenSettings = {
  readonly [K in keyof SettingValues]?: SettingValues[K] | undefined;
};
/** The settings that a file gives. */
export interface FileSettings extends GivenSettings, FileOversight, FileAccess {
  readonly flags?: FileFlags | undefined;
  readonly serviceMap?: FileServiceMap | undefined;
  readonly registry?: FileRegistry | undefined;
}
const inputSchema = z.object({
  id: text.meta({ description: 'By which ${input:id} refers to it.' }),
  default: text.optional().meta({ description: 'Its value.' }),
  password: boolean.optional().meta({ description: 'A password has no value here.' }),
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
    $schema: text.optional().meta({ description: 'The schema of this file, for editors.' }),
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

/** Our top-level keys, for naming the one that was meant. */
export const TOP_LEVEL_KEYS: readonly string[] = Object.keys(fileSchema.shape);

/** What a schema said about a value: the value, or the first thing that is wrong and where. */
export type Checked<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | {
      readonly kind: 'invalid';
      readonly path: readonly (string | number)[];
      readonly message: string;
    };

function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  // Compiled by zod, each schema would take longer than it takes to check a hundred entries.
  const result = schema.safeParse(value, { jitless: true });
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
