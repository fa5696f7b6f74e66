import { isJsonObject } from '../json-object.ts';
import { redactRecord } from '../redact.ts';
import { serverInfoMetaKey, serverSchemaUrl, toServerJson } from '../server-json.ts';
import { officialMetaKey, type ServerRecord } from '../server-record.ts';
import { officialOf, recordOf, type ListedServer } from './listed-server.ts';
import { publisherMetaKey } from './published-document.ts';

/** Reverse-DNS key of what this registry says about an entry itself. */
const registryEntryMetaKey = 'dev.cortex-os.registry/entry';

/** `server.json` as the API serves it. */
type Document = Readonly<Record<string, unknown>>;

function made(record: ServerRecord): Document {
  const { name, transport, endpoint, headers, title, description, version } = record;
  const described = { name, transport, endpoint, headers, title, description, version };
  // How a local entry is run (command, arguments, environment) is nobody's business but the operator's.
  return toServerJson(described);
}

function withoutCarriedInfo(meta: unknown): Record<string, unknown> | undefined {
  if (!isJsonObject(meta)) return undefined;
  const publisher = meta[publisherMetaKey];
  if (!isJsonObject(publisher)) return meta;
  const { [serverInfoMetaKey]: _info, ...kept } = publisher;
  const { [publisherMetaKey]: _publisher, ...rest } = meta;
  return Object.keys(kept).length === 0 ? rest : { ...rest, [publisherMetaKey]: kept };
}

/**
 * The document of a record as anybody may see it: secrets hidden, the current `$schema`, without a carried `ServerInfo`.
 * Undefined when the record cannot be told as one.
 */
export function documentOf(record: ServerRecord): Document | undefined {
  const { name, transport, server } = record;
  const shown = redactRecord({ name, transport, server: server ?? undefined });
  const source = server === undefined ? made(redactRecord(record)) : shown.server;
  if (source === undefined) return undefined;
  const { $schema: _schema, _meta: meta, ...rest } = source;
  const kept = withoutCarriedInfo(meta);
  // Hiding a value can make a text longer than the schema allows.
  const shortened = Object.fromEntries(
    ['title', 'description']
      .map((field) => [field, rest[field]] as const)
      .filter(([field, value]) => typeof value === 'string' && isGrown(server, field, value))
      .map(([field, value]) => [field, String(value).slice(0, 100)]),
  );
  return {
    $schema: serverSchemaUrl,
    ...rest,
    ...shortened,
    ...(kept === undefined || Object.keys(kept).length === 0 ? {} : { _meta: kept }),
  };
}

function isGrown(server: Document | undefined, field: string, shown: unknown): boolean {
  return server?.[field] !== shown;
}

/** One item of a list, as JSON. */
export function renderItem(server: ListedServer, isLatest: boolean): string {
  const record = recordOf(server);
  return JSON.stringify({
    server: documentOf(record),
    _meta: {
      [officialMetaKey]: { ...officialOf(server, record), isLatest },
      [registryEntryMetaKey]: { origin: record.origin ?? 'local' },
    },
  });
}
