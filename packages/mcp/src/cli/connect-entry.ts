import { isDeepStrictEqual } from 'node:util';
import { applyEdits, modify } from 'jsonc-parser';
import { mergeClientConfig, SourceError } from '@cortex-os/mcp-registry';
import { parseConfigText } from '../config/config-document.ts';
import { CommandError } from '../protocol/command-error.ts';
import type { ConnectClient } from './connect-clients.ts';
import { insertJsonMember, jsonValue } from './connect-json.ts';
import { putTomlTable, tomlTable } from './connect-toml.ts';

/** The name under which clients know the gateway. */
export const ENTRY_NAME = 'cortex';

type JsonObject = Readonly<Record<string, unknown>>;

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** The whole of a file as a value; an empty one is an empty object. @throws ConfigError naming the line. */
function jsonRoot(client: ConnectClient, text: string): unknown {
  return text.trim() === '' ? {} : parseConfigText(client.file, text).value;
}

/**
 * What a file holds under our name: a value of JSON, or the table's text of TOML; `undefined` when there is nothing.
 * @throws ConfigError, Error for a file that cannot be read as its client does.
 */
export function currentEntry(client: ConnectClient, text: string): unknown {
  if (client.format === 'toml')
    return inFile(client, () => tomlTable(text, [client.servers, ENTRY_NAME]));
  return member(member(jsonRoot(client, text), client.servers), ENTRY_NAME);
}

/** Whether an entry leads to this gateway, or to one like it: only such a one is replaced without being told to. */
export function isOurs(entry: unknown): boolean {
  const text = typeof entry === 'string' ? entry : JSON.stringify(entry ?? '');
  return (
    /cortex-mcp(?:\.js|\.cmd)?["']/u.test(text) ||
    /["']https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?\/mcp(?:\/[a-z0-9-]+)?["']/u.test(
      text,
    )
  );
}

function inFile<T>(client: ConnectClient, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    const remedy = 'correct the file; nothing was written';
    throw new CommandError('CLIENT_FILE_INVALID', `${client.file}: ${cause.message}`, {
      remedy,
      cause,
    });
  }
}

/** What was parsed has no prototype, which is no difference. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Whether a text says what it said before, and our entry besides. */
function isOnlyMore(
  root: unknown,
  text: string,
  { client, entry }: { readonly client: ConnectClient; readonly entry: JsonObject },
): boolean {
  const { servers } = client;
  const before = Object(root);
  const wanted = { ...before, [servers]: { ...Object(before[servers]), [ENTRY_NAME]: entry } };
  return isDeepStrictEqual(plain(wanted), plain(jsonValue(text)));
}

/** The text with our entry in it; everything else stays as it was written. @throws Error naming the file. */
export function withEntry(client: ConnectClient, text: string, entry: JsonObject): string {
  if (client.format === 'toml')
    return inFile(client, () => putTomlTable(text, [client.servers, ENTRY_NAME], entry));
  // It names file, line and remedy, and refuses a name that is given twice.
  const root = jsonRoot(client, text);
  const present = member(member(root, client.servers), ENTRY_NAME);
  const inserted =
    present === undefined
      ? insertJsonMember(text, client.servers, { key: ENTRY_NAME, value: entry })
      : undefined;
  if (inserted !== undefined && isOnlyMore(root, inserted, { client, entry })) return inserted;
  const layout = client.servers === 'servers' ? 'vscode' : 'cursor';
  const exported = {
    client: layout,
    config: {},
    entries: [
      {
        name: ENTRY_NAME,
        project: undefined,
        value: { ...entry },
        placeholders: [],
        inputs: [],
        leftOut: [],
      },
    ],
    skipped: [],
  } as const;
  return inFile(client, () => mergeClientConfig(text, exported).text);
}

/** The text with what was under our name before, or without anything there. @throws Error naming the file. */
export function withoutEntry(client: ConnectClient, text: string, before: unknown): string {
  if (client.format === 'toml') {
    const table = typeof before === 'string' ? before : undefined;
    return inFile(client, () => putTomlTable(text, [client.servers, ENTRY_NAME], table));
  }
  if (before === undefined && currentEntry(client, text) === undefined) return text;
  const indent = /\n([ \t]+)\S/u.exec(text)?.[1] ?? '  ';
  const formattingOptions = {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 4 : Math.min(indent.length, 8),
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  const edits = modify(text, [client.servers, ENTRY_NAME], before, { formattingOptions });
  return applyEdits(text, edits);
}
