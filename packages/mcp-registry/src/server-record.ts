import { z } from 'zod';
import { RegistryError } from './registry-error.ts';

/** Transports of the earlier build's `ServerInfo`. */
export const serverTransports = ['stdio', 'http', 'sse', 'ws', 'streamableHttp'] as const;
/** One of {@link serverTransports}. */
export type ServerTransport = (typeof serverTransports)[number];

/** Life-cycle states of a published version (official registry API v0.1). */
export const serverStatuses = ['active', 'deprecated', 'deleted'] as const;
/** One of {@link serverStatuses}. */
export type ServerStatus = (typeof serverStatuses)[number];

/** Reverse-DNS key under which the official registry API keeps a version's status and dates. */
export const officialMetaKey = 'io.modelcontextprotocol.registry/official';

/** What the earlier build stored: how to reach one server. Unknown fields are kept. */
export interface ServerInfo {
  readonly name: string;
  readonly transport: ServerTransport;
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly endpoint?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly [field: string]: unknown;
}

/** Status and dates of one version, as the official API serves them. `isLatest` is computed on the way out. */
export interface OfficialMeta {
  readonly status: ServerStatus;
  readonly statusMessage?: string | undefined;
  readonly statusChangedAt?: string | undefined;
  readonly publishedAt?: string | undefined;
  readonly updatedAt?: string | undefined;
  readonly [field: string]: unknown;
}

/** A `server.json` document (schema 2025-12-11) as far as the registry reads it; the rest is kept as it came. */
export interface ServerDocument {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly [field: string]: unknown;
}

/**
 * One stored entry: a `ServerInfo` the earlier build can still read and, for published servers, the
 * `server.json` it came from. Identity is name plus `server.version`; without `server` there is one per name.
 */
