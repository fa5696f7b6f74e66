import { isJsonObject } from '../json-object.ts';
import { fromServerJson, serverSchemaUrl } from '../server-json.ts';
import type { ServerRecord } from '../server-record.ts';
import { parseJsonText } from './json-text.ts';
import type { SkippedEntry } from './read-client-config.ts';
import { reasonOf } from './source-error.ts';

/** The text of one `server.json`, or of an array of them. */
export interface ServerJsonFile {
  readonly file: string;
  readonly text: string;
}

/** What files of `server.json` hold. */
export interface ServerJsonReading {
  readonly records: readonly ServerRecord[];
  readonly skipped: readonly SkippedEntry[];
  readonly warnings: readonly string[];
}

/** Member names of the schemas before September 2025, which had underscores. */
const renamed: ReadonlySet<string> = new Set([
  'registry_type',
  'registry_base_url',
  'file_sha256',
  'runtime_hint',
  'runtime_arguments',
  'package_arguments',
  'environment_variables',
  'is_required',
  'is_secret',
  'is_repeated',
  'value_hint',
  'website_url',
]);

function modernName(name: string): string {
  if (!renamed.has(name)) return name;
  return name.replaceAll(/_([a-z\d])/gu, (_all, letter: string) => letter.toUpperCase());
}

function modernise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(modernise);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [modernName(name), modernise(member)]),
  );
}

function withTransport(item: unknown): unknown {
  return isJsonObject(item) ? { transport: { type: 'stdio' }, ...item } : item;
}

function upgrade(value: Readonly<Record<string, unknown>>): unknown {
  const server = modernise(value);
  if (!isJsonObject(server)) return server;
  const { packages } = server;
  if (!Array.isArray(packages)) return { ...server, $schema: serverSchemaUrl };
  return {
    ...server,
    $schema: serverSchemaUrl,
    // The transport of a package was left out while there was only one.
    packages: packages.map(withTransport),
  };
}

interface Draft {
  readonly records: ServerRecord[];
  readonly skipped: SkippedEntry[];
  readonly warnings: string[];
}

function readOne(value: unknown, place: string, draft: Draft): void {
  const name = isJsonObject(value) && typeof value['name'] === 'string' ? value['name'] : place;
  try {
    let server = value;
    if (isJsonObject(value) && value['$schema'] !== serverSchemaUrl) {
      server = upgrade(value);
      draft.warnings.push(`${place}: its $schema is not that of 2025-12-11; it is stored as one`);
    }
    const record = fromServerJson(server);
    draft.records.push({ ...record, origin: 'local', source: { kind: 'file' } });
  } catch (error) {
    draft.skipped.push({ name, reason: `${place}: ${reasonOf(error)}` });
  }
}

/**
 * Reads `server.json` files (schema 2025-12-11) as records of origin `local`; an older `$schema` is brought up to date
 * with a warning. A file or entry that cannot be read is named in `skipped`.
 */
export function importServerJson(files: readonly ServerJsonFile[]): ServerJsonReading {
  const draft: Draft = { records: [], skipped: [], warnings: [] };
  for (const { file, text } of files) {
    let value: unknown;
    try {
      value = parseJsonText(text);
    } catch (error) {
      draft.skipped.push({ name: file, reason: reasonOf(error) });
      continue;
    }
    if (!Array.isArray(value)) readOne(value, file, draft);
    else for (const [index, item] of value.entries()) readOne(item, `${file}[${index}]`, draft);
  }
  return draft;
}
