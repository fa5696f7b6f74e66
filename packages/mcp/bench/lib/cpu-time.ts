import { readFileSync } from 'node:fs';

/** Length of a tick of /proc, in milliseconds; 100 a second on every Linux of today. */
const TICK_MS = 10;

/** User and system time of a process so far, in milliseconds; not a number where there is no /proc. */
export function cpuMsOf(pid: number): number {
  try {
    // After the program's name, which may hold spaces; then state is the first field.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}
