import { z } from 'zod';
import { isJsonObject } from '../json-object.ts';
import { parseServerJson, serverInfoMetaKey, type ServerJson } from '../server-json.ts';
import { isChecked, officialMetaKey } from '../server-record.ts';

/** Where a publisher keeps its own data inside `server.json`. */
export const publisherMetaKey = 'io.modelcontextprotocol.registry/publisher-provided';

/** Bound on the publisher's own data (official registry rule). */
const maxPublisherMetaBytes = 4_096;

function isUri(text: string): boolean {
  const rest = text.replace(/^([a-z][a-z\d+.-]*:\/\/(?:[^/?#@]*@)?)\[[\da-f:.]+\]/iu, '$1host');
  return (
    /^[a-z][a-z\d+.-]*:(?:[\w.~!$&'()*+,;=:@/?#-]|%[\da-f]{2})+$/iu.test(rest) &&
    (rest.match(/#/gu)?.length ?? 0) < 2 &&
    URL.canParse(text)
  );
}

const uri = z.string().refine(isUri, { error: 'must be an absolute URI' });
const inputFields = {
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
  value: z.string().optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  choices: z.array(z.string()).optional(),
};
const variables = z.record(z.string(), z.looseObject(inputFields)).optional();
const input = z.looseObject({ ...inputFields, variables });
const keyValue = input.extend({ name: z.string() });
const argument = z.union([
  input
    .extend({
      type: z.literal('positional'),
      isRepeated: z.boolean().optional(),
      valueHint: z.string().optional(),
    })
    .refine((one) => one.value !== undefined || one.valueHint !== undefined, {
      error: 'a positional argument needs value or valueHint',
    }),
  input.extend({
    type: z.literal('named'),
    name: z.string(),
    isRepeated: z.boolean().optional(),
  }),
]);
const overHttp = z.looseObject({
  type: z.enum(['streamable-http', 'sse']),
  url: z.string().regex(/^https?:\/\/\S+$/u),
  headers: z.array(keyValue).optional(),
});
const serverPackage = z
  .looseObject({
    registryBaseUrl: uri.optional(),
    fileSha256: z
      .string()
      .regex(/^[a-f0-9]{64}$/u)
      .optional(),
    transport: z.union([z.looseObject({ type: z.literal('stdio') }), overHttp]),
    packageArguments: z.array(argument).optional(),
    runtimeArguments: z.array(argument).optional(),
    environmentVariables: z.array(keyValue).optional(),
  })
  .refine((one) => one['registryType'] !== 'mcpb' || one.fileSha256 !== undefined, {
    error: 'an mcpb package needs fileSha256',
  });
const icon = z.looseObject({
  src: uri.refine((text) => text.length <= 255, { error: 'must be at most 255 characters' }),
  mimeType: z
    .enum(['image/png', 'image/jpeg', 'image/jpg', 'image/svg+xml', 'image/webp'])
    .optional(),
  sizes: z.array(z.string().regex(/^(?:\d+x\d+|any)$/u)).optional(),
  theme: z.enum(['light', 'dark']).optional(),
});

/** The rules of the schema of 2025-12-11 that `parseServerJson` leaves open, because imports must not fail over them. */
const publishedSchema = z.looseObject({
  $schema: uri.optional(),
  websiteUrl: uri.optional(),
  repository: z
    .looseObject({
      url: uri,
      source: z.string(),
      id: z.string().optional(),
      subfolder: z.string().optional(),
    })
    .optional(),
  icons: z.array(icon).optional(),
  remotes: z.array(overHttp.extend({ variables })).optional(),
  packages: z.array(serverPackage).optional(),
  _meta: z
    .looseObject({
      [publisherMetaKey]: z
        .record(z.string(), z.unknown())
        .refine((meta) => Buffer.byteLength(JSON.stringify(meta)) <= maxPublisherMetaBytes, {
          error: `must be at most ${maxPublisherMetaBytes} bytes`,
        })
        .optional(),
    })
    .optional(),
});

/** The outcome of {@link checkPublished}. */
export type PublishedCheck =
  | { readonly kind: 'valid'; readonly server: ServerJson }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Checks a document against all of the schema of 2025-12-11; a valid one comes back as it is. */
export function checkPublished(value: unknown): PublishedCheck {
  let server: ServerJson;
  try {
    server = parseServerJson(value);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    return { kind: 'invalid', reason: message.replace(/^Cannot read server\.json: /u, '') };
  }
  const parsed = publishedSchema.safeParse(server);
  if (isChecked(server, parsed)) return { kind: 'valid', server };
  return { kind: 'invalid', reason: parsed.error ? z.prettifyError(parsed.error) : '' };
}

function without(value: Record<string, unknown>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}

/**
 * The document without what only this registry may say: the official block, and a whole `ServerInfo`, which would carry a
 * command past the rule that nothing from outside is run.
 */
export function withoutReserved(server: ServerJson): ServerJson {
  const { _meta: meta, ...rest } = server;
  if (meta === undefined) return server;
  const publisher = meta[publisherMetaKey];
  const kept = without(meta, officialMetaKey);
  if (isJsonObject(publisher)) kept[publisherMetaKey] = without(publisher, serverInfoMetaKey);
  return {
    ...rest,
    name: server.name,
    description: server.description,
    version: server.version,
    _meta: kept,
  };
}
