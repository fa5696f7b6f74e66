import { isJsonObject } from '../json-object.ts';
import type { ServerRecord } from '../server-record.ts';

/** The clients whose files are read and written. */
export const exportClientNames = [
  'claude-desktop',
  'claude-code',
  'cursor',
  'vscode',
  'gemini',
] as const;
/** One of {@link exportClientNames}. */
export type ExportClientName = (typeof exportClientNames)[number];

/** The clients whose files are read. */
export const clientNames = [
  'claude-desktop',
  'claude-code',
  'cursor',
  'vscode',
  'gemini',
  'codex',
] as const;
/** One of {@link clientNames}. */
export type ClientName = (typeof clientNames)[number];

/** Whether a word names a client. */
export function isClientName(word: string): word is ClientName {
  const names: readonly string[] = clientNames;
  return names.includes(word);
}

/** Whether a word names a client whose files are written. */
export function isExportClientName(word: string): word is ExportClientName {
  const names: readonly string[] = exportClientNames;
  return names.includes(word);
}

/** Members of an entry that hold its address; the first one counts, as for Gemini CLI. */
export const urlKeys = ['httpUrl', 'url', 'serverUrl'] as const;

/** Members of an entry that become members of the record; all others are kept in its `source`. */
export const connectionKeys: ReadonlySet<string> = new Set([
  'type',
  'command',
  'args',
  'env',
  'headers',
  'cwd',
  'envFile',
  ...urlKeys,
]);

/** Titles for people. */
export const clientTitles: Readonly<Record<ClientName, string>> = {
  'claude-desktop': 'Claude Desktop',
  'claude-code': 'Claude Code',
  cursor: 'Cursor',
  vscode: 'VS Code',
  gemini: 'Gemini CLI',
  codex: 'Codex',
};

/**
 * Where a record was imported from, kept as its member `source`, so that importing again updates it and exporting
 * to the same client gives back what was read.
 */
export interface ClientSource {
  readonly kind: 'client';
  readonly client: ClientName;
  /** Tells files apart without naming them: the start of the SHA-256 of the path. */
  readonly place?: string | undefined;
  /** The project in `~/.claude.json` that the entry belongs to. */
  readonly project?: string | undefined;
  /** The name in the file, when the record needed another. */
  readonly entry?: string | undefined;
  /** `type` and the key of the address, as they were written. */
  readonly type?: string | undefined;
  readonly urlKey?: string | undefined;
  /** Variables that the entry unsets (`null`). */
  readonly unset?: readonly string[] | undefined;
  /** The client does not use it, by a list elsewhere in its file. */
  readonly excluded?: true | undefined;
  /** Members of the entry that say nothing about the connection. */
  readonly keys?: Readonly<Record<string, unknown>> | undefined;
  /** VS Code `inputs` that the entry refers to. */
  readonly inputs?: readonly Readonly<Record<string, unknown>>[] | undefined;
}

/** The client a record came from; `undefined` when it came from elsewhere. */
export function clientSource(record: ServerRecord): ClientSource | undefined {
  const { source } = record;
  return isClientSource(source) ? source : undefined;
}

const optionalTexts = ['place', 'project', 'entry', 'type'] as const;

function isOptional(value: unknown, test: (value: unknown) => boolean): boolean {
  return value === undefined || test(value);
}

function isListOf(test: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(test);
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isTrue = (value: unknown): boolean => value === true;
const isUrlKey = (value: unknown): boolean => urlKeys.some((key) => key === value);

function isClientSource(source: unknown): source is ClientSource {
  if (!isJsonObject(source) || source['kind'] !== 'client') return false;
  const { client, unset, keys, inputs } = source;
  return (
    typeof client === 'string' &&
    isClientName(client) &&
    optionalTexts.every((key) => isOptional(source[key], isText)) &&
    isOptional(source['urlKey'], isUrlKey) &&
    isOptional(source['excluded'], isTrue) &&
    isOptional(unset, isListOf(isText)) &&
    isOptional(keys, isJsonObject) &&
    isOptional(inputs, isListOf(isJsonObject))
  );
}
