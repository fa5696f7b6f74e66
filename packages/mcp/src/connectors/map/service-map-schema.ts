import { z } from 'zod';

/** How a connector wants to be paid: `credential` is a reference such as `${GITHUB_TOKEN}` or `file:/run/token`. */
export interface ServiceMapAuth {
  readonly type: 'none' | 'bearer' | 'apiKey';
  readonly headerName?: string | undefined;
  readonly queryParam?: string | undefined;
  readonly credential?: string | undefined;
  readonly [key: string]: unknown;
}

/** Limits the producer sets on one connector; 0 means none are left. */
export interface ServiceMapQuotas {
  readonly perMinute?: number | undefined;
  readonly perHour?: number | undefined;
  readonly perDay?: number | undefined;
  readonly concurrent?: number | undefined;
  readonly [key: string]: unknown;
}

/** One connector in the producer's shape. Placeholders (`${NAME}`) are as written: they are resolved late, elsewhere. */
export interface ServiceMapEntry {
  /** `^[a-z0-9][a-z0-9-]{0,62}$` */
  readonly id: string;
  readonly displayName: string;
  readonly enabled: boolean;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly auth?: ServiceMapAuth | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly quotas?: ServiceMapQuotas | undefined;
  /** Milliseconds by name, e.g. `connectMs`, `requestMs`. */
  readonly timeouts?: Readonly<Record<string, number>> | undefined;
  readonly ttlSeconds?: number | undefined;
  /** Default: `shared`. */
  readonly isolation?: 'shared' | 'session' | undefined;
  /** What its tools say of themselves is believed. Default: false. */
  readonly trusted?: boolean | undefined;
  readonly remoteTools?: readonly { readonly name: string; readonly [key: string]: unknown }[];
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly [key: string]: unknown;
}

/** The map around its entries. */
export interface ServiceMapEnvelope {
  readonly id: string;
  readonly brand?: string | undefined;
  /** ISO 8601 date and time. */
  readonly generatedAt: string;
  readonly ttlSeconds: number;
  /** ISO 8601 end of authority: nothing of this map is used after it, stale or not. */
  readonly notAfter?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly [key: string]: unknown;
}

const text = z.string().min(1).max(1_024);
const count = z.int().nonnegative();
const jsonObject = z.record(z.string(), z.unknown());
const headerName = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
/** Visible ASCII and spaces: what every HTTP stack passes on unchanged. */
const headerValue = z
  .string()
  .max(8_192)
  .regex(/^[ -~]*$/);

/** An http(s) URL, or text with a placeholder that will make one. */
function isEndpoint(value: string): boolean {
  if (value.includes('${')) return true;
  const protocol = URL.parse(value)?.protocol;
  return protocol === 'https:' || protocol === 'http:';
}

const entryFields = z.looseObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  displayName: text.optional().describe('Default: the id'),
  enabled: z.boolean().default(true),
  version: text.optional(),
  description: z.string().max(8_192).optional(),
  endpoint: z
    .string()
    .max(2_048)
    .refine(isEndpoint, 'Expected an http or https URL')
    .optional()
    .describe('http or https URL of the MCP endpoint; may hold ${NAME} placeholders'),
  command: text.optional().describe('Taken from local maps, or when the operator allows it'),
  args: z.array(z.string().max(8_192)).max(256).optional(),
  env: z.record(z.string(), z.string()).optional(),
  cwd: text.optional(),
  auth: z
    .looseObject({
      type: z.enum(['none', 'bearer', 'apiKey']),
      headerName: headerName.optional(),
      queryParam: text.optional(),
      credential: text.optional().describe('A reference, never a value: ${NAME} or file:/path'),
    })
    .optional(),
  headers: z.record(headerName, headerValue).optional(),
  scopes: z.array(text).max(256).optional(),
  tags: z.array(text).max(256).optional(),
  quotas: z
    .looseObject({
      perMinute: count.optional(),
      perHour: count.optional(),
      perDay: count.optional(),
      concurrent: count.optional(),
    })
    .optional(),
  timeouts: z.record(z.string(), count).optional().describe('Milliseconds by name'),
  ttlSeconds: z.int().positive().optional(),
  isolation: z
    .enum(['shared', 'session'])
    .optional()
    .describe('session: a connection for each client. Default: shared'),
  trusted: z
    .boolean()
    .optional()
    .describe(
      'Tools that say they are read-only or idempotent may be called again. Default: false',
    ),
  remoteTools: z
    .array(z.looseObject({ name: text }))
    .max(1_000)
    .optional(),
  metadata: jsonObject.optional(),
});

const entrySchema = entryFields.superRefine((entry, context) => {
  if (entry.endpoint !== undefined && entry.command !== undefined) {
    context.addIssue({ code: 'custom', message: 'has an endpoint and a command' });
  }
  if (entry.enabled && entry.endpoint === undefined && entry.command === undefined) {
    context.addIssue({ code: 'custom', message: 'has neither endpoint nor command' });
  }
});

const envelopeFields = {
  id: z.string().min(1).max(128).describe('The producer uses a ULID'),
  brand: text.optional(),
  generatedAt: z.iso.datetime({ offset: true }).describe('UTC (Z) is canonical'),
  ttlSeconds: z.int().positive(),
  notAfter: z.iso.datetime({ offset: true }).optional().describe('Nothing is used after it'),
  metadata: jsonObject.optional(),
  alg: z.enum(['hmac-sha256', 'ed25519']).optional().describe('Default: hmac-sha256'),
  kid: text.optional().describe('Id of the signing key'),
  signature: text.optional().describe('Base64url without padding over the canonical JSON'),
};

/** Far above any fleet in use, far below what would stall the loop. */
const MAX_CONNECTORS = 10_000;
const envelopeSchema = z.looseObject({
  ...envelopeFields,
  connectors: z.array(z.unknown()).min(1).max(MAX_CONNECTORS),
});
const mapSchema = z.looseObject({
  ...envelopeFields,
  connectors: z.array(entryFields).min(1).max(MAX_CONNECTORS),
});

/** A parse that went well, or one line per problem (`path: message`). */
export type SchemaResult<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Shown problems per entry; the rest is more of the same. */
const MAX_PROBLEMS = 5;

function problemsOf(error: z.ZodError): string[] {
  return error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
}

/** The map without looking into its entries; `connectors` are the raw ones. Unknown keys are kept. */
export function parseServiceMapEnvelope(
  raw: unknown,
): SchemaResult<ServiceMapEnvelope & { readonly connectors: readonly unknown[] }> {
  const result = envelopeSchema.safeParse(raw);
  if (!result.success) return { kind: 'invalid', problems: problemsOf(result.error) };
  return { kind: 'ok', value: result.data };
}

/** One entry in the producer's shape (see `normalizeServiceMapEntry` for the older ones). Unknown keys are kept. */
export function parseServiceMapEntry(raw: unknown): SchemaResult<ServiceMapEntry> {
  const result = entrySchema.safeParse(raw, { jitless: true });
  if (!result.success) return { kind: 'invalid', problems: problemsOf(result.error) };
  const { remoteTools, ...entry } = result.data;
  return {
    kind: 'ok',
    value: {
      ...entry,
      displayName: entry.displayName ?? entry.id,
      ...(remoteTools === undefined ? {} : { remoteTools }),
    },
  };
}

/** The JSON Schema (2020-12) of the canonical shape, as published in `schema/service-map.schema.json`. */
export function serviceMapJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(mapSchema, { io: 'input' });
  return { $schema, title: 'Cortex MCP connector service map', ...schema };
}
