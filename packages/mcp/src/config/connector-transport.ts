import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { ConnectorTransport } from '../connectors/connector.ts';
import { isFileReference } from '../connectors/secret-reference.ts';
import { takeUserInfo } from '../connectors/url-user-info.ts';
import { readBounded } from './config-document.ts';
import { type ConfigError, oneLine } from './config-error.ts';
import { createExpander, type Expander, hideFileReferences } from './expander.ts';
import { hasReference, type VariableScope } from './variables.ts';

/** The largest envFile that is read. */
const MAX_ENV_FILE_BYTES = 1024 * 1024;

/** A usable transport, or why there is none. */
export type TransportReading =
  | { readonly transport: ConnectorTransport; readonly problem: undefined }
  | { readonly transport: undefined; readonly problem: string };

/** An entry's keys for a process, as written. */
export interface StdioEntry {
  readonly command: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string | number | null>> | undefined;
  readonly envFile?: string | undefined;
  readonly cwd?: string | undefined;
}

/** An entry's keys for a server over HTTP, as written. */
export interface HttpEntry {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes the errors for what is wrong in the file itself. */
export interface HttpEntryErrors {
  badUrl(what: string, remedy: string): ConfigError;
  badHeader(name: string): ConfigError;
}

async function readEnvFile(path: string): Promise<ReadonlyMap<string, string> | string> {
  try {
    const values = parseEnv(await readBounded(path, MAX_ENV_FILE_BYTES));
    return new Map(
      Object.entries(values).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
    );
  } catch (error) {
    return oneLine(`envFile cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

/** Values as they are, and references that are resolved when the connector is connected. Any name is possible. */
interface EnvTarget {
  readonly env: Map<string, string>;
  readonly lateEnv: Map<string, string>;
}

function readOwnEnv(entry: StdioEntry, expander: Expander, { env, lateEnv }: EnvTarget): void {
  for (const [name, value] of Object.entries(entry.env ?? {})) {
    env.delete(name);
    if (value === null) continue;
    // A bare file:/path is left alone here: many programs take one as the address of a database.
    const { text, late } = expander.expandLate(String(value));
    if (late) lateEnv.set(name, text);
    else env.set(name, text);
  }
}

/** A process to start; relative folders count from the folder that the file belongs to. */
export async function readStdioTransport(
  entry: StdioEntry,
  scope: VariableScope,
): Promise<TransportReading> {
  const expander = createExpander(scope);
  let env = new Map<string, string>();
  const lateEnv = new Map<string, string>();
  if (entry.envFile !== undefined) {
    const path = resolve(scope.workspaceFolder, expander.expand(entry.envFile));
    const values = expander.problem() ?? (await readEnvFile(path));
    if (typeof values === 'string') return { transport: undefined, problem: values };
    env = new Map(values);
  }
  readOwnEnv(entry, expander, { env, lateEnv });
  const command = expander.expand(entry.command);
  const args = (entry.args ?? []).map((arg) => expander.expandLate(arg));
  const cwd = resolve(scope.workspaceFolder, expander.expand(entry.cwd ?? '.'));
  const problem =
    expander.problem() ?? (command.trim() === '' ? 'the command is empty' : undefined);
  if (problem !== undefined) return { transport: undefined, problem };
  const lateArgs = args.flatMap(({ late }, index) => (late ? [index] : []));
  return {
    transport: {
      kind: 'stdio',
      command,
      args: args.map(({ text }) => text),
      ...(lateArgs.length > 0 && { lateArgs }),
      env: Object.fromEntries(env),
      ...(lateEnv.size > 0 && { lateEnv: Object.fromEntries(lateEnv) }),
      cwd,
    },
    problem: undefined,
  };
}

/** A URL as it may be shown: without user info, query and fragment. */
function showUrl(raw: string): string {
  return raw.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

function parseUrl(text: string): URL | string {
  const url = URL.parse(text.trim());
  if (url === null) return 'is not a URL';
  return url.protocol === 'http:' || url.protocol === 'https:'
    ? url
    : 'is not an http or https URL';
}

interface HeadersReading {
  readonly headers: Record<string, string>;
  /** References that are resolved when the connector is connected. */
  readonly lateHeaders: Record<string, string>;
  /** The first one whose value cannot be sent. */
  readonly badHeader: string | undefined;
}

function readHeaders(
  entry: HttpEntry,
  expander: Expander,
  errors: HttpEntryErrors,
): HeadersReading {
  const headers = new Map<string, string>();
  const lateHeaders = new Map<string, string>();
  let badHeader: string | undefined;
  for (const [name, raw] of Object.entries(entry.headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw errors.badHeader(name);
    if (isFileReference(raw)) {
      lateHeaders.set(name, raw);
      continue;
    }
    const { text, late } = expander.expandLate(raw);
    if (late) {
      lateHeaders.set(name, text.trim());
      continue;
    }
    const value = text.trim();
    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) badHeader ??= name;
    headers.set(name, value);
  }
  return {
    headers: Object.fromEntries(headers),
    lateHeaders: Object.fromEntries(lateHeaders),
    badHeader,
  };
}

/**
 * A server over streamable HTTP.
 * @throws the errors of `errors` for what the file itself has wrong; a bad value from a variable is a problem of
 * this connector only.
 */
export function readHttpTransport(
  entry: HttpEntry,
  scope: VariableScope,
  errors: HttpEntryErrors,
): TransportReading {
  const expander = createExpander(scope);
  const { headers, lateHeaders, badHeader } = readHeaders(entry, expander, errors);
  const { text, late } = expander.expandLate(entry.url);
  const unresolved = expander.problem();
  if (unresolved !== undefined) return { transport: undefined, problem: unresolved };
  const url = parseUrl(hideFileReferences(text));
  if (typeof url === 'string') {
    const what = `"${showUrl(entry.url)}" ${url}`;
    const remedy = 'write https://host/path';
    if (!hasReference(entry.url)) throw errors.badUrl(what, remedy);
    return { transport: undefined, problem: oneLine(`${what} once expanded; ${remedy}`) };
  }
  if (badHeader !== undefined) {
    const problem = `the value of header ${badHeader} holds a character that HTTP does not allow`;
    return { transport: undefined, problem };
  }
  try {
    takeUserInfo(url, late ? {} : headers, lateHeaders);
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
    throw errors.badUrl('the user info of the url is not valid', 'encode a % in it as %25');
  }
  return {
    transport: {
      kind: 'http',
      url: url.href,
      ...(late && { lateUrl: text.trim() }),
      headers,
      ...(Object.keys(lateHeaders).length > 0 && { lateHeaders }),
    },
    problem: undefined,
  };
}
