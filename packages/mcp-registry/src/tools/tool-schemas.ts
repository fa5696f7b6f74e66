import { z } from 'zod';
import {
  serverStatuses,
  serverTransports,
  type ServerStatus,
  type ServerTransport,
} from '../server-record.ts';

/** A JSON Schema as MCP carries it. */
export type ToolSchema = Readonly<Record<string, unknown>>;

const name = z.string().min(1).max(256).describe('Name of the server');
const version = z.string().min(1).max(256).optional().describe('Default: the latest version');

/** What a list is asked with. */
export interface ListInput {
  readonly pattern?: string | undefined;
  readonly text?: string | undefined;
  readonly transport?: ServerTransport | undefined;
  readonly status?: ServerStatus | undefined;
  readonly tags?: string[] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export const listInput: z.ZodType<ListInput> = z.strictObject({
  pattern: z.string().min(1).max(256).optional().describe('Name with * and ?; case is ignored'),
  text: z.string().min(1).max(256).optional().describe('Part of name, title or description'),
  transport: z.enum(serverTransports).optional(),
  status: z.enum(serverStatuses).optional(),
  tags: z.array(z.string().min(1).max(256)).max(16).optional().describe('Whole tags; all of them'),
  limit: z.int().min(1).max(100).optional().describe('Most entries of the answer; default 50'),
  cursor: z.string().min(1).max(2_048).optional().describe('nextCursor of the answer before'),
});

/** What a list says of one entry. */
export interface ServerSummary {
  name: string;
  version?: string | undefined;
  description?: string | undefined;
  transport: ServerTransport;
  endpoint?: string | undefined;
  tags?: string[] | undefined;
  origin: 'local' | 'remote';
  status: ServerStatus;
  enabled: boolean;
  connector: boolean;
}

const summary: z.ZodType<ServerSummary> = z.object({
  name: z.string(),
  version: z.string().optional(),
  description: z.string().optional(),
  transport: z.enum(serverTransports),
  endpoint: z.string().optional(),
  tags: z.array(z.string()).optional(),
  origin: z.enum(['local', 'remote']),
  status: z.enum(serverStatuses),
  enabled: z.boolean(),
  connector: z.boolean().describe('Whether the gateway uses it'),
});

export const listOutput: z.ZodType = z.object({
  servers: z.array(summary),
  total: z.int().min(0).describe('Entries of the registry, whatever the filter'),
  nextCursor: z.string().optional(),
});

/** One entry: the latest version when none is named. */
export interface EntryInput {
  readonly name: string;
  readonly version?: string | undefined;
}

export const getInput: z.ZodType<EntryInput> = z.strictObject({ name, version });
export const getOutput: z.ZodType = z.object({
  server: z.looseObject({ name: z.string(), transport: z.string() }),
  versions: z.array(z.string()).describe('The first 100'),
});

/** A server to store. */
export interface RegisterInput {
  readonly server: { readonly name: string; readonly [member: string]: unknown };
  readonly overwrite?: boolean | undefined;
}

export const registerInput: z.ZodType<RegisterInput> = z.strictObject({
  server: z
    .looseObject({ name })
    .describe('name, transport and command/args or endpoint; or a whole server.json'),
  overwrite: z.boolean().optional().describe('Replace an entry of the same name; default false'),
});
export const registerOutput: z.ZodType = z.object({
  name: z.string(),
  version: z.string().optional(),
  replaced: z.boolean(),
  ignored: z.array(z.string()).describe('Members that only the operator can set'),
});

export const unregisterInput: z.ZodType<EntryInput> = z.strictObject({ name, version });
export const unregisterOutput: z.ZodType = z.object({ name: z.string(), removed: z.boolean() });

const counts = z.record(z.string(), z.int().min(0));
export const statsInput: z.ZodType = z.strictObject({});
export const statsOutput: z.ZodType = z.object({
  records: z.int().min(0),
  servers: z.int().min(0),
  connectors: z.int().min(0),
  transports: counts,
  statuses: counts,
  origins: counts,
  access: z.enum(['writer', 'reader']),
  generation: z.int().min(0),
  durableGeneration: z.int().min(0),
  unflushedMs: z.number().min(0),
});

/** Without `$schema`: older clients know drafts by name only and refuse those they do not know. */
export function toolSchema(schema: z.ZodType, io: 'input' | 'output'): ToolSchema {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
