import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { isJsonObject } from '../json-object.ts';
import type { ServerRecord } from '../server-record.ts';
import type { ClientName, ClientSource } from './client.ts';
import { readClientEntry, type RawEntry } from './client-entry.ts';
import { excludedBy } from './client-words.ts';
import { parseJsonText } from './json-text.ts';
import { SourceError } from './source-error.ts';
import { parseTomlText } from './toml-text.ts';

/** The most entries of one file. */
export const maxClientEntries = 10_000;

/** An entry that was left out, and why. */
export interface SkippedEntry {
  readonly name: string;
  readonly reason: string;
}

/** What a client's file holds. */
export interface ClientReading {
  /** Records of origin `local`, with secrets as they are in the file. */
  readonly records: readonly ServerRecord[];
  readonly skipped: readonly SkippedEntry[];
}

/** What is known of the file. */
export interface ClientFileFacts {
  /** Its path, for telling files apart. */
  readonly file?: string | undefined;
  /** The project folder it belongs to; relative paths in it are made absolute. */
  readonly folder?: string | undefined;
}

function parseRoot(client: ClientName, text: string): Readonly<Record<string, unknown>> {
  if (client === 'codex') return parseTomlText(text);
  const root = parseJsonText(text);
  if (isJsonObject(root)) return root;
  throw new SourceError('EFORMAT', 'the file is not a JSON object');
}

function placeOf(file: string | undefined): Pick<ClientSource, 'place'> {
  if (file === undefined) return {};
  return { place: createHash('sha256').update(file).digest('hex').slice(0, 16) };
}

function isBareMap(value: Readonly<Record<string, unknown>>): boolean {
  const entries = Object.entries(value).filter(([key]) => key !== '$schema');
  return (
    entries.length > 0 &&
    entries.every(
      ([, entry]) =>
        isJsonObject(entry) &&
        (typeof entry['command'] === 'string' || typeof entry['url'] === 'string'),
    )
  );
}

function mapsOf(client: ClientName, root: Readonly<Record<string, unknown>>): unknown[] {
  const { mcp } = root;
  const maps = [
    client === 'codex' ? root['mcp_servers'] : root['mcpServers'],
    client === 'vscode' ? root['servers'] : undefined,
    client === 'vscode' && isJsonObject(mcp) ? mcp['servers'] : undefined,
  ].filter((map) => map !== undefined);
  if (maps.length === 0 && client === 'vscode' && isBareMap(root)) {
    const { $schema: _schema, ...servers } = root;
    return [servers];
  }
  return maps;
}

function entriesIn(map: unknown, project?: string): RawEntry[] {
  if (!isJsonObject(map)) throw new SourceError('EFORMAT', 'the servers are not an object by name');
  return Object.entries(map).map(([name, value]) => ({ name, value, project }));
}

function rawEntries(client: ClientName, root: Readonly<Record<string, unknown>>): RawEntry[] {
  const entries = mapsOf(client, root).flatMap((map) => entriesIn(map));
  const { projects } = root;
  if (client === 'claude-code' && isJsonObject(projects))
    for (const [folder, project] of Object.entries(projects))
      if (isJsonObject(project) && project['mcpServers'] !== undefined)
        entries.push(...entriesIn(project['mcpServers'], folder));
  if (entries.length > maxClientEntries)
    throw new SourceError('ETOOLARGE', `there are more than ${maxClientEntries} servers`);
  return entries;
}

function inputsOf(root: Readonly<Record<string, unknown>>): Map<string, Record<string, unknown>> {
  const { inputs, mcp } = root;
  const inner = isJsonObject(mcp) ? mcp['inputs'] : undefined;
  const lists = [inputs, inner].filter((list) => Array.isArray(list));
  const found = new Map<string, Record<string, unknown>>();
  for (const input of lists.flat())
    if (isJsonObject(input) && typeof input['id'] === 'string') found.set(input['id'], input);
  return found;
}

/** Entries of other projects keep their name where it is free; a second one gets its project's name added. */
function recordName({ name, project }: RawEntry, taken: ReadonlySet<string>): string | undefined {
  if (!taken.has(name)) return name;
  if (project === undefined) return undefined;
  const base = `${name} (${basename(project)})`;
  let candidate = base;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${base} ${count}`;
  return candidate;
}

/**
 * Reads the text of a client's file: `mcpServers`, for Claude Code those of `projects` too, for VS Code `servers` and
 * `inputs`, for Codex the tables below `mcp_servers`. Nothing is resolved or moved; unknown members are kept in the records' `source`.
 * @throws SourceError `EFORMAT` or `ETOOLARGE` for the file as a whole; a bad entry is in `skipped`.
 */
export function readClientConfig(
  client: ClientName,
  text: string,
  facts: ClientFileFacts = {},
): ClientReading {
  const root = parseRoot(client, text);
  const excluded = excludedBy(client, root);
  const { file, folder } = facts;
  const place = placeOf(file);
  const inputs = inputsOf(root);
  const records: ServerRecord[] = [];
  const skipped: SkippedEntry[] = [];
  const taken = new Set<string>();
  for (const raw of rawEntries(client, root)) {
    const name = recordName(raw, taken);
    if (name === undefined) {
      skipped.push({ name: raw.name, reason: 'it is given twice in this file' });
      continue;
    }
    const source = {
      kind: 'client' as const,
      client,
      ...place,
      ...(raw.project !== undefined && { project: raw.project }),
      ...(name !== raw.name && { entry: raw.name }),
      ...(excluded(raw.name) && { excluded: true as const }),
    };
    const reading = readClientEntry(name, raw.value, {
      source,
      folder: raw.project ?? folder,
      inputs,
    });
    if (reading.kind === 'record') {
      taken.add(name);
      records.push(reading.record);
    } else skipped.push({ name, reason: reading.reason });
  }
  return { records, skipped };
}
