import { z } from 'zod';
import type {
  ConnectorDefinition,
  ConnectorQuotas,
  ConnectorTimeouts,
} from '../connectors/connector.ts';
import { callLimitShape, type FileCallLimits } from './call-schema.ts';
import { authShape, type FileAuthKeys } from './auth-schema.ts';
import { pinModeSchema } from './oversight-schema.ts';
import { memoryShape, type FileMemoryKeys } from './memory-schema.ts';
import { replicaShape, type FileReplicas } from './replica-schema.ts';
import { boolean, integer, text } from './schema-words.ts';

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

const words = z.array(text, 'must be an array of strings');
const headers = z.record(z.string(), text, 'must be an object of strings');
const envValue = z.union([z.string(), z.number(), z.null()], 'must be a string');
const duration = integer(1, 86_400_000);
const timeouts = z.object(
  {
    connectTimeoutMs: duration.optional().meta({
      description: 'TCP and TLS. Sockets of an origin wait as long as its most patient connector.',
      default: 2000,
    }),
    handshakeTimeoutMs: duration.optional().meta({
      description: 'From start of the process or connection to the handshake.',
      default: 30_000,
    }),
    listTimeoutMs: duration
      .optional()
      .meta({ description: 'One list, all pages.', default: 30_000 }),
    idleTimeoutMs: duration
      .optional()
      .meta({ description: 'A call without progress.', default: 60_000 }),
    maxCallMs: duration
      .optional()
      .meta({ description: 'A call, whatever its progress.', default: 600_000 }),
  },
  'must be an object',
);
const amount = integer(0, 1_000_000_000);
const quotas = z.object(
  {
    perMinute: amount.optional().meta({ description: 'Calls in any 60 s.' }),
    perHour: amount.optional().meta({ description: 'Calls in any 60 min.' }),
    perDay: amount.optional().meta({ description: 'Calls in any 24 h.' }),
    concurrent: amount.optional().meta({ description: 'Calls, and lists asked for, at a time.' }),
  },
  'must be an object',
);
const ERAS = ['auto', 'modern', 'legacy'] as const;
const ISOLATIONS = ['shared', 'session'] as const;
const era = z.enum(ERAS, 'must be auto, modern or legacy');

const entryShape = {
  type: z.enum(ENTRY_TYPES, 'must be stdio, http or streamable-http').optional().meta({
    description:
      'Transport; found out from command or url when left out. The last five cannot be used; an HTTP server that takes no POST is tried over HTTP+SSE.',
  }),
  command: text.min(1, 'must not be empty').optional().meta({ description: 'Program to start.' }),
  args: words.optional().meta({ description: 'Its arguments.' }),
  env: z
    .record(z.string(), envValue, 'must be an object of strings')
    .optional()
    .meta({ description: 'Environment on top of a small inherited one; null leaves a name out.' }),
  envFile: text.optional().meta({ description: 'File of NAME=value lines; env wins over it.' }),
  cwd: text.optional().meta({
    description:
      'Working folder. Default, and what relative paths count from: the folder of this file.',
  }),
  url: text
    .optional()
    .meta({ description: 'Streamable HTTP endpoint, or the event stream of an HTTP+SSE server.' }),
  httpUrl: text.optional().meta({ description: 'As url, the spelling of Gemini CLI.' }),
  serverUrl: text.optional().meta({ description: 'As url, the spelling of Windsurf.' }),
  headers: headers.optional().meta({ description: 'Sent to this connector and to no other.' }),
  enabled: boolean
    .optional()
    .meta({ description: 'Off is kept in the list and not connected.', default: true }),
  disabled: boolean
    .optional()
    .meta({ description: 'The opposite of enabled, as clients write it.', default: false }),
  era: era.optional().meta({
    description:
      'Protocol era: auto asks the server, modern is 2026-07-28, legacy up to 2025-11-25.',
    default: 'auto',
  }),
  protocolEra: era.optional().meta({ description: 'As era, the spelling of the MCP Inspector.' }),
  timeouts: timeouts.optional().meta({ description: 'Bounds of time, each from 1 ms to 24 h.' }),
  quotas: quotas.optional().meta({ description: 'Calls it may be sent; 0 is none. Default: any.' }),
  isolation: z.enum(ISOLATIONS, 'must be shared or session').optional().meta({
    description:
      'session gives each client a connection of its own: what the server asks and tells reaches that client alone.',
    default: 'shared',
  }),
  pins: pinModeSchema.optional().meta({
    description: 'As the setting pins.mode, for this connector only. Default: that setting.',
  }),
  idleStopMs: integer(0, 86_400_000).optional().meta({
    description: 'As the setting idleStopMs, for this process only. Default: that setting.',
  }),
  maxRssBytes: integer(16_777_216, 1_099_511_627_776).optional().meta({
    description:
      'A process that, with what it started, holds more resident memory than this is stopped and started again when it is needed; Linux only.',
  }),
  exclusive: boolean.optional().meta({
    description:
      'The process must not run twice: while two services overlap in a reload, its calls wait for the older one.',
    default: false,
  }),
  ...memoryShape,
  ...callLimitShape,
  ...replicaShape,
  ...authShape,
};

export const entrySchema: z.ZodType<FileEntry> = z
  .object(entryShape)
  .meta({ description: 'One connector.' });

/** One entry of `mcpServers` or `servers`, as written. */
export interface FileEntry extends FileReplicas, FileCallLimits, FileMemoryKeys, FileAuthKeys {
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
  readonly pins?: ConnectorDefinition['pins'];
  readonly idleStopMs?: number | undefined;
  readonly maxRssBytes?: number | undefined;
  readonly exclusive?: boolean | undefined;
}

/** An entry's keys, for naming the one that was meant. */
export const ENTRY_KEYS: readonly string[] = Object.keys(entryShape);
export const TIMEOUT_KEYS: readonly string[] = Object.keys(timeouts.shape);
export const QUOTA_KEYS: readonly string[] = Object.keys(quotas.shape);
