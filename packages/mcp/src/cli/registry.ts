import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  fromServerJson,
  officialMeta,
  openSecretFolder,
  redactRecord,
  takeSecrets,
  type ServerRecord,
} from '@cortex-os/mcp-registry';
import { CommandError } from '../protocol/command-error.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { printResult } from './print-result.ts';
import { locateRegistry } from './registry-location.ts';
import { orphanedSecrets } from './registry-secrets.ts';
import { type Cell, type Colour, createPaint, safeText, table } from './terminal-text.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** The largest record that is read; the registry itself takes 256 KiB. */
const MAX_INPUT_BYTES = 1_048_576;

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? DEFAULT_LIMIT);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new UsageError(`--limit needs a whole number from 1 to ${MAX_LIMIT}`);
}

function descriptionOf({ server, ...record }: ServerRecord): string {
  const description = server?.description ?? record['description'];
  return typeof description === 'string' ? description : '';
}

const STATUS_COLOURS: Readonly<Record<string, Colour>> = { deprecated: 'yellow', deleted: 'red' };

/** Said only of what should not be used. */
function statusOf(record: ServerRecord): Cell {
  const status = officialMeta(record)?.status ?? 'active';
  const colour = STATUS_COLOURS[status];
  return { text: status === 'active' ? '' : status, ...(colour && { colour }) };
}

async function list({ io, json, options, args }: CommandContext): Promise<number> {
  const limit = limitOf(options.text('limit'));
  const query = { name: args[0], text: options.text('text'), limit };
  const { records, more, total } = await locateRegistry(io).client.read((cache) => {
    const page = cache.search(query);
    return {
      records: page.records.map(redactRecord),
      more: page.next !== undefined,
      total: cache.size,
    };
  });
  if (json) {
    io.stdout.write(`${JSON.stringify({ servers: records, total, more }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const cells = records.map((record): Cell[] => [
    { text: safeText(record.name) },
    { text: safeText(record.server?.version ?? '-') },
    { text: record.transport },
    statusOf(record),
    { text: safeText(descriptionOf(record)) },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['SERVER', 'VERSION', 'TYPE', 'STATUS', ''], cells, style));
  if (more) io.stderr.write(`only the first ${limit} of ${total}; see --limit, --text\n`);
  return EXIT_OK;
}

async function get({ io, args }: CommandContext): Promise<number> {
  const [name = '', version] = args;
  const record = await locateRegistry(io).client.read((cache) => cache.get(name, version));
  if (record === undefined) {
    throw new CommandError('SERVER_UNKNOWN', `there is no server called ${JSON.stringify(name)}`);
  }
  io.stdout.write(`${JSON.stringify(redactRecord(record), undefined, 2)}\n`);
  return EXIT_OK;
}

async function readInput({ io, args }: CommandContext): Promise<string> {
  const [file = ''] = args;
  if (file !== '-') return await readFile(resolve(io.cwd, file), 'utf8');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of io.stdin) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_INPUT_BYTES) {
      throw new UsageError(
        `what is on stdin is larger than ${MAX_INPUT_BYTES} bytes`,
        'INPUT_TOO_LARGE',
      );
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A `server.json`, or an entry as `servers.json` holds it. @throws UsageError */
function parseRecord(text: string): ServerRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(
      `not JSON (${cause instanceof Error ? cause.message : 'unreadable'})`,
      'INPUT_INVALID',
      'give a server.json, or name, transport, …',
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      'one JSON object is expected',
      'INPUT_INVALID',
      'give a server.json, or name, transport, …',
    );
  }
  if (!('transport' in value)) return fromServerJson(value);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the registry checks it before it is stored
  return value as ServerRecord;
}

async function add(context: CommandContext): Promise<number> {
  const { io, options } = context;
  const { client, stateFolder } = locateRegistry(io);
  const folder = openSecretFolder(stateFolder);
  const taken = await takeSecrets(parseRecord(await readInput(context)), folder);
  const { record, secrets } = taken;
  for (const { file, value } of secrets) await folder.create(file, value);
  try {
    const { value: orphans } = await client.change((cache) => {
      const version = record.server?.version;
      const same = cache.versions(record.name).filter((one) => one.server?.version === version);
      if (same.length > 0 && !options.has('force')) {
        throw new UsageError(
          `there is a server called ${record.name}`,
          'NAME_TAKEN',
          'replace it with --force',
        );
      }
      return { put: [record], value: orphanedSecrets(cache, same, [record]) };
    });
    for (const file of orphans) await folder.remove(file);
  } catch (error) {
    for (const { file } of secrets) await folder.remove(file);
    throw error;
  }
  printResult(context, { action: 'added', name: record.name }, `added ${safeText(record.name)}\n`);
  return EXIT_OK;
}

async function remove(context: CommandContext): Promise<number> {
  const { io, args } = context;
  const [name = '', version] = args;
  const { client, stateFolder } = locateRegistry(io);
  const { value: orphans } = await client.change((cache) => {
    const all = cache.versions(name);
    const gone = all.filter((one) => version === undefined || one.server?.version === version);
    if (gone.length === 0) return { value: undefined };
    return { remove: [{ name, version }], value: orphanedSecrets(cache, gone) };
  });
  if (orphans === undefined) {
    throw new CommandError('SERVER_UNKNOWN', `there is no server called ${JSON.stringify(name)}`);
  }
  const folder = openSecretFolder(stateFolder);
  for (const file of orphans) await folder.remove(file);
  printResult(context, { action: 'removed', name, version }, `removed ${safeText(name)}\n`);
  return EXIT_OK;
}

export const registryListCommand: Command = {
  name: 'registry list',
  argumentsUsage: '[pattern]',
  minArguments: 0,
  maxArguments: 1,
  options: ['text', 'limit', 'json'],
  summary: 'List the servers of the registry',
  details: ['The pattern is for the name and may hold * and ?. Secrets are not shown.'],
  example: "cortex-mcp registry list 'io.github.*' --limit 20",
  run: list,
};

export const registryGetCommand: Command = {
  name: 'registry get',
  argumentsUsage: '<name> [version]',
  minArguments: 1,
  maxArguments: 2,
  options: ['json'],
  summary: 'Show all that the registry knows of a server',
  details: [
    'Prints JSON, with or without --json. Without a version: the latest. Secrets are not shown.',
  ],
  example: 'cortex-mcp registry get io.github.example/weather 1.2.0',
  run: get,
};

export const registryAddCommand: Command = {
  name: 'registry add',
  argumentsUsage: '<file>',
  minArguments: 1,
  maxArguments: 1,
  options: ['force', 'json'],
  summary: 'Add a server to the registry as data',
  details: [
    'The file holds a server.json, or an entry with name, transport and command or endpoint; - is stdin.',
    'Literal secrets go into secrets/. The gateway does not use it before: connectors enable.',
  ],
  example: 'cortex-mcp registry add server.json',
  run: add,
};

export const registryRemoveCommand: Command = {
  name: 'registry remove',
  argumentsUsage: '<name> [version]',
  minArguments: 1,
  maxArguments: 2,
  options: ['json'],
  summary: 'Remove a server, or one version of it, from the registry',
  details: [
    'A connector that came from it is closed by a running gateway; secrets that nothing refers to any more',
    'are deleted.',
  ],
  example: 'cortex-mcp registry remove io.github.example/weather',
  run: remove,
};
