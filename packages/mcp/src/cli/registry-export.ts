import { resolve } from 'node:path';
import process from 'node:process';
import {
  clientConfigFiles,
  type ClientExport,
  clientTitles,
  exportClientConfig,
  type ExportClientName,
  exportClientNames,
  exportServerJson,
  isExportClientName,
  type ServerRecord,
  writeClientConfig,
} from '@cortex-os/mcp-registry';
import { originOfRecord } from '../config/registry-entries.ts';
import { CommandError } from '../protocol/command-error.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { showWarnings } from './open-service.ts';
import { locateRegistry } from './registry-location.ts';
import { safeText } from './terminal-text.ts';

const SERVER_JSON = 'server-json';

interface Choice {
  readonly records: readonly ServerRecord[];
  readonly missing: readonly string[];
}

/** The servers that were named, in their latest version; else all of this machine, but none that came from elsewhere. */
async function choose({ io, args }: CommandContext): Promise<Choice> {
  const names = args.slice(1);
  return await locateRegistry(io).client.read((cache) => {
    if (names.length === 0) {
      const records = cache.getAll().filter((record) => originOfRecord(record) === 'local');
      return { records, missing: [] };
    }
    const records = names.flatMap((name) => cache.get(name) ?? []);
    return { records, missing: names.filter((name) => cache.get(name) === undefined) };
  });
}

function printJson({ io }: CommandContext, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** The file that is written: what was named, else the client's own. */
function fileFor({ io, options }: CommandContext, client: ExportClientName): string {
  const given = options.text('file');
  if (given !== undefined) return resolve(io.cwd, given);
  const { home, cwd, env } = io;
  const files = clientConfigFiles({ platform: process.platform, home, cwd, variables: env });
  const own = files.find((one) => one.client === client);
  if (own === undefined)
    throw new UsageError(
      `${client} has no file here`,
      'CLIENT_UNKNOWN',
      'name the file with --file',
    );
  return own.file;
}

/** What to know about an export besides its text: what was left out, and which values have to be filled in. */
function notes({ client, entries, skipped }: ClientExport): string[] {
  const title = clientTitles[client];
  return [
    ...skipped.map(({ name, reason }) => `${name} is left out: ${reason}`),
    ...entries.flatMap(({ name, placeholders, leftOut }) => [
      ...(placeholders.length === 0
        ? []
        : [`${name} needs ${placeholders.join(', ')}: secrets are not written`]),
      ...(leftOut.length === 0 ? [] : [`${name}: ${title} has no place for ${leftOut.join(', ')}`]),
    ]),
  ];
}

function remoteNotes(records: readonly ServerRecord[]): string[] {
  return records
    .filter((record) => originOfRecord(record) === 'remote' && record.command !== undefined)
    .map(({ name }) => `${name} came from elsewhere, and the client will run its command`);
}

async function exportToClient(
  context: CommandContext,
  client: ExportClientName,
  records: readonly ServerRecord[],
): Promise<number> {
  const { io, json, options } = context;
  const file = fileFor(context, client);
  const projects = client === 'claude-code' && file.endsWith('.claude.json');
  const exported = exportClientConfig(records, client, { projects });
  showWarnings(io, [...notes(exported), ...remoteNotes(records)].map(safeText));
  const { config, skipped } = exported;
  const needs = Object.fromEntries(
    exported.entries
      .filter(({ placeholders }) => placeholders.length > 0)
      .map(({ name, placeholders }) => [name, placeholders]),
  );
  if (!options.has('write')) {
    printJson(context, json ? { client, config, skipped, needs } : config);
    return EXIT_OK;
  }
  const outcome = await writeClientConfig(file, exported, { now: () => new Date() });
  if (json) {
    printJson(context, { client, ...outcome, skipped, needs });
    return EXIT_OK;
  }
  const { added, updated, unchanged, backup } = outcome;
  const counts = `${added.length} added, ${updated.length} updated, ${unchanged.length} unchanged`;
  io.stdout.write(`${safeText(outcome.file)}: ${counts}\n`);
  if (backup !== undefined) io.stdout.write(`as it was: ${safeText(backup)}\n`);
  return EXIT_OK;
}

function exportDocuments(context: CommandContext, records: readonly ServerRecord[]): number {
  const { options } = context;
  if (options.has('write') || options.has('file')) {
    throw new UsageError('--write and --file are for clients; redirect the output of server-json');
  }
  const documents = records.map(exportServerJson);
  printJson(context, documents.length === 1 ? documents[0] : documents);
  return EXIT_OK;
}

async function run(context: CommandContext): Promise<number> {
  const { args, options } = context;
  const [kind = ''] = args;
  if (kind !== SERVER_JSON && !isExportClientName(kind)) {
    throw new UsageError(
      `unknown client ${JSON.stringify(kind)}`,
      'CLIENT_UNKNOWN',
      `export to one of ${[...exportClientNames, SERVER_JSON].join(', ')}`,
    );
  }
  if (options.has('file') && !options.has('write')) {
    throw new UsageError('--file names the file that --write merges into');
  }
  const { records, missing } = await choose(context);
  if (missing.length > 0) {
    throw new CommandError('SERVER_UNKNOWN', `there is no server called ${missing.join(', ')}`);
  }
  if (isExportClientName(kind)) return await exportToClient(context, kind, records);
  return exportDocuments(context, records);
}

/** `cortex-mcp registry export`: the servers of the registry in a client's format or as `server.json`. */
export const registryExportCommand: Command = {
  name: 'registry export',
  argumentsUsage: '<client|server-json> [names...]',
  minArguments: 1,
  maxArguments: 1_000,
  options: ['write', 'file', 'json'],
  summary: 'Give servers to a client, or show them as server.json',
  details: [
    `A client is ${exportClientNames.join(', ')}. Without names, all servers that are not from elsewhere.`,
    'Secrets are never written: variables stand in their place, and are named. --write merges the servers',
    "into the client's own file, or the one of --file; a copy is kept beside it and comments, other servers",
    'and values that are there stay.',
  ],
  example: 'cortex-mcp registry export vscode github --write',
  run,
};
