import { readFileSync } from 'node:fs';
import { childrenOf } from './subject.ts';

const KB_A_MB = 1_024;

/** What a process holds for itself, pages shared with others in parts, in MB; not a number where there is no /proc. */
function proportionalMb(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/mu.exec(text)?.[1]) / KB_A_MB;
  } catch {
    // It has ended, or there is no /proc.
    return Number.NaN;
  }
}

/** The memory of what a process has started, all generations, in MB. */
export function childrenMb(pid: number): number {
  return childrenOf(pid).reduce((sum, one) => sum + proportionalMb(one), 0);
}
