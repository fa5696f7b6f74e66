import { spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const FIRST_POLL_MS = 5;
const LAST_POLL_MS = 50;
const SCAN_EVERY_MS = 250;

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Signals every process of a group. A group that is gone already is no error. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') {
    const force = signal === 'SIGKILL' ? ['/F'] : [];
    spawn('taskkill', ['/PID', String(groupId), '/T', ...force], { stdio: 'ignore' }).on(
      'error',
      () => undefined, // taskkill is missing: the caller sees that the group remains
    );
    return;
  }
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    if (!isErrno(error, 'ESRCH') && !isErrno(error, 'EPERM')) throw error;
  }
}

/** Process state and group of `/proc/<pid>/stat`; the command in the middle may contain anything. */
async function isLivingMember(pid: string, groupId: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === String(groupId) && state !== 'Z' && state !== 'X';
  } catch {
    return false; // it ended while we looked
  }
}

/** Whether the group has any process, dead ones that nobody has collected included. */
function groupExists(groupId: number): boolean {
  try {
    process.kill(process.platform === 'win32' ? groupId : -groupId, 0);
    return true;
  } catch (error) {
    return !isErrno(error, 'ESRCH');
  }
}

/**
 * Whether the group has a process that still runs. Dead ones that nobody has collected (under a container's
 * careless process 1) do not count where /proc tells them apart.
 */
export async function groupRemains(groupId: number): Promise<boolean> {
  if (!groupExists(groupId)) return false;
  if (process.platform !== 'linux') return true;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const living = await Promise.all(pids.map(async (pid) => isLivingMember(pid, groupId)));
  return living.includes(true);
}

/** Waits until the group is empty. False when `timeoutMs` passed first. */
export async function groupGone(groupId: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let nextScanAt = performance.now() + SCAN_EVERY_MS;
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_POLL_MS)) {
    if (!groupExists(groupId)) return true;
    const now = performance.now();
    const last = now + pauseMs > deadline;
    // Reading all of /proc is for the rare group that only its dead keep in existence.
    if ((last || now >= nextScanAt) && !(await groupRemains(groupId))) return true;
    if (now >= nextScanAt) nextScanAt = now + SCAN_EVERY_MS;
    if (last) return false;
    await delay(pauseMs);
  }
}
