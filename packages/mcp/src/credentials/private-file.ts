import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The text of a file; undefined when there is none. @throws RangeError when it is larger, or no regular file. */
export async function readPrivateFile(
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string; readonly mode: number } | undefined> {
  let handle: FileHandle;
  try {
    // Opening a pipe would wait for whoever writes to it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = await handle.stat();
    const { size, mode } = stats;
    if (!stats.isFile()) throw new RangeError(`${path} is not a regular file`);
    if (size > maxBytes) throw new RangeError(`${path} is larger than ${maxBytes} bytes`);
    return { text: await handle.readFile('utf8'), mode: mode & 0o777 };
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a file of its own beside the real one, whole and on disk. */
async function writeBeside(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.${randomBytes(9).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Replaces a file, mode 0600: readers and a power cut see the old text or the new one. */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  const temporary = await writeBeside(path, text);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a file, mode 0600. @returns false when there is one already; it is left as it is. */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  const temporary = await writeBeside(path, text);
  try {
    await link(temporary, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

export interface FileLockOptions {
  /** How long to wait for others. */
  readonly waitMs: number;
  /** A lock this old was left behind by a process that died. */
  readonly staleMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

async function tryLock(path: string, staleMs: number): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > staleMs) await rm(path, { force: true });
  } catch (error) {
    // Gone by now: the next try has it.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return false;
}

/**
 * Runs `work` while no other process does the same under this path. When the lock cannot be had in time, it runs
 * nevertheless: a request for tokens that is made twice costs one login at worst, one that is never made costs all.
 */
export async function withFileLock<T>(
  path: string,
  options: FileLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const endsAtMs = performance.now() + options.waitMs;
  let locked = await tryLock(path, options.staleMs);
  while (!locked && performance.now() < endsAtMs) {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 25 + options.random() * 50);
    await promise;
    locked = await tryLock(path, options.staleMs);
  }
  try {
    return await work();
  } finally {
    if (locked) await rm(path, { force: true });
  }
}
