import { readFileSync, readdirSync } from 'node:fs';

/** Whether a process runs; a dead one that nobody has collected does not. Linux only. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X');
  } catch {
    return false;
  }
}

/** Running processes whose environment holds `text`. Linux only. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text) && isRunning(pid);
      } catch {
        return false;
      }
    });
}

/** Whether a process has set SIGTERM to be ignored. Linux only; true elsewhere. */
export function ignoresSigterm(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return (BigInt(`0x${mask ?? '0'}`) & (1n << 14n)) !== 0n;
}

/** Polls a fact that has no event, every 10 ms until `timeoutMs` (default 10000). */
export async function until(what: string, fact: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!fact()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
}
