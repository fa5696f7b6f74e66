import { resolve } from 'node:path';
import { clientNames, editClientFile, readClientFile } from '@cortex-os/mcp-registry';
import { nearest } from '../config/nearest.ts';
import { stateFolder } from '../config/locate-config.ts';
import { CommandError } from '../protocol/command-error.ts';
import { type ConnectClient, connectClients, type Reach } from './connect-clients.ts';
import { ownCommand, quoted } from './connect-command.ts';
import { diffLines } from './connect-diff.ts';
import { currentEntry, ENTRY_NAME, isOurs, withEntry } from './connect-entry.ts';
import { fingerprint, recallConnect, rememberConnect } from './connect-memory.ts';
import { reachFor, wantsKey } from './connect-reach.ts';
import { type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { createPaint, safeText } from './terminal-text.ts';

type Action = 'added' | 'updated' | 'unchanged';

export const wallClock = (): Date => new Date();

/** The client of that name, with the file that `--file` names. @throws UsageError */
export function clientNamed({ io, options }: CommandContext, word: string): ConnectClient {
  const client = connectClients(io).find(({ name }) => name === word);
  if (client === undefined) {
    const meant = nearest(word, clientNames);
    const hint = meant === undefined ? '' : `, did you mean ${meant}?`;
    throw new UsageError(
      `unknown client ${JSON.stringify(word)}${hint} (one of ${clientNames.join(', ')})`,
      'CLIENT_UNKNOWN',
    );
  }
  const file = options.text('file');
  return file === undefined ? client : { ...client, file: resolve(io.cwd, file) };
}

/** The entry as it may be shown: header values are what keys are sent in. */
function shownReach(reach: Reach): Reach {
  if (reach.kind === 'stdio') return reach;
  const headers = Object.fromEntries(Object.keys(reach.headers).map((name) => [name, '***']));
  return { ...reach, headers };
}

function where(reach: Reach): string {
  return reach.kind === 'http' ? reach.url : [reach.command, ...reach.args].join(' ');
}

function actionOf(present: unknown, before: string, after: string): Action {
  if (before === after) return 'unchanged';
  return present === undefined ? 'added' : 'updated';
}

/** Shows the lines in which two texts differ. */
export function showDiff(
  { io }: CommandContext,
  before: string,
  after: string,
  entry: unknown,
): void {
  const paint = createPaint(io);
  for (const { sign, text } of diffLines(before, after, entry))
    io.stdout.write(`${paint(sign === '+' ? 'green' : 'red', `${sign} ${text}`)}\n`);
}

/** What a person should know besides. */
async function notes(context: CommandContext, reach: Reach): Promise<string[]> {
  const { shown, fleeting } = ownCommand(context.io.cwd);
  const noted: string[] = [];
  if (reach.kind === 'stdio' && fleeting)
    noted.push(
      "the entry starts a copy in npm's cache; for good: npm install -g it on a Node of its own, then connect again",
    );
  const hasHeader = reach.kind === 'http' && Object.keys(reach.headers).length > 0;
  if (reach.kind === 'http' && !hasHeader && (await wantsKey(context)))
    noted.push(
      `the gateway wants a key: make one (${shown} keys create) and give it with --header`,
    );
  return noted;
}

interface Plan {
  readonly client: ConnectClient;
  readonly reach: Reach;
  readonly before: string | undefined;
  readonly after: string;
  readonly present: unknown;
  readonly action: Action;
}

/** @throws Error when the file cannot be read as its client does, or has another server of our name. */
async function planConnect(context: CommandContext, word: string): Promise<Plan> {
  const client = clientNamed(context, word);
  const reach = await reachFor(context, client);
  const before = await readClientFile(client.file);
  const text = before ?? '';
  const present = currentEntry(client, text);
  const after = withEntry(client, text, client.entry(reach));
  const action = actionOf(present, text, after);
  if (action === 'updated' && !isOurs(present) && !context.options.has('force')) {
    const what = `${client.file} has a server called ${ENTRY_NAME} that is not this gateway`;
    throw new CommandError('CLIENT_ENTRY_FOREIGN', what, { remedy: 'replace it with --force' });
  }
  return { client, reach, before, after, present, action };
}

async function write(context: CommandContext, plan: Plan): Promise<string | undefined> {
  const { client, before, after, present } = plan;
  const folder = stateFolder({ flag: undefined, ...context.io }).value;
  const written = fingerprint(after);
  const { file, backup } = await editClientFile(
    client.file,
    (text) => {
      if (text !== before)
        throw new CommandError('CLIENT_FILE_CHANGED', `${client.file} has just been changed`, {
          remedy: 'run this again',
        });
      return after;
    },
    { now: wallClock },
  );
  // Of several changes in a row all are taken back at once.
  const earlier = await recallConnect(folder, client.file).catch(() => undefined);
  const again = earlier !== undefined && earlier.written === fingerprint(before ?? '');
  const memory = again
    ? { ...earlier, written }
    : { file: client.file, backup, before: present, written };
  await rememberConnect(folder, memory).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    context.io.stderr.write(`warning: --undo will not work: ${safeText(reason)} (${file})\n`);
  });
  return backup;
}

function showOutcome(context: CommandContext, plan: Plan, backup: string | undefined): void {
  const { io } = context;
  const { client, reach, action } = plan;
  const { shown } = ownCommand(io.cwd);
  io.stdout.write(`${action} ${ENTRY_NAME}: ${safeText(where(shownReach(reach)))}\n`);
  if (backup !== undefined) io.stdout.write(`as it was: ${safeText(backup)}\n`);
  if (action === 'unchanged') return;
  const file = context.options.text('file');
  const named = file === undefined ? '' : ` --file ${quoted(file)}`;
  io.stdout.write(`take it back with: ${shown} connect ${client.name}${named} --undo\n`);
  io.stdout.write(`next: ${client.restart}\n`);
}

/** Adds the gateway to a client's file, or shows what that would change. @returns the exit code. */
export async function connectClient(context: CommandContext, word: string): Promise<number> {
  const { io, json, options } = context;
  const plan = await planConnect(context, word);
  const { client, reach, before, after, action } = plan;
  const dryRun = options.has('dry-run');
  const backup = dryRun || action === 'unchanged' ? undefined : await write(context, plan);
  const entry = client.entry(shownReach(reach));
  const noted = await notes(context, reach);
  if (json) {
    const done = { client: client.name, file: client.file, action, dryRun, backup, entry };
    io.stdout.write(`${JSON.stringify({ ...done, notes: noted }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  io.stdout.write(`${client.title}: ${safeText(client.file)}\n`);
  if (action !== 'unchanged') showDiff(context, before ?? '', after, entry);
  if (!dryRun) showOutcome(context, plan, backup);
  else io.stdout.write(action === 'unchanged' ? 'nothing to do\n' : 'nothing was written\n');
  for (const note of noted) io.stderr.write(`note: ${note}\n`);
  return EXIT_OK;
}
