import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import { checkInput } from './config-schema.ts';
import {
  readHttpTransport,
  readStdioTransport,
  type StdioEntry,
  type TransportReading,
} from './connector-transport.ts';
import { readRecordAuth, withAuth } from './entry-auth.ts';
import type { RegistryRecord } from './registry-entries.ts';
import type { VariableScope } from './variables.ts';

/** What is looked at of a record to reach its server. */
export interface ReachableRecord extends RegistryRecord {
  readonly transport: string;
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly endpoint?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the values of a record are read with. */
export interface RecordScope extends Pick<VariableScope, 'env' | 'home'> {
  /** Folder that `file:secrets/…` counts from. */
  readonly stateFolder: string;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const SECRET_FILE = String.raw`file:(secrets\/[\w.-]+)`;
const WHOLE_SECRET = new RegExp(`^(\\s*(?:(?:Bearer|Basic|Token)\\s+)?)${SECRET_FILE}\\s*$`, 'i');
const EMBEDDED_SECRET = new RegExp(`\\$\\{${SECRET_FILE}\\}`, 'g');

function embeddedReference(text: string, stateFolder: string): string {
  return text.replaceAll(EMBEDDED_SECRET, (_all, file: string) => reference(file, stateFolder));
}

function reference(file: string, stateFolder: string): string {
  return `\${file:${join(stateFolder, file)}}`;
}

/** References to secrets count from the state folder; connectors know absolute ones only. */
function wholeReference(text: string, stateFolder: string): string {
  const whole = WHOLE_SECRET.exec(text);
  if (whole === null) return embeddedReference(text, stateFolder);
  return `${whole[1] ?? ''}${reference(whole[2] ?? '', stateFolder)}`;
}

/** Values of variables or headers, with absolute references. */
export function withSecretPaths(
  values: Readonly<Record<string, string>>,
  stateFolder: string,
): Record<string, string> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([k, v]) => [k, wholeReference(v, stateFolder)]));
}

/** VS Code `inputs` that came with the entry, those that have a default and are no secrets. */
function inputsOf(source: unknown): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const inputs = isObject(source) ? source['inputs'] : undefined;
  for (const input of Array.isArray(inputs) ? (inputs as readonly unknown[]) : []) {
    const checked = checkInput(input);
    if (checked.kind === 'invalid') continue;
    const { id, password, default: standard } = checked.value;
    if (standard !== undefined && password !== true) values.set(id, standard);
  }
  return values;
}

function variablesOf(record: ReachableRecord, stateFolder: string): StdioEntry['env'] {
  const { env = {}, source } = record;
  const unset = isObject(source) && Array.isArray(source['unset']) ? source['unset'] : [];
  return {
    ...withSecretPaths(env, stateFolder),
    ...Object.fromEntries(unset.map((name: unknown) => [String(name), null])),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function readStdio(
  record: ReachableRecord,
  command: string,
  scope: VariableScope & RecordScope,
): Promise<TransportReading> {
  const { args = [] } = record;
  const cwd = textOf(record['cwd']);
  const entry = {
    command,
    args: args.map((arg) => embeddedReference(arg, scope.stateFolder)),
    env: variablesOf(record, scope.stateFolder),
    envFile: textOf(record['envFile']),
    cwd,
  };
  const reading = await readStdioTransport(entry, scope);
  const { transport } = reading;
  // Nobody said where: it runs where the service does, as the records of the earlier build did.
  if (cwd !== undefined || transport?.kind !== 'stdio') return reading;
  return { transport: { ...transport, cwd: undefined }, problem: undefined };
}

/** Records tell the older kind of server over HTTP apart. */
function ofKind(reading: TransportReading, record: ReachableRecord): TransportReading {
  const { transport } = reading;
  if (record.transport !== 'sse' || transport?.kind !== 'http') return reading;
  return { transport: { ...transport, kind: 'sse' }, problem: undefined };
}

function readHttp(
  record: ReachableRecord,
  endpoint: string,
  scope: VariableScope & RecordScope,
): TransportReading {
  const member = record['connector'];
  const auth = readRecordAuth(
    { auth: isObject(member) ? member['auth'] : undefined, headers: record.headers },
    scope,
  );
  const entry = {
    url: embeddedReference(endpoint, scope.stateFolder),
    headers: withSecretPaths({ ...record.headers, ...auth.headers }, scope.stateFolder),
  };
  try {
    const reading = readHttpTransport(entry, scope, {
      badUrl: (what, remedy) => new ConfigError('CONFIG_BAD_URL', what, remedy),
      badHeader: (name) =>
        new ConfigError('CONFIG_BAD_VALUE', `"${name}" is not a header name`, 'correct it'),
    });
    return withAuth(ofKind(reading, record), auth, {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { transport: undefined, problem: error.message };
  }
}

/**
 * How to reach the server of a record that is the user's own: its variables, its `envFile` and its references to files
 * mean what they mean in a configuration file. Relative paths, and `${workspaceFolder}`, count from the home folder:
 * an import has made those of a project absolute.
 */
export async function readLocalTransport(
  record: ReachableRecord,
  given: RecordScope,
): Promise<TransportReading> {
  const inputs = inputsOf(record['source']);
  const scope = { ...given, workspaceFolder: given.home, inputs };
  const { transport, command, endpoint } = record;
  if (transport === 'stdio') {
    if (command !== undefined) return await readStdio(record, command, scope);
    return { transport: undefined, problem: 'the record has no command' };
  }
  if (endpoint !== undefined) return readHttp(record, endpoint, scope);
  return { transport: undefined, problem: 'the record has no endpoint' };
}
