import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { errorCode, toRegistryError } from '../registry-error.ts';
import {
  createFlags,
  readFlags,
  readPieces,
  writeAll,
  type FileSystem,
  type OpenFile,
} from './file-system.ts';
import type { RejectedLine } from './journal-format.ts';
import type { StorePaths } from './store-paths.ts';

/** The folder where bytes that could not be used are kept, named after their content so that repeats add nothing. */
export interface Quarantine {
  /** Moves a file there. Returns its new path. */
  move(path: string): Promise<string>;
  /** Copies a file there. Returns the copy's path. */
  copy(path: string): Promise<string>;
  /** Keeps entries that are JSON but no records. Returns the file's path. */
  keepEntries(entries: readonly RejectedLine[]): Promise<string>;
}

async function digestOf(file: OpenFile): Promise<string> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  for await (const piece of readPieces(file, { start: 0, end: size })) hash.update(piece);
  return hash.digest('hex').slice(0, 16);
}

async function nameFor(fs: FileSystem, paths: StorePaths, path: string): Promise<string> {
  await fs.makeFolder(paths.quarantine, 0o700);
  const file = await fs.open(path, readFlags);
  try {
    return join(paths.quarantine, `${basename(path)}.${await digestOf(file)}`);
  } finally {
    await file.close();
  }
}

async function copyInto(fs: FileSystem, path: string, out: OpenFile): Promise<void> {
  const from = await fs.open(path, readFlags);
  try {
    let position = 0;
    const { size } = await from.stat();
    for await (const piece of readPieces(from, { start: 0, end: size }))
      position = await writeAll(out, piece, position);
  } finally {
    await from.close();
  }
}

async function guarded(action: () => Promise<string>): Promise<string> {
  try {
    return await action();
  } catch (error) {
    throw toRegistryError(error, 'keep damaged bytes aside');
  }
}

/** Opens the quarantine of a store; the folder is made when it is first needed. */
export function createQuarantine(fs: FileSystem, paths: StorePaths): Quarantine {
  async function write(target: string, source: (out: OpenFile) => Promise<void>): Promise<string> {
    let out: OpenFile;
    try {
      out = await fs.open(target, createFlags, 0o600);
    } catch (error) {
      // The name is made from the content, so an existing file already holds these bytes.
      if (errorCode(error) === 'EEXIST') return target;
      throw error;
    }
    try {
      await source(out);
      await out.sync();
    } finally {
      await out.close();
    }
    await fs.syncFolder(paths.quarantine);
    return target;
  }

  return {
    move: async (path) =>
      guarded(async () => {
        const target = await nameFor(fs, paths, path);
        await fs.rename(path, target);
        await fs.syncFolder(paths.quarantine);
        await fs.syncFolder(paths.folder);
        return target;
      }),
    copy: async (path) =>
      guarded(async () => {
        const target = await nameFor(fs, paths, path);
        return write(target, async (out) => copyInto(fs, path, out));
      }),
    keepEntries: async (entries) =>
      guarded(async () => {
        const text = entries.map((entry) => `${entry.json}\n`).join('');
        const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
        await fs.makeFolder(paths.quarantine, 0o700);
        return write(join(paths.quarantine, `entries.jsonl.${digest}`), async (out) => {
          await writeAll(out, Buffer.from(text), 0);
        });
      }),
  };
}
