import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readClientFile } from '@cortex-os/mcp-registry';
import { type ConnectClient, connectClients } from './connect-clients.ts';
import { ownCommand } from './connect-command.ts';
import { currentEntry, isOurs } from './connect-entry.ts';
import type { CommandContext } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { type Cell, type Colour, createPaint, safeText, table } from './terminal-text.ts';

/** What there is of one client on this machine. */
interface FoundClient {
  readonly name: string;
  readonly title: string;
  readonly file: string;
  /** `missing`: neither its file nor its folder; `found`; `connected`; `other`: another server has our name; `broken`. */
  readonly state: 'missing' | 'found' | 'connected' | 'other' | 'broken';
  /** What is wrong with its file. */
  readonly problem?: string;
}

const COLOURS: Readonly<Record<FoundClient['state'], Colour>> = {
  missing: 'dim',
  found: 'green',
  connected: 'cyan',
  other: 'yellow',
  broken: 'red',
};

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // not there, or hidden from us
  }
}

async function stateOf(
  client: ConnectClient,
  home: string,
): Promise<Pick<FoundClient, 'state' | 'problem'>> {
  try {
    const text = await readClientFile(client.file);
    if (text === undefined) {
      // The home folder says nothing of any client.
      const folder = dirname(client.file);
      return { state: folder !== home && (await isFolder(folder)) ? 'found' : 'missing' };
    }
    const entry = currentEntry(client, text);
    if (entry === undefined) return { state: 'found' };
    return { state: isOurs(entry) ? 'connected' : 'other' };
  } catch (error) {
    return { state: 'broken', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Every client that is known, with what there is of it here. Never rejects for a file that cannot be read. */
async function foundClients({ io }: CommandContext): Promise<readonly FoundClient[]> {
  const found: FoundClient[] = [];
  for (const client of connectClients(io)) {
    const { name, title, file } = client;
    found.push({ name, title, file, ...(await stateOf(client, io.home)) });
  }
  return found;
}

/** `cortex-mcp connect --list` */
export async function listClients(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const clients = await foundClients(context);
  if (json) {
    io.stdout.write(`${JSON.stringify({ clients }, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const rows = clients.map(({ name, state, file, problem }): Cell[] => [
    { text: name },
    { text: state, colour: COLOURS[state] },
    { text: safeText(problem ?? file) },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['CLIENT', 'STATE', 'FILE'], rows, style));
  const { shown } = ownCommand(io.cwd);
  io.stdout.write(
    `\nconnect one with: ${shown} connect <client>   (--dry-run shows what it writes)\n`,
  );
  return EXIT_OK;
}
