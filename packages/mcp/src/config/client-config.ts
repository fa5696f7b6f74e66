import { basename, dirname } from 'node:path';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ConfigDocument, JsonPath } from './config-document.ts';
import { ConfigError, formatPlace } from './config-error.ts';
import { checkInput, FLAG_KEYS, TOP_LEVEL_KEYS } from './config-schema.ts';
import { readConnectorEntry } from './connector-entry.ts';
import { assignConnectorIds } from './connector-id.ts';
import type { Environment } from './environment.ts';
import { describeUnknownKey } from './nearest.ts';
import type { VariableScope } from './variables.ts';

/** The most connectors one file may name. */
export const MAX_CONNECTORS = 10_000;

/** Files that belong to a client, which keeps more in them than servers. */
const CLIENT_FILES: ReadonlySet<string> = new Set([
  '.claude.json',
  '.mcp.json',
  'claude_desktop_config.json',
  'cline_mcp_settings.json',
  'mcp-config.json',
  'mcp.json',
  'mcp_config.json',
  'mcp_settings.json',
  'settings.json',
]);
/** Top-level keys that only clients write. */
const CLIENT_MARKERS: readonly string[] = [
  'globalShortcut',
  'numStartups',
  'oauthAccount',
  'preferences',
  'projects',
  'userID',
];
/** Folders that hold a client's file for the folder above them. */
const CLIENT_FOLDERS: ReadonlySet<string> = new Set(['.claude', '.cursor', '.gemini', '.vscode']);

export interface ConnectorsReading {
  readonly connectors: readonly ConnectorDefinition[];
  readonly warnings: readonly string[];
}

interface NamedEntry {
  readonly name: string;
  readonly path: JsonPath;
  readonly value: unknown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Newer VS Code also reads a bare map of servers. */
function isBareMap(value: Readonly<Record<string, unknown>>): boolean {
  const entries = Object.entries(value).filter(([key]) => key !== '$schema');
  return (
    entries.length > 0 &&
    entries.every(
      ([key, entry]) =>
        !TOP_LEVEL_KEYS.includes(key) &&
        isObject(entry) &&
        (typeof entry['command'] === 'string' || typeof entry['url'] === 'string'),
    )
  );
}

function serverMaps(document: ConfigDocument): { maps: JsonPath[]; bare: boolean } {
  const { value } = document;
  const maps: JsonPath[] = [];
  if (value['mcpServers'] !== undefined) maps.push(['mcpServers']);
  if (value['servers'] !== undefined) maps.push(['servers']);
  const settings = value['mcp'];
  if (isObject(settings) && settings['servers'] !== undefined) maps.push(['mcp', 'servers']);
  return { maps, bare: maps.length === 0 && isBareMap(value) };
}

function at(document: ConfigDocument, path: JsonPath): unknown {
  let value: unknown = document.value;
  for (const step of path) value = isObject(value) ? value[step] : undefined;
  return value;
}

function entriesOf(document: ConfigDocument, maps: readonly JsonPath[]): NamedEntry[] {
  const entries: NamedEntry[] = [];
  const seen = new Set<string>();
  for (const path of maps) {
    const map = at(document, path);
    if (!isObject(map)) {
      throw new ConfigError(
        'CONFIG_BAD_TYPE',
        'must be an object of connectors by name',
        'write { "name": { "command": … } }',
        document.place(path),
      );
    }
    for (const [name, value] of Object.entries(map)) {
      if (path.length === 0 && name === '$schema') continue;
      const place = [...path, name];
      if (seen.has(name)) {
        throw new ConfigError(
          'CONFIG_DUPLICATE_KEY',
          `"${name}" is given twice in this file`,
          'rename or remove one of them',
          document.place(place),
        );
      }
      seen.add(name);
      entries.push({ name, path: place, value });
    }
  }
  if (entries.length > MAX_CONNECTORS) {
    const what = `${entries.length} connectors are more than ${MAX_CONNECTORS}`;
    throw new ConfigError('CONFIG_TOO_LARGE', what, 'split the file', { file: document.file });
  }
  return entries;
}

function readInputs(document: ConfigDocument): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const inputs = document.value['inputs'];
  if (inputs === undefined) return values;
  if (!Array.isArray(inputs)) {
    const remedy = 'write [{ "id": … }]';
    const place = document.place(['inputs']);
    throw new ConfigError('CONFIG_BAD_TYPE', 'must be an array', remedy, place);
  }
  for (const [index, input] of inputs.entries()) {
    const checked = checkInput(input);
    if (checked.kind === 'invalid') {
      const place = document.place(['inputs', index, ...checked.path]);
      throw new ConfigError('CONFIG_BAD_TYPE', checked.message, 'correct the input', place);
    }
    const { id, password } = checked.value;
    if (checked.value.default !== undefined && password !== true) {
      values.set(id, checked.value.default);
    }
  }
  return values;
}

