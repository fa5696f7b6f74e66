import { readdirSync, readFileSync } from 'node:fs';

/** One process as /proc shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  /** Process group and session, by which children of a dead parent can still be found. */
  readonly pgid: number;
  readonly session: number;
  /** `R`, `S`, `Z` …, see proc(5). */
  readonly state: string;
  readonly command: string;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process ended while /proc was read.
    return undefined;
  }
}

function readProcess(pid: number): ProcessEntry | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the name in parentheses and may itself hold spaces and parentheses.
  const [state = '?', ppid, pgid, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const command = readText(`/proc/${pid}/cmdline`) ?? '';
  return {
    pid,
    ppid: Number(ppid),
    pgid: Number(pgid),
    session: Number(session),
    state,
    command: command.replaceAll('\0', ' ').trim(),
  };
}

function requireProc(): void {
  if (process.platform === 'linux') return;
  throw new Error(`reading the process tree needs Linux /proc, this is ${process.platform}`);
}

/** Every process there is, zombies included. Linux only: throws elsewhere. */
export function allProcesses(): readonly ProcessEntry[] {
  requireProc();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry) => entry !== undefined);
}

/** The living descendants of a process, nearest first, without itself and without zombies. Linux only. */
export function processTree(pid: number): readonly ProcessEntry[] {
  const alive = allProcesses().filter((entry) => entry.state !== 'Z');
  const found: ProcessEntry[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const generation = alive.filter((entry) => parents.has(entry.ppid));
    found.push(...generation);
    parents = new Set(generation.map((entry) => entry.pid));
  }
  return found;
}

/** How many living descendants a process has. Linux only. */
export function countChildren(pid: number): number {
  return processTree(pid).length;
}

/** Whether a process runs; a zombie does not. Linux only. */
export function isAlive(pid: number): boolean {
  requireProc();
  const entry = readProcess(pid);
  return entry !== undefined && entry.state !== 'Z';
}
