import { readFile, rm } from 'node:fs/promises';
import { editClientFile, readClientFile } from '@cortex-os/mcp-registry';
import { stateFolder } from '../config/locate-config.ts';
import { CommandError } from '../protocol/command-error.ts';
import { clientNamed, showDiff, wallClock } from './connect-client.ts';
import type { ConnectClient } from './connect-clients.ts';
import { withoutEntry } from './connect-entry.ts';
import { type ConnectMemory, fingerprint, forgetConnect, recallConnect } from './connect-memory.ts';
import type { CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { safeText } from './terminal-text.ts';

/** The copy of the file as it was; `undefined` when it has been removed since. */
async function copyAt(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined; // then the entry alone is taken back
  }
}

/** What the file becomes; `undefined` when it was made by us and is removed. */
async function textBefore(
  client: ConnectClient,
  text: string,
  { written, backup, before }: ConnectMemory,
): Promise<string | undefined> {
  const untouched = fingerprint(text) === written;
  if (untouched && backup === undefined) return undefined;
  const copy = untouched && backup !== undefined ? await copyAt(backup) : undefined;
  return copy ?? withoutEntry(client, text, before);
}

/**
 * Takes back what `connect` did to a client's file last: byte for byte, or the entry alone in a file that has changed
 * since. @returns the exit code.
 */
export async function disconnectClient(context: CommandContext, word: string): Promise<number> {
  const { io, json, options } = context;
  const client = clientNamed(context, word);
  const folder = stateFolder({ flag: undefined, ...io }).value;
  const memory = await recallConnect(folder, client.file);
  const text = await readClientFile(client.file);
  if (memory === undefined || text === undefined) {
    const why = memory === undefined ? 'nothing to take back in' : 'there is no file';
    throw new CommandError('UNDO_NOTHING', `${why} ${client.file}`);
  }
  const next = await textBefore(client, text, memory);
  const dryRun = options.has('dry-run');
  if (!dryRun) {
    if (next === undefined) await rm(client.file);
    else await editClientFile(client.file, () => next, { now: wallClock });
    await forgetConnect(folder, client.file);
  }
  const { name, file, title } = client;
  const action = next === undefined ? 'removed' : 'restored';
  if (json) {
    io.stdout.write(`${JSON.stringify({ client: name, file, action, dryRun }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  io.stdout.write(`${title}: ${safeText(file)}\n`);
  showDiff(context, text, next ?? '', undefined);
  io.stdout.write(dryRun ? 'nothing was written\n' : `${action}\n`);
  return EXIT_OK;
}
