import type { ServerRecord } from '../server-record.ts';
import {
  clientSource,
  connectionKeys,
  type ClientSource,
  type ExportClientName,
} from './client.ts';
import { clientReference, inputId, placeholderName, translateReferences } from './placeholder.ts';
import { mapRecordValues } from './record-values.ts';
import { isLiteralSecret } from './secret-detection.ts';

/** One record as an entry of a client's file. */
export interface ExportedEntry {
  readonly name: string;
  /** The project in `~/.claude.json` it came from. */
  readonly project: string | undefined;
  readonly value: Record<string, unknown>;
  /** Variables that stand for secrets which are not written. */
  readonly placeholders: readonly string[];
  /** VS Code `inputs` that the entry needs. */
  readonly inputs: readonly Readonly<Record<string, unknown>>[];
  /** What the record holds and the client has no place for. */
  readonly leftOut: readonly string[];
}

/** An entry, or why the client cannot have it. */
export type EntryExport =
  | { readonly kind: 'entry'; readonly entry: ExportedEntry }
  | { readonly kind: 'skipped'; readonly reason: string };

const referenceToFile = /\$\{file:[^{}]*\}|^\s*file:(?:secrets\/|\/(?!\/))/u;

/** A record with variables in place of secrets. */
export interface WithoutSecrets {
  readonly record: ServerRecord;
  readonly placeholders: readonly string[];
}

/** Puts variables where secrets are, written out or in files, in a client's spelling. */
export function withPlaceholders(
  record: ServerRecord,
  client: ExportClientName | 'server-json',
): WithoutSecrets {
  const placeholders = new Set<string>();
  const own = clientSource(record)?.client === client;
  const out = mapRecordValues(record, (value, slot) => {
    if (referenceToFile.test(value) || isLiteralSecret(value, slot.sensitive)) {
      const name = placeholderName(record, slot);
      placeholders.add(name);
      return clientReference(client, name);
    }
    return own || client === 'server-json' ? value : translateReferences(value, client);
  });
  return { record: out, placeholders: [...placeholders] };
}

function refusal(record: ServerRecord, client: ExportClientName, own: boolean): string | undefined {
  const { transport, command, endpoint } = record;
  if (transport === 'stdio' && command === undefined) return 'it has no command';
  if (transport !== 'stdio' && endpoint === undefined) return 'it has no address';
  if (record.enabled === false && !own) return 'it is switched off';
  if (client === 'claude-desktop' && transport !== 'stdio' && !own)
    return 'Claude Desktop starts programs only; it is reached over HTTP';
  if (transport === 'ws' && !own) return 'the client does not speak WebSocket';
  return undefined;
}

function typeOf(
  record: ServerRecord,
  client: ExportClientName,
  own: ClientSource | undefined,
): string | undefined {
  if (own !== undefined) return own.type;
  const { transport } = record;
  if (transport === 'stdio') return client === 'vscode' ? 'stdio' : undefined;
  if (client === 'cursor') return undefined;
  // An httpUrl of Gemini CLI says it; with a url it would try the newer transport first.
  if (client === 'gemini') return transport === 'sse' ? 'sse' : undefined;
  return transport === 'sse' ? 'sse' : 'http';
}

function switchOf(
  record: ServerRecord,
  own: ClientSource | undefined,
): Readonly<Record<string, unknown>> {
  const { excluded, keys = {} } = own ?? {};
  const { disabled, enabled } = keys;
  if (record.enabled === false) {
    // Its client has said so in another place.
    if (excluded === true) return {};
    return enabled === false ? { enabled } : { disabled: disabled ?? true };
  }
  return {
    ...(disabled !== undefined && disabled !== true && { disabled }),
    ...(enabled !== undefined && enabled !== false && { enabled }),
  };
}

/** Members that were kept for the client; its switch goes when the record has been switched on since. */
function keptKeys(
  record: ServerRecord,
  own: ClientSource | undefined,
): Readonly<Record<string, unknown>> {
  const { disabled: _off, enabled: _on, ...others } = own?.keys ?? {};
  // How the server is reached is told by the record alone.
  const keys = Object.fromEntries(
    Object.entries(others).filter(([key]) => !connectionKeys.has(key)),
  );
  return { ...keys, ...switchOf(record, own) };
}

function texts(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function unset(own: ClientSource | undefined): Record<string, null> {
  return Object.fromEntries((own?.unset ?? []).map((name) => [name, null]));
}

function connection(
  record: ServerRecord,
  own: ClientSource | undefined,
  type: string | undefined,
  urlKey: string,
): Record<string, unknown> {
  const { command, args, env, endpoint, headers } = record;
  const variables = { ...unset(own), ...env };
  return {
    ...(type !== undefined && { type }),
    ...(record.transport === 'stdio' ? { command, ...(args && { args }) } : { [urlKey]: endpoint }),
    ...((env !== undefined || Object.keys(variables).length > 0) && { env: variables }),
    ...(headers && { headers }),
  };
}

function urlKeyOf(
  { transport }: ServerRecord,
  client: ExportClientName,
  own: ClientSource | undefined,
): string {
  if (own === undefined && client === 'gemini' && transport !== 'sse') return 'httpUrl';
  return own?.urlKey ?? 'url';
}

/** Which clients know a working folder and a file of variables. */
function places(
  record: ServerRecord,
  client: ExportClientName,
  own: boolean,
): { values: Record<string, unknown>; leftOut: string[] } {
  const values: Record<string, unknown> = {};
  const leftOut: string[] = [];
  const known = {
    cwd: ['vscode', 'claude-code', 'gemini'],
    envFile: ['vscode', 'cursor'],
  } as const;
  for (const key of ['cwd', 'envFile'] as const) {
    const text = texts(record[key]);
    if (text === undefined) continue;
    const clients: readonly ExportClientName[] = known[key];
    if (own || clients.includes(client)) values[key] = text;
    else leftOut.push(key);
  }
  return { values, leftOut };
}

function neededInputs(
  record: ServerRecord,
  placeholders: readonly string[],
): Readonly<Record<string, unknown>>[] {
  const own = clientSource(record)?.inputs ?? [];
  const made = placeholders.map((name) => ({
    type: 'promptString',
    id: inputId(name),
    description: `${name} of ${record.name}`,
    password: true,
  }));
  return [...own, ...made.filter(({ id }) => own.every((input) => input['id'] !== id))];
}

/** One record as an entry for a client: placeholders for secrets, references in the client's spelling. */
export function exportEntry(record: ServerRecord, client: ExportClientName): EntryExport {
  const source = clientSource(record);
  const isOwn = source?.client === client;
  const reason = refusal(record, client, isOwn);
  if (reason !== undefined) return { kind: 'skipped', reason };
  const { record: shown, placeholders } = withPlaceholders(record, client);
  const own = isOwn ? clientSource(shown) : undefined;
  const { values, leftOut } = places(shown, client, isOwn);
  return {
    kind: 'entry',
    entry: {
      name: own?.entry ?? record.name,
      project: own?.project,
      value: {
        ...connection(shown, own, typeOf(shown, client, own), urlKeyOf(shown, client, own)),
        ...values,
        ...keptKeys(shown, own),
      },
      placeholders,
      inputs: client === 'vscode' ? neededInputs(record, placeholders) : [],
      leftOut: [...leftOut, ...(isOwn ? [] : Object.keys(source?.keys ?? {}))],
    },
  };
}
