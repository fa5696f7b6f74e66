import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { nodeFileSystem, readFlags, unlessMissing } from '../store/file-system.ts';
import { maxSourceBytes } from './json-text.ts';
import { SourceError } from './source-error.ts';

/** How old an unfinished file must be before it counts as left behind by a process that was killed. */
const staleTempMs = 10 * 60_000;

/** Makes a folder that only its owner may enter. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Creates a file that must not exist, mode 0600, durably. */
export async function createPrivateFile(path: string, text: string, mode = 0o600): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(text, 'utf8');
    await file.chmod(mode);
    await file.sync();
  } catch (error) {
    await unlessMissing(unlink(path));
    throw error;
  } finally {
    await file.close();
  }
  await nodeFileSystem.syncFolder(dirname(path));
}

/** Age is measured against a file made just now, so that a changed clock changes nothing. */
async function removeStale(path: string, made: string): Promise<void> {
  const { mtimeMs: nowMs } = await stat(made);
  const start = `.${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start) || !name.endsWith('.tmp')) continue;
    const stale = join(dirname(path), name);
    const facts = await unlessMissing(stat(stale));
    if (facts !== undefined && nowMs - facts.mtimeMs > staleTempMs)
      await unlessMissing(unlink(stale));
  }
}

/** Choices of {@link replaceFile}. */
export interface ReplaceOptions {
  /** Default: 0600. */
  readonly mode?: number;
  /** Who owns the file afterwards, as far as this process may say so. Default: this process's user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Called when all is ready; what it throws leaves the file as it is. */
  readonly check?: () => Promise<void>;
}

/** Replaces a file as a whole: at every instant the path holds the old or the new text. Durable when it resolves. */
export async function replaceFile(
  path: string,
  text: string,
  { mode = 0o600, owner, check }: ReplaceOptions = {},
): Promise<void> {
  const next = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  await createPrivateFile(next, text, mode);
  try {
    if (owner !== undefined && process.getuid?.() === 0) await chown(next, owner.uid, owner.gid);
    await removeStale(path, next);
    await check?.();
    await rename(next, path);
  } catch (error) {
    await unlessMissing(unlink(next));
    throw error;
  }
  await nodeFileSystem.syncFolder(dirname(path));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Other bytes would be lost by whoever writes the text back. */
function decode(bytes: Uint8Array, path: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SourceError('EFORMAT', `${path} is not text in UTF-8`, { cause });
  }
}

/**
 * Reads a text file; `undefined` when there is none.
 * @param followLinks whether a symbolic link is followed; never for the files of the state folder.
 * @throws SourceError `ETOOLARGE`, `EFORMAT` for what is no file or not UTF-8; or what the file system reports.
 */
export async function readTextFile(
  path: string,
  maxBytes: number = maxSourceBytes,
  followLinks = false,
): Promise<string | undefined> {
  const flags = followLinks ? readFlags & ~constants.O_NOFOLLOW : readFlags;
  const file = await unlessMissing(open(path, flags));
  if (file === undefined) return undefined;
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new SourceError('EFORMAT', `${path} is not a file`);
    if (facts.size > maxBytes)
      throw new SourceError('ETOOLARGE', `${path} is larger than ${maxBytes} bytes`);
    return decode(await file.readFile(), path);
  } finally {
    await file.close();
  }
}
