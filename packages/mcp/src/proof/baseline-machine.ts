import type { MemoryReading } from './baseline-series.ts';

/** Processes of the whole machine that the kernel ended for want of memory, by `/proc/vmstat`. */
export function machineOomKills(vmstat: string | undefined): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(vmstat ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The first line of `/proc/stat`: user, nice, system, idle, waiting for disks, interrupts, stolen. */
export function machineTicks(stat: string | undefined): MemoryReading['machine'] {
  const line = /^cpu +(.*)$/m.exec(stat ?? '')?.[1];
  if (line === undefined) return undefined;
  const ticks = line.split(' ').slice(0, 8).map(Number);
  const allTicks = ticks.reduce((sum, value) => sum + value, 0);
  const [, , , idle = 0, waiting = 0] = ticks;
  return { allTicks, busyTicks: allTicks - idle - waiting };
}
