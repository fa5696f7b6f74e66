import type { HostFiles } from './host-files.ts';

/** What a process holds, in bytes; undefined where it cannot be read. */
export interface ProcessMemory {
  readonly rssBytes: number | undefined;
  /** Its part of what it shares with others, and all that is its own. */
  readonly pssBytes: number | undefined;
}

/** One process as the kernel shows it. */
export interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  /** Ticks since the machine was started: tells a process from a later one of the same number. */
  readonly startedAtTicks: number;
}

/** How a process was started, as far as it may be read. */
export interface ProcessStart {
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string> | undefined;
}

const KIB = 1_024;

/** The number before `kB` in a line of `status` or `smaps_rollup`. */
function kibibytes(text: string | undefined, key: string): number | undefined {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found) * KIB;
}

/** Words between zero bytes. */
function words(text: string): readonly string[] {
  return text.split('\0').filter((word) => word !== '');
}

export async function processMemory(files: HostFiles, pid: number): Promise<ProcessMemory> {
  const [status, rollup] = await Promise.all([
    files.text(`/proc/${pid}/status`),
    files.text(`/proc/${pid}/smaps_rollup`),
  ]);
  return { rssBytes: kibibytes(status, 'VmRSS'), pssBytes: kibibytes(rollup, 'Pss') };
}

/** Undefined when there is no such process. */
export async function processStart(
  files: HostFiles,
  pid: number,
): Promise<ProcessStart | undefined> {
  const [command, environment] = await Promise.all([
    files.text(`/proc/${pid}/cmdline`),
    files.text(`/proc/${pid}/environ`),
  ]);
  if (command === undefined) return undefined;
  const pairs = words(environment ?? '').map((word): [string, string] => {
    const at = word.indexOf('=');
    return [word.slice(0, at), word.slice(at + 1)];
  });
  return { argv: words(command), env: environment === undefined ? undefined : new Map(pairs) };
}

/** The numbers of `stat` behind the name of the program, which may hold blanks and brackets. */
function rowOf(pid: number, stat: string): ProcessRow | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [, parentPid, groupId] = fields.map(Number);
  const startedAtTicks = Number(fields[19]);
  if (parentPid === undefined || groupId === undefined) return undefined;
  return { pid, parentPid, groupId, startedAtTicks };
}

/** Every process that can be seen; none without procfs. */
export async function allProcessRows(files: HostFiles): Promise<readonly ProcessRow[]> {
  const names = await files.names('/proc');
  const rows = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await files.text(`/proc/${name}/stat`);
        return stat === undefined ? undefined : rowOf(Number(name), stat);
      }),
  );
  return rows.filter((row) => row !== undefined);
}

/** What the process groups that these processes lead hold together; undefined where nothing of it can be read. */
export async function groupsMemory(
  files: HostFiles,
  rows: readonly ProcessRow[],
  leaders: readonly number[],
): Promise<ProcessMemory> {
  const members = rows.filter(({ groupId }) => leaders.includes(groupId));
  const memories = await Promise.all(members.map(async ({ pid }) => processMemory(files, pid)));
  return {
    rssBytes: sum(memories.map(({ rssBytes }) => rssBytes)),
    pssBytes: sum(memories.map(({ pssBytes }) => pssBytes)),
  };
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
