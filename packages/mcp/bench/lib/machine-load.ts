import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const TICK_MS = 10;

/** Processor time the whole machine has spent so far, in milliseconds; not a number where there is no /proc. */
export function machineBusyMs(): number {
  try {
    const [, user, nice, system, , , irq, softIrq] =
      readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? [];
    const ticks = [user, nice, system, irq, softIrq].map(Number);
    return ticks.reduce((sum, value) => sum + value, 0) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

const SAMPLE_MS = 100;
/** Of one core. */
const QUIET = 0.2;

/** Waits until others leave the machine alone for a moment, at most `timeoutMs`. */
export async function waitForQuiet(timeoutMs: number): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  do {
    const before = machineBusyMs();
    await delay(SAMPLE_MS);
    const busy = (machineBusyMs() - before) / SAMPLE_MS;
    if (!(busy > QUIET)) return;
  } while (performance.now() < endsAt);
}