export interface ServerRecord extends ServerInfo {
  readonly server?: ServerDocument | undefined;
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
  /** Where the entry came from. Absent means `local`; `remote` entries are data and never run by themselves. */
  readonly origin?: 'local' | 'remote' | undefined;
  /** Absent means enabled. */
  readonly enabled?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** Bounds on one record. */
export const recordLimits: {
  readonly maxNameLength: number;
  readonly maxBytes: number;
  readonly maxDepth: number;
} = {
  maxNameLength: 256,
  maxBytes: 262_144,
  /** Levels of objects and arrays: more than the readers of files and bodies let through. */
  maxDepth: 80,
};

const strings = z.record(z.string(), z.string());
// A name becomes part of keys and journal lines, so it must not hold control characters.
const nameSchema = z
  .string()
  .min(1)
  .max(recordLimits.maxNameLength)
  // oxlint-disable-next-line eslint/no-control-regex
  .regex(/^[^\u0000-\u001f\u007f]+$/u, 'must not contain control characters');

/** Shape of an official metadata block. */
export const officialMetaSchema: z.ZodType<OfficialMeta> = z.looseObject({
  status: z.enum(serverStatuses),
  statusMessage: z.string().max(500).optional(),
  statusChangedAt: z.string().optional(),
  publishedAt: z.string().optional(),
  updatedAt: z.string().optional(),
});

/** Shape of a stored entry: only the fields the registry reads are checked, unknown ones pass. */
export const serverRecordSchema: z.ZodType<ServerRecord> = z
  .looseObject({
    name: nameSchema,
    transport: z.enum(serverTransports),
    command: z.string().optional(),
    args: z.array(z.string()).optional(),
    env: strings.optional(),
    endpoint: z.string().optional(),
    headers: strings.optional(),
    server: z
      .looseObject({ name: nameSchema, version: nameSchema, description: z.string() })
      .optional(),
    _meta: z.looseObject({ [officialMetaKey]: officialMetaSchema.optional() }).optional(),
    origin: z.enum(['local', 'remote']).optional(),
    enabled: z.boolean().optional(),
    tags: z.array(z.string()).optional(),
  })
  .refine((record) => record.server === undefined || record.server.name === record.name, {
    error: 'must equal server.name',
    path: ['name'],
  });

/** Identity of a stored entry. Sorts by name, then version, in code-unit order. */
export type RecordKey = string;

/** The key of name and version. Names hold no control characters, so keys of different entries differ. */
export function recordKey(name: string, version?: string): RecordKey {
  return version === undefined ? name : `${name}\n${version}`;
}

/** The key a record is stored under. */
export function keyOf(record: ServerRecord): RecordKey {
  return recordKey(record.name, record.server?.version);
}

/** Whether a key has a version, which is so for what has a `server.json`. */
export function hasVersion(key: RecordKey): boolean {
  return key.includes('\n');
}

/** The name part of a key. */
export function nameOfKey(key: RecordKey): string {
  const end = key.indexOf('\n');
  return end === -1 ? key : key.slice(0, end);
}

/** The version part of a key; empty when it has none. */
export function versionOfKey(key: RecordKey): string {
  const end = key.indexOf('\n');
  return end === -1 ? '' : key.slice(end + 1);
}

/** The official metadata block of a record, if it has one. */
export function officialMeta(record: ServerRecord): OfficialMeta | undefined {
  const { _meta: meta } = record;
  const block = meta?.[officialMetaKey];
  if (block === undefined) return undefined;
  const parsed = officialMetaSchema.safeParse(block);
  return parsed.success ? parsed.data : undefined;
}

/** The outcome of {@link checkRecord}. */
export type RecordCheck =
  | { readonly kind: 'valid'; readonly record: ServerRecord }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Narrows the value that was checked: the copy that the schema returns has its keys reordered. */
export function isChecked<T>(_value: unknown, parsed: z.ZodSafeParseResult<T>): _value is T {
  return parsed.success;
}

/** Checks one value of unknown origin. A valid record is the value itself, with every field it came with. */
export function checkRecord(value: unknown): RecordCheck {
  const parsed = serverRecordSchema.safeParse(value);
  if (isChecked(value, parsed)) return { kind: 'valid', record: value };
  return { kind: 'invalid', reason: parsed.error ? z.prettifyError(parsed.error) : '' };
}

/** A record ready to be stored: an own copy that nobody else holds, and its JSON. */
export interface AcceptedRecord {
  readonly key: RecordKey;
  readonly record: ServerRecord;
  readonly json: string;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

/**
 * Validates and copies a caller's record.
 * @throws RegistryError `EINVALIDRECORD` if it is not a record, not JSON, or over {@link recordLimits}.
 */
export function acceptRecord(value: unknown): AcceptedRecord {
  const json = toJson(value);
  const bytes = Buffer.byteLength(json);
  if (bytes > recordLimits.maxBytes)
    throw new RegistryError(
      'EINVALIDRECORD',
      `Cannot store the server: it must be at most ${recordLimits.maxBytes} bytes, current size is ${bytes}`,
    );
  // The copy is what is checked and stored, so getters and toJSON methods cannot slip anything past the check.
  const copy: unknown = JSON.parse(json);
  // Whoever goes through a record level by level would run out of stack: one record would hide all others.
  if (isDeeper(copy, recordLimits.maxDepth))
    throw new RegistryError(
      'EINVALIDRECORD',
      `Cannot store the server: it nests deeper than ${recordLimits.maxDepth} levels`,
    );
  const check = checkRecord(copy);
  if (check.kind === 'invalid')
    throw new RegistryError('EINVALIDRECORD', `Cannot store the server: ${check.reason}`);
  return { key: keyOf(check.record), record: check.record, json };
}

function toJson(value: unknown): string {
  try {
    const json: unknown = JSON.stringify(value);
    if (typeof json === 'string') return json;
  } catch (error) {
    throw new RegistryError('EINVALIDRECORD', 'Cannot store the server: it is not JSON', {
      cause: error,
    });
  }
  throw new RegistryError('EINVALIDRECORD', 'Cannot store the server: it is not JSON');
}
