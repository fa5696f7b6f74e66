import { readdir, readFile, readlink } from 'node:fs/promises';

/** Who holds the lock of a registry, as far as this machine tells. */
export interface LockHolder {
  readonly pid: number;
  /** The holder's program and what it runs. */
  readonly command: string;
}

const maxCommand = 200;
/** Processes and open files of one that are looked at. */
const maxProcesses = 10_000;
const maxFiles = 256;

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
  const words = text.split('\0').filter((word) => word !== '');
  // Arguments can hold secrets: the program and the first words after it say enough.
  return words.slice(0, 3).join(' ').slice(0, maxCommand);
}

async function holds(pid: number, path: string): Promise<boolean> {
  try {
    const files = (await readdir(`/proc/${pid}/fd`)).slice(0, maxFiles);
    for (const file of files) {
      if ((await readlink(`/proc/${pid}/fd/${file}`)) === path) return true;
    }
  } catch {
    // Another user's process, or one that has just ended.
  }
  return false;
}

/**
 * The process that has the lock file open, from Linux's list of processes. Its table of locks does not help: it names
 * the program that took the lock for the holder, and that has ended.
 * @param path absolute, without symbolic links. @returns undefined on other systems, and for another user's process.
 */
export async function findLockHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));
    for (const pid of pids.slice(-maxProcesses)) {
      if (await holds(pid, path)) return { pid, command: await commandOf(pid) };
    }
  } catch {
    // No such list on this system, or the holder has just ended: who it is stays unknown.
  }
  return undefined;
}
