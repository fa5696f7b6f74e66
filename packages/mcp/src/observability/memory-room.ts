import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** What a process shares with all others that count against the same limit of memory, in bytes. */
export interface MemoryRoom {
  readonly limitBytes: number;
  /** Taken by all of them, caches left out that the kernel takes back first. */
  readonly usedBytes: number;
}

/** The files of one version of control groups. */
interface Hierarchy {
  readonly root: string;
  /** The kernel ends a process at one, and slows the group down at the other; the lower one counts. */
  readonly limits: readonly string[];
  readonly usage: string;
  /** Of `memory.stat`: pages of files nobody has used for a while. */
  readonly cache: string;
}

const V1: Hierarchy = {
  root: '/sys/fs/cgroup/memory',
  limits: ['memory.limit_in_bytes'],
  usage: 'memory.usage_in_bytes',
  cache: 'total_inactive_file',
};
const V2: Hierarchy = {
  root: '/sys/fs/cgroup',
  limits: ['memory.max', 'memory.high'],
  usage: 'memory.current',
  cache: 'inactive_file',
};
/** Groups within groups that are looked at. */
const MAX_DEPTH = 32;

/** Reads a file; undefined when it is not there or not for us. */
type Read = (path: string) => Promise<string | undefined>;

async function plainText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not on this system, or not for us: not known.
    return undefined;
  }
}

/** `max` of version 2 is no number, and so no limit. */
function bytesOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function field(text: string | undefined, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0);
}

/** The group of this process: where memory is counted by version 1 there is a line of it, else the one of version 2. */
function membership(text: string): { hierarchy: Hierarchy; path: string } | undefined {
  const old = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(text)?.[1];
  const path = old ?? /^0::(\/.*)$/m.exec(text)?.[1];
  if (path === undefined) return undefined;
  // `..` leads out of our own namespace; what we see then begins at the root.
  const own = path.split('/').includes('..') ? '/' : path;
  return { hierarchy: old === undefined ? V2 : V1, path: own };
}

async function groupRoom(
  read: Read,
  { limits, usage, cache }: Hierarchy,
  folder: string,
): Promise<MemoryRoom | undefined> {
  const [used, stat, ...given] = await Promise.all(
    [usage, 'memory.stat', ...limits].map(async (name) => await read(join(folder, name))),
  );
  const taken = bytesOf(used);
  const limitBytes = Math.min(...given.map((text) => bytesOf(text) ?? Infinity));
  if (taken === undefined || limitBytes === 0) return undefined;
  return { limitBytes, usedBytes: Math.max(0, taken - field(stat, cache)) };
}

/** The machine itself. */
async function machineRoom(read: Read): Promise<MemoryRoom> {
  const limitBytes = totalmem();
  const available = field(
    (await read('/proc/meminfo'))?.replaceAll(/: +(\d+) kB/g, ' $1'),
    'MemAvailable',
  );
  const freeBytes = available === 0 ? freemem() : available * 1024;
  return { limitBytes, usedBytes: Math.max(0, limitBytes - freeBytes) };
}

function isTighter(one: MemoryRoom, other: MemoryRoom): boolean {
  return one.usedBytes / one.limitBytes > other.usedBytes / other.limitBytes;
}

/**
 * The limit this process is nearest to, of its control group and those around it (versions 1 and 2), else of the
 * machine: where the kernel ends a process for want of memory, which may be another one than this. Never rejects.
 * @param read default: files of this machine.
 */
export async function readMemoryRoom(read: Read = plainText): Promise<MemoryRoom> {
  const machine = await machineRoom(read);
  const found = membership((await read('/proc/self/cgroup')) ?? '');
  if (found === undefined) return machine;
  const { hierarchy, path } = found;
  let tightest: MemoryRoom | undefined;
  let group = path;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const room = await groupRoom(read, hierarchy, join(hierarchy.root, group));
    // Without a limit the kernel gives a number beyond any machine.
    const isLimited = room !== undefined && room.limitBytes < machine.limitBytes;
    if (isLimited && (tightest === undefined || isTighter(room, tightest))) tightest = room;
    if (group === '/') break;
    group = dirname(group);
  }
  return tightest ?? machine;
}