/** True for a file that a client keeps for itself, where keys we do not know are none of our business. */
function isClientFile(document: ConfigDocument): boolean {
  return (
    CLIENT_FILES.has(basename(document.file)) ||
    CLIENT_MARKERS.some((key) => document.value[key] !== undefined)
  );
}

function topLevelWarnings(document: ConfigDocument): string[] {
  if (isClientFile(document)) return [];
  const unknown = Object.keys(document.value).filter(
    (key) => !TOP_LEVEL_KEYS.includes(key) && key !== 'mcp' && !/^(?:[_$#]|\/\/|x-)/.test(key),
  );
  const warnings = unknown.map(
    (key) => `${formatPlace(document.place([key]))}: ${describeUnknownKey(key, TOP_LEVEL_KEYS)}`,
  );
  const flags = document.value['flags'];
  for (const key of isObject(flags) ? Object.keys(flags) : []) {
    if (FLAG_KEYS.includes(key)) continue;
    const place = formatPlace(document.place(['flags', key]));
    warnings.push(`${place}: ${describeUnknownKey(key, FLAG_KEYS)}`);
  }
  return warnings;
}

/** The folder a file speaks for: its own, or the one above for `.vscode/mcp.json` and its like. */
export function workspaceFolderOf(file: string): string {
  const folder = dirname(file);
  return CLIENT_FOLDERS.has(basename(folder)) ? dirname(folder) : folder;
}

/**
 * The connectors of a file: `mcpServers` (Claude, Cursor, Inspector), `servers` with `inputs` (VS Code), `mcp.servers`
 * (VS Code settings), or a bare map of servers.
 * @throws ConfigError for what is wrong in the file; what only one connector lacks is that connector's `problem`.
 */
export async function readConnectors(
  document: ConfigDocument,
  surroundings: { readonly env: Environment; readonly home: string },
): Promise<ConnectorsReading> {
  const { maps, bare } = serverMaps(document);
  const entries = entriesOf(document, bare ? [[]] : maps);
  const scope: VariableScope = {
    ...surroundings,
    workspaceFolder: workspaceFolderOf(document.file),
    inputs: readInputs(document),
  };
  const ids = assignConnectorIds(entries.map((entry) => entry.name));
  const warnings = bare ? [] : topLevelWarnings(document);
  const connectors: ConnectorDefinition[] = [];
  for (const [index, entry] of entries.entries()) {
    const source = {
      document,
      path: entry.path,
      id: ids[index] ?? '',
      title: entry.name,
      scope,
    };
    const reading = await readConnectorEntry(entry.value, source);
    connectors.push(reading.definition);
    warnings.push(...reading.warnings);
  }
  if (
    entries.length === 0 &&
    document.value['serviceMap'] === undefined &&
    document.value['registry'] === undefined
  ) {
    warnings.push(`${document.file}: there are no connectors in this file; add some to mcpServers`);
  }
  return { connectors, warnings };
}
