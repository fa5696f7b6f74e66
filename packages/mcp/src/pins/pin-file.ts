import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** A larger file is not read. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** How long a writer waits for another, and after what a lock counts as left behind. */
const LOCK_WAIT_MS = 5_000;
const LOCK_STALE_MS = 10_000;
const LOCK_POLL_MS = 20;

/** Thrown when another process holds the pins; `code` is stable. */
export class PinLockError extends Error {
  readonly code = 'PINS_LOCKED';
  constructor(path: string) {
    super(`${path} is held by another process; remove it if none is running`);
    this.name = 'PinLockError';
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** What tells one state of the file from the next; undefined while there is none. */
export async function pinFileMark(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The text of the file; undefined when there is none. @throws the error of the file system, or RangeError. */
export async function readPinFile(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path);
    // Opening a pipe would wait for whoever writes to it.
    if (!stats.isFile()) throw new RangeError('it is not a regular file');
    if (stats.size > MAX_FILE_BYTES) throw new RangeError('it is too large');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Replaces the file as a whole, 0600, in its folder, 0700, and has both put on the disk. */
export async function writePinFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const own = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(own, path);
  } catch (error) {
    await rm(own, { force: true });
    throw error;
  }
  const entry = await open(folder, constants.O_RDONLY);
  try {
    await entry.sync();
  } finally {
    await entry.close();
  }
}

/**
 * Keeps a file that cannot be understood under a name that is not taken. It also stays where it is: there must be no
 * moment without a file, which would be taken for a first start.
 * @returns the other name.
 */
export async function keepAside(path: string): Promise<string> {
  const aside = `${path}.damaged-${Date.now()}-${randomBytes(3).toString('hex')}`;
  await copyFile(path, aside, constants.COPYFILE_EXCL);
  await chmod(aside, 0o600);
  return aside;
}

/** False when it is there already. @throws the error of the file system; then none is left. */
async function makeLock(lock: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(lock, 'wx', 0o600);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  try {
    await file.writeFile(String(process.pid));
  } catch (error) {
    await rm(lock, { force: true });
    throw error;
  } finally {
    // One that is left to the collector ends the process.
    await file.close();
  }
  return true;
}

async function tryLock(lock: string): Promise<boolean> {
  if (await makeLock(lock)) return true;
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
  if (Date.now() - mtimeMs > LOCK_STALE_MS) await rm(lock, { force: true });
  return false;
}

/** Runs `use` while no other process that goes through here changes the file. @throws PinLockError */
export async function withPinLock<T>(path: string, use: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lock = `${path}.lock`;
  const until = performance.now() + LOCK_WAIT_MS;
  while (!(await tryLock(lock))) {
    if (performance.now() > until) throw new PinLockError(lock);
    await wait(LOCK_POLL_MS);
  }
  try {
    return await use();
  } finally {
    await rm(lock, { force: true });
  }
}
