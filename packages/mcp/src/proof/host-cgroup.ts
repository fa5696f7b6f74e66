import type { HostFiles } from './host-files.ts';

/** Share of time in which something waited, in percent over the last 10 and 60 s. */
export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
}

/** Pressure stall information: `some` one task waited, `full` all of them did. */
export interface PressureFacts {
  readonly some: Pressure;
  readonly full: Pressure | undefined;
}

/** Limits and use of a control group (version 2). Undefined: not told. `Infinity`: no limit. */
export interface CgroupFacts {
  readonly path: string;
  readonly memoryMaxBytes: number | undefined;
  readonly memoryHighBytes: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly swapMaxBytes: number | undefined;
  /** Processes that the kernel ended for want of memory. */
  readonly oomKills: number | undefined;
  /** Times the limits `high` and `max` were met. */
  readonly highEvents: number | undefined;
  readonly maxEvents: number | undefined;
  /** Processors' worth of time it may take. */
  readonly cpus: number | undefined;
  readonly memoryPressure: PressureFacts | undefined;
  readonly cpuPressure: PressureFacts | undefined;
}

const ROOT = '/sys/fs/cgroup';

function amount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  if (trimmed === 'max') return Infinity;
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** `200000 100000` is two processors' worth. */
function cpuLimit(text: string | undefined): number | undefined {
  const [quota, period] = text?.trim().split(' ') ?? [];
  if (quota === 'max') return Infinity;
  const cpus = Number(quota) / Number(period);
  return Number.isFinite(cpus) ? cpus : undefined;
}

function counter(events: string | undefined, key: string): number | undefined {
  const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(events ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function pressureLine(text: string, kind: 'some' | 'full'): Pressure | undefined {
  const found = new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+)`, 'm').exec(text);
  if (found === null) return undefined;
  return { avg10: Number(found[1]), avg60: Number(found[2]) };
}

/** The text of a `pressure` file. */
export function parsePressure(text: string | undefined): PressureFacts | undefined {
  if (text === undefined) return undefined;
  const some = pressureLine(text, 'some');
  return some && { some, full: pressureLine(text, 'full') };
}

/** The control group of a process; undefined without version 2 of them. */
export async function cgroupOf(files: HostFiles, pid: number): Promise<CgroupFacts | undefined> {
  const membership = await files.text(`/proc/${pid}/cgroup`);
  const path = /^0::(\/.*)$/m.exec(membership ?? '')?.[1];
  // `..` shows a group outside of our own namespace, whose files we do not see.
  if (path === undefined || path.split('/').includes('..')) return undefined;
  const folder = `${ROOT}${path === '/' ? '' : path}`;
  const read = async (name: string): Promise<string | undefined> =>
    await files.text(`${folder}/${name}`);
  const controllers = await read('cgroup.controllers');
  if (controllers === undefined) return undefined;
  const [max, high, current, swap, events, cpu, memoryPsi, cpuPsi] = await Promise.all(
    [
      'memory.max',
      'memory.high',
      'memory.current',
      'memory.swap.max',
      'memory.events',
      'cpu.max',
      'memory.pressure',
      'cpu.pressure',
    ].map(read),
  );
  return {
    path,
    memoryMaxBytes: amount(max),
    memoryHighBytes: amount(high),
    memoryBytes: amount(current),
    swapMaxBytes: amount(swap),
    oomKills: counter(events, 'oom_kill'),
    highEvents: counter(events, 'high'),
    maxEvents: counter(events, 'max'),
    cpus: cpuLimit(cpu),
    memoryPressure: parsePressure(memoryPsi),
    cpuPressure: parsePressure(cpuPsi),
  };
}

/** The whole machine's memory pressure, for where groups have none of their own. */
export async function machineMemoryPressure(files: HostFiles): Promise<PressureFacts | undefined> {
  return parsePressure(await files.text('/proc/pressure/memory'));
}
