import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import {
  applyImport,
  type ClientConfigFile,
  type ClientName,
  clientNames,
  type ClientReading,
  findClientConfigs,
  importFromRegistry,
  importServerJson,
  isClientName,
  openSecretFolder,
  planImport,
  type PlanRow,
  readClientConfig,
  type RegistryImportReport,
  type ServerRecord,
  type SkippedEntry,
  SourceError,
  undoImport,
} from '@cortex-os/mcp-registry';
import { clientFileAt, clientOfPath } from './client-file.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { leadsHere } from './first-start-find.ts';
import { showWarnings } from './open-service.ts';
import { locateRegistry } from './registry-location.ts';
import { openSnapshot } from './registry-snapshot.ts';
import { type Cell, type Colour, createPaint, safeText, table } from './terminal-text.ts';

/** The largest file that is read. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Pages of a registry that are written together: without a running service each write opens the files. */
const PAGES_PER_WRITE = 20;

const COLOURS: Readonly<Record<string, Colour>> = {
  add: 'green',
  restored: 'green',
  update: 'cyan',
  removed: 'cyan',
  conflict: 'yellow',
  kept: 'yellow',
  skip: 'red',
};

const wallClock = (): Date => new Date();

interface Reading {
  readonly records: ServerRecord[];
  readonly skipped: SkippedEntry[];
  readonly warnings: string[];
  /** What was read. */
  readonly files: string[];
}

function printJson({ io }: CommandContext, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

async function readText(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES)
    throw new UsageError(`${file} is larger than ${MAX_FILE_BYTES} bytes`, 'INPUT_TOO_LARGE');
  return await readFile(file, 'utf8');
}

async function clientFiles(
  { io, options }: CommandContext,
  client: ClientName | undefined,
): Promise<readonly ClientConfigFile[]> {
  const given = options.text('file');
  if (given !== undefined) {
    if (client === undefined) throw new UsageError('--file needs the name of its client');
    return [clientFileAt(client, resolve(io.cwd, given))];
  }
  const { home, cwd, env } = io;
  const { platform } = process;
  const all = await findClientConfigs({ platform, home, cwd, variables: env });
  return client === undefined ? all : all.filter((one) => one.client === client);
}

/** @throws SourceError naming the file. */
async function readClient({ client, file, folder }: ClientConfigFile): Promise<ClientReading> {
  const text = await readText(file);
  try {
    return readClientConfig(client, text, { file, folder });
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    throw new SourceError(cause.code, `${file}: ${cause.message}`, { cause });
  }
}

async function readFiles(context: CommandContext): Promise<Reading> {
  const [word] = context.args;
  const reading: Reading = { records: [], skipped: [], warnings: [], files: [] };
  const isPath = word !== undefined && !isClientName(word);
  if (isPath && clientOfPath(resolve(context.io.cwd, word)) === undefined) {
    const file = resolve(context.io.cwd, word);
    const { records, skipped, warnings } = importServerJson([{ file, text: await readText(file) }]);
    return { records: [...records], skipped: [...skipped], warnings: [...warnings], files: [file] };
  }
  const files = isPath
    ? [pathAsClient(context, word)]
    : await clientFiles(context, clientWord(word));
  for (const one of files) {
    const { records, skipped } = await readClient(one);
    const ours = records.filter(leadsHere);
    reading.records.push(...records.filter((record) => !ours.includes(record)));
    reading.skipped.push(...skipped);
    reading.skipped.push(...ours.map(({ name }) => ({ name, reason: 'it is this gateway' })));
    reading.files.push(one.file);
  }
  if (files.length === 0)
    throw new UsageError(
      'there is no file of this client',
      'CLIENT_UNKNOWN',
      'name it with --file',
    );
  return reading;
}

function clientWord(word: string | undefined): ClientName | undefined {
  return word !== undefined && isClientName(word) ? word : undefined;
}

function pathAsClient({ io }: CommandContext, word: string): ClientConfigFile {
  const file = resolve(io.cwd, word);
  return clientFileAt(clientOfPath(file) ?? 'claude-code', file);
}

function noteOf({ reason, moved }: PlanRow): string {
  const notes = moved.length === 0 ? [] : [`moves to secrets/: ${moved.join(', ')}`];
  return [...notes, ...(reason === undefined ? [] : [reason])].join('; ');
}

function showRows(
  { io }: CommandContext,
  rows: readonly { readonly name: string; readonly action: string; readonly note: string }[],
): void {
  const cells = rows.map(({ name, action, note }): Cell[] => [
    { text: action, colour: COLOURS[action] ?? 'dim' },
    { text: safeText(name) },
    { text: safeText(note) },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['ACTION', 'SERVER', ''], cells, style));
}

