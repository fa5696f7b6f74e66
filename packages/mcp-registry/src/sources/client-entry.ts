import { isAbsolute, join } from 'node:path';
import { isJsonObject } from '../json-object.ts';
import { checkRecord, type ServerRecord, type ServerTransport } from '../server-record.ts';
import { connectionKeys, urlKeys, type ClientSource } from './client.ts';
import { inCommonWords } from './client-words.ts';
import { namedTexts, optionalText, texts, UnusableEntry } from './entry-texts.ts';
import { isLiteralSecret, isSecretName } from './secret-detection.ts';

/** One entry of a client's file, before it is understood. */
export interface RawEntry {
  readonly name: string;
  readonly value: unknown;
  readonly project?: string | undefined;
}

/** What an entry is read with. */
export interface EntryScope {
  readonly source: ClientSource;
  /** The folder that the file belongs to; `${workspaceFolder}` and relative paths are resolved against it. */
  readonly folder: string | undefined;
  /** VS Code `inputs` by id. */
  readonly inputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** A record, or why the entry cannot be one. */
export type EntryReading =
  | { readonly kind: 'record'; readonly record: ServerRecord }
  | { readonly kind: 'skipped'; readonly reason: string };

const transports: ReadonlyMap<string, ServerTransport> = new Map([
  ['http', 'streamableHttp'],
  ['streamable-http', 'streamableHttp'],
  ['streamableHttp', 'streamableHttp'],
  ['sse', 'sse'],
  ['ws', 'ws'],
]);

interface Reach {
  readonly transport: ServerTransport;
  readonly command?: string;
  readonly endpoint?: string;
  readonly urlKey?: string;
}

function reachOf(value: Readonly<Record<string, unknown>>): Reach {
  const command = optionalText(value['command'], 'command');
  const type = optionalText(value['type'], 'type');
  const urlKey = urlKeys.find((key) => value[key] !== undefined && value[key] !== null);
  const endpoint = urlKey === undefined ? undefined : optionalText(value[urlKey], urlKey);
  if (command !== undefined && endpoint !== undefined)
    throw new UnusableEntry('it has both a command and a url');
  if (command !== undefined) {
    if (type !== undefined && type !== 'stdio')
      throw new UnusableEntry('it has a command but its type is not stdio');
    return { transport: 'stdio', command };
  }
  if (endpoint === undefined) throw new UnusableEntry('it has neither a command nor a url');
  const transport = type === undefined ? 'streamableHttp' : transports.get(type);
  if (transport === undefined) throw new UnusableEntry('its type is not one that has a url');
  return { transport, endpoint, ...(urlKey !== 'url' && urlKey && { urlKey }) };
}

function inWorkspace<T>(value: T, folder: string | undefined): T;
function inWorkspace(value: unknown, folder: string | undefined): unknown {
  if (folder === undefined) return value;
  if (typeof value === 'string') return value.replaceAll('${workspaceFolder}', () => folder);
  if (Array.isArray(value)) return value.map((item: unknown) => inWorkspace(item, folder));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, inWorkspace(item, folder)]),
  );
}

/** Records have no folder of their own, so what counts from the file's folder is made absolute. */
function placed(
  fields: Partial<ServerRecord>,
  { cwd, envFile }: { cwd: string | undefined; envFile: string | undefined },
  folder: string | undefined,
): Record<string, unknown> {
  const absolute = (path: string): string =>
    folder === undefined || isAbsolute(path) || /^[~$]/u.test(path) ? path : join(folder, path);
  const isRelative = [fields.command, ...(fields.args ?? [])].some(
    (word) => word !== undefined && /^\.{1,2}[\\/]/u.test(word),
  );
  const working = cwd ?? (isRelative ? folder : undefined);
  return {
    ...(working !== undefined && { cwd: absolute(working) }),
    ...(envFile !== undefined && { envFile: absolute(envFile) }),
  };
}

/** What would be filled in for the user is left out where it is a secret. */
function withoutSecretDefault(
  input: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { default: standard, ...rest } = input;
  if (typeof standard !== 'string') return input;
  const isSecret =
    input['password'] === true || isLiteralSecret(standard, isSecretName(String(input['id'])));
  return isSecret ? rest : input;
}

function inputsIn(text: string, scope: EntryScope): Readonly<Record<string, unknown>>[] {
  const ids = new Set([...text.matchAll(/\$\{input:([^{}]*)\}/gu)].map((match) => match[1] ?? ''));
  return [...ids].flatMap((id) => {
    const input = scope.inputs.get(id);
    return input === undefined ? [] : [withoutSecretDefault(input)];
  });
}

function buildSource(
  value: Readonly<Record<string, unknown>>,
  unset: readonly string[],
  scope: EntryScope,
): ClientSource {
  const keys = Object.entries(value).filter(([key]) => !connectionKeys.has(key));
  const inputs = inputsIn(JSON.stringify(value), scope);
  const { type } = value;
  return {
    ...scope.source,
    ...(typeof type === 'string' && { type }),
    ...(unset.length > 0 && { unset }),
    ...(keys.length > 0 && { keys: Object.fromEntries(keys) }),
    ...(inputs.length > 0 && { inputs }),
  };
}

function build(name: string, value: Readonly<Record<string, unknown>>, scope: EntryScope): unknown {
  const { urlKey, ...reach } = reachOf(value);
  const args = texts(value['args'], 'args');
  const env = namedTexts(value['env'], 'env');
  const headers = namedTexts(value['headers'], 'headers');
  const fields = inWorkspace(
    {
      ...reach,
      ...(args && { args }),
      ...(env.values && { env: env.values }),
      ...(headers.values && { headers: headers.values }),
    },
    scope.folder,
  );
  const cwd = inWorkspace(optionalText(value['cwd'], 'cwd'), scope.folder);
  const envFile = inWorkspace(optionalText(value['envFile'], 'envFile'), scope.folder);
  const off =
    value['disabled'] === true || value['enabled'] === false || scope.source.excluded === true;
  const source = buildSource(value, env.unset, scope);
  return {
    name,
    ...fields,
    ...placed(fields, { cwd, envFile }, scope.folder),
    origin: 'local',
    ...(off && { enabled: false }),
    source: { ...source, ...(urlKey !== undefined && { urlKey }) },
  };
}

/** One entry as a record of origin `local`. Reasons never quote a value: it may be a secret. */
export function readClientEntry(name: string, value: unknown, scope: EntryScope): EntryReading {
  if (!isJsonObject(value)) return { kind: 'skipped', reason: 'it is not an object' };
  try {
    const check = checkRecord(build(name, inCommonWords(scope.source.client, value), scope));
    if (check.kind === 'valid') return { kind: 'record', record: check.record };
    return { kind: 'skipped', reason: check.reason };
  } catch (error) {
    if (error instanceof UnusableEntry) return { kind: 'skipped', reason: error.message };
    throw error;
  }
}
