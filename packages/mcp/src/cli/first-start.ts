import {
  applyImport,
  type ImportPlan,
  openSecretFolder,
  planImport,
  type PlanRow,
} from '@cortex-os/mcp-registry';
import type { CliIo } from './cli-io.ts';
import { ownCommand } from './connect-command.ts';
import { ask } from './first-start-ask.ts';
import {
  describeServer,
  findServers,
  type Findings,
  type FoundServers,
} from './first-start-find.ts';
import { showWarnings } from './open-service.ts';
import { locateRegistry } from './registry-location.ts';
import { openSnapshot, type RegistrySnapshot } from './registry-snapshot.ts';
import { type Cell, createPaint, safeText, table } from './terminal-text.ts';

/** What the first start found, for those who read JSON. */
export interface FirstStartReport {
  readonly found: readonly {
    readonly client: string;
    readonly file: string;
    readonly servers: readonly string[];
    /** The command that takes them over. */
    readonly command: string;
  }[];
  /** Servers that were taken over now. */
  readonly imported: number;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function importCommand(program: string, { client, folder, file }: FoundServers): string {
  const what = folder === undefined ? client : `${client} --file ${file}`;
  return `${program} registry import ${what} --apply --connect`;
}

/** What becomes of a server besides; on lines of its own, since a table is cut to the window. */
function notesOf({ name, moved, reason }: PlanRow): string[] {
  const notes = moved.length === 0 ? [] : [`keys move to secrets/: ${moved.join(', ')}`];
  return [...notes, ...(reason === undefined ? [] : [reason])].map((note) => `${name}: ${note}`);
}

/** The dry run: what would be taken over from where, without any secret. */
function showPlan(io: CliIo, own: readonly FoundServers[], plan: ImportPlan): void {
  const targets = new Map<string, string>();
  for (const { records } of own)
    for (const record of records)
      if (!targets.has(record.name)) targets.set(record.name, describeServer(record));
  const paint = createPaint(io);
  const files = own.map(({ title, file, records }) => {
    return `  ${title}: ${safeText(file)} (${count(records.length, 'server')})\n`;
  });
  io.stdout.write(`Found on this machine:\n${files.join('')}\n`);
  const rows = plan.rows.map((row): Cell[] => [
    { text: row.action, colour: row.action === 'add' ? 'green' : 'yellow' },
    { text: safeText(row.name) },
    { text: safeText(targets.get(row.name) ?? '') },
  ]);
  io.stdout.write(table(['ACTION', 'SERVER', 'RUNS'], rows, { paint, columns: io.columns }));
  for (const note of plan.rows.flatMap(notesOf)) io.stdout.write(`  ${safeText(note)}\n`);
}

async function planFor(
  own: readonly FoundServers[],
  { target }: RegistrySnapshot,
  stateFolder: string,
): Promise<ImportPlan> {
  const records = own.flatMap((one) => one.records);
  const skipped = own.flatMap((one) => one.skipped);
  const secrets = openSecretFolder(stateFolder);
  return await planImport({ records, skipped }, target, { secrets, connect: true });
}

/** Shows what would be imported, asks, and does it. @returns how many were taken over. */
async function offer(io: CliIo, own: readonly FoundServers[], program: string): Promise<number> {
  const { client, stateFolder } = locateRegistry(io);
  const snapshot = await openSnapshot(client);
  const plan = await planFor(own, snapshot, stateFolder);
  showPlan(io, own, plan);
  if (plan.steps.length === 0) return 0;
  const question = `\nTake ${count(plan.steps.length, 'server')} over? The clients' files stay as they are. [y/N] `;
  if (!(await ask(io, question))) {
    io.stdout.write(`Nothing was imported. Later: ${program} registry import\n\n`);
    return 0;
  }
  const { target } = snapshot;
  const stored = await applyImport(plan, { target, stateFolder, now: () => new Date() });
  io.stdout.write(
    `Imported ${count(stored, 'server')}; take it back with: ${program} registry import --undo\n\n`,
  );
  return stored;
}

function sayFound(io: CliIo, found: readonly FoundServers[], program: string): void {
  for (const one of found) {
    const { title, file, records } = one;
    io.stdout.write(
      `Found ${count(records.length, 'server')} of ${title} in ${safeText(file)}; take over with:\n` +
        `  ${importCommand(program, one)}\n`,
    );
  }
}

function reportOf(
  { own, ofFolder }: Findings,
  program: string,
  imported: number,
): FirstStartReport {
  return {
    found: [...own, ...ofFolder].map((one) => ({
      client: one.client,
      file: one.file,
      servers: one.records.map(({ name }) => name),
      command: importCommand(program, one),
    })),
    imported,
  };
}

/**
 * The start on a machine without a configuration: looks for servers that clients here have, and offers on a terminal
 * to take them over; elsewhere it never asks, and says with which command that is done. Servers of the folder one
 * stands in are only named: whoever wrote them is not known.
 * @param mayAsk false with `--json`, where nothing is printed either.
 */
export async function firstStart(io: CliIo, mayAsk: boolean): Promise<FirstStartReport> {
  const program = ownCommand(io.cwd).shown;
  const findings = await findServers(io);
  const { own, ofFolder, warnings } = findings;
  showWarnings(io, warnings.map(safeText));
  if (!mayAsk) return reportOf(findings, program, 0);
  const canAsk = io.isTty && io.stdinIsTty === true;
  const imported = canAsk && own.length > 0 ? await offer(io, own, program) : 0;
  if (io.signal.aborted) return reportOf(findings, program, imported);
  if (!canAsk) sayFound(io, own, program);
  sayFound(io, ofFolder, program);
  return reportOf(findings, program, imported);
}
