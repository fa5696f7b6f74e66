import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';

/** What one connecting did to a client's file, so that it can be taken back. */
export interface ConnectMemory {
  readonly file: string;
  /** The copy of the file as it was; absent when there was no file. */
  readonly backup?: string | undefined;
  /** What stood under our name before; absent when nothing did. */
  readonly before?: unknown;
  /** SHA-256 of the text that was written. */
  readonly written: string;
}

const schema: z.ZodType<ConnectMemory> = z.object({
  file: z.string(),
  backup: z.string().optional(),
  before: z.unknown().optional(),
  written: z.string(),
});

export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** One for each file: of several times the last. */
function pathFor(stateFolder: string, file: string): string {
  return join(stateFolder, 'undo', `connect-${fingerprint(file).slice(0, 16)}.json`);
}

/** Replaces what is remembered of this file. */
export async function rememberConnect(stateFolder: string, memory: ConnectMemory): Promise<void> {
  await mkdir(join(stateFolder, 'undo'), { recursive: true, mode: 0o700 });
  // It may hold an entry with a key in it.
  const options = { mode: 0o600 };
  await writeFile(pathFor(stateFolder, memory.file), `${JSON.stringify(memory)}\n`, options);
}

/** What was done to this file last; `undefined` when nothing was, or it has been taken back. */
export async function recallConnect(
  stateFolder: string,
  file: string,
): Promise<ConnectMemory | undefined> {
  let text: string;
  try {
    text = await readFile(pathFor(stateFolder, file), 'utf8');
  } catch {
    return undefined; // there is none, or it is not ours to read
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const path = pathFor(stateFolder, file);
    throw new CommandError('UNDO_DAMAGED', `${path} is damaged`, {
      remedy: `take the copy beside ${file} by hand`,
      cause,
    });
  }
}

export async function forgetConnect(stateFolder: string, file: string): Promise<void> {
  await rm(pathFor(stateFolder, file), { force: true });
}