async function importFiles(context: CommandContext): Promise<number> {
  const { io, json, options } = context;
  const reading = await readFiles(context);
  showWarnings(io, reading.warnings.map(safeText));
  const { client, stateFolder } = locateRegistry(io);
  const { target } = await openSnapshot(client);
  const plan = await planImport(reading, target, {
    secrets: openSecretFolder(stateFolder),
    connect: options.has('connect'),
    force: options.has('force'),
  });
  const apply = options.has('apply');
  const stored = apply ? await applyImport(plan, { target, stateFolder, now: wallClock }) : 0;
  const { files } = reading;
  const { rows } = plan;
  if (json) printJson(context, { files, applied: apply, stored, rows });
  else {
    for (const file of files) io.stdout.write(`${safeText(file)}\n`);
    showRows(
      context,
      rows.map((row) => ({ name: row.name, action: row.action, note: noteOf(row) })),
    );
    io.stdout.write(applied(apply, stored, plan.steps.length));
  }
  return rows.length > 0 && rows.every(({ action }) => action === 'skip') ? EXIT_FAILED : EXIT_OK;
}

function applied(apply: boolean, stored: number, planned: number): string {
  if (apply) return `${stored} stored${stored === 0 ? '' : '; take it back with --undo'}\n`;
  return planned === 0 ? 'nothing to do\n' : `${planned} to store; do it with --apply\n`;
}

async function undo(context: CommandContext): Promise<number> {
  const { client, stateFolder } = locateRegistry(context.io);
  const { target } = await openSnapshot(client);
  const rows = await undoImport({ target, stateFolder });
  if (context.json) printJson(context, { rows });
  else {
    showRows(
      context,
      rows.map(({ name, action, reason }) => ({ name, action, note: reason ?? '' })),
    );
  }
  return EXIT_OK;
}

function showReport(context: CommandContext, report: RegistryImportReport, dryRun: boolean): void {
  const { added, updated, unchanged, deleted, conflicts, rejected } = report;
  const named = [
    ...conflicts.map(({ name, reason }) => ({ name, action: 'conflict', note: reason })),
    ...rejected.map(({ name, reason }) => ({ name, action: 'skip', note: reason })),
  ];
  if (named.length > 0) showRows(context, named);
  const { conflictCount, rejectedCount, since } = report;
  const counts = `${added} added, ${updated} updated (${deleted} of them deleted there), ${unchanged} unchanged`;
  const left = `${conflictCount} in conflict, ${rejectedCount} not valid`;
  const from = since === undefined ? '' : `, of what changed since ${since}`;
  context.io.stdout.write(`${counts}, ${left}${from}\n`);
  if (dryRun) context.io.stdout.write('nothing was stored; do it with --apply\n');
}

async function importRegistry(context: CommandContext, url: string): Promise<number> {
  const { io, json, options } = context;
  if (options.has('connect')) {
    const remedy = 'switch single ones on with connectors enable';
    throw new UsageError(`--connect is for files: what a registry lists is not run; ${remedy}`);
  }
  const { client, stateFolder } = locateRegistry(io);
  const { target } = await openSnapshot(client);
  const dryRun = !options.has('apply');
  const report = await importFromRegistry({
    url,
    target,
    stateFolder,
    now: wallClock,
    since: options.text('since'),
    dryRun,
    force: options.has('force'),
    plainHttp: 'loopback',
    pagesPerWrite: PAGES_PER_WRITE,
    signal: io.signal,
  });
  if (json) printJson(context, { ...report, applied: !dryRun });
  else showReport(context, report, dryRun);
  return EXIT_OK;
}

async function run(context: CommandContext): Promise<number> {
  const { options, args } = context;
  const [word] = args;
  if (options.has('undo')) {
    const others = (['apply', 'dry-run', 'connect', 'since', 'file', 'force'] as const).filter(
      (name) => options.has(name),
    );
    if (word !== undefined || others.length > 0) {
      throw new UsageError('--undo takes back the last import and stands alone');
    }
    return await undo(context);
  }
  if (options.has('apply') && options.has('dry-run')) {
    throw new UsageError('give either --dry-run or --apply');
  }
  if (word !== undefined && /^https?:\/\//i.test(word)) return await importRegistry(context, word);
  if (word === undefined && options.has('apply') && options.has('connect')) {
    // Otherwise the commands of whatever project lies in the current folder would be run.
    throw new UsageError('--apply --connect needs the name of a client, or a file');
  }
  if (options.has('since')) throw new UsageError('--since is for the address of a registry');
  return await importFiles(context);
}

/** `cortex-mcp registry import`: from a registry's address, `server.json` files and the files of clients. */
export const registryImportCommand: Command = {
  name: 'registry import',
  argumentsUsage: '[url|file|client]',
  minArguments: 0,
  maxArguments: 1,
  options: ['dry-run', 'apply', 'undo', 'connect', 'force', 'since', 'file', 'json'],
  summary: 'Take servers over from a registry, a server.json or a client',
  details: [
    `A client is ${clientNames.join(', ')}; without an argument, every one that has a file here.`,
    "Shows what would be done; --apply does it. Keys and tokens that are written out in a client's file",
    'are moved to secrets/ of the state folder, and never shown. What a registry at an address lists is',
    'kept as data and never run; the next import from it asks only for what has changed.',
    '--undo takes back the last import of files, one after the other; imports from an address stay.',
  ],
  example: 'cortex-mcp registry import cursor --apply --connect',
  run,
};
