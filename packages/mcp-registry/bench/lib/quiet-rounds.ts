import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';

const tickMs = 10;

/** Processor time the whole machine has spent so far, in ms; not a number where there is no /proc. */
function machineBusyMs(): number {
  try {
    const [, user, nice, system, , , irq, softIrq] =
      readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/u) ?? [];
    const ticks = [user, nice, system, irq, softIrq].map(Number);
    return ticks.reduce((sum, value) => sum + value, 0) * tickMs;
  } catch {
    return Number.NaN;
  }
}

/** Cores that others used during a round beyond which it says more about them than about us. */
const maxForeignCores = 0.3;
const minRounds = 3;
const maxWaitMs = 2_000;
/** What is left of the time that may be spent with waiting in all, so that a busy machine does not keep a bench for long. */
let patienceMs = 20_000;

async function waitForQuiet(): Promise<void> {
  const startedAt = performance.now();
  const endsAt = startedAt + Math.min(maxWaitMs, patienceMs);
  while (performance.now() < endsAt) {
    const before = machineBusyMs();
    await wait(200);
    if (!((machineBusyMs() - before) / 200 > maxForeignCores)) break;
  }
  patienceMs -= performance.now() - startedAt;
}

/** What a round gave, and the processor time of processes it started, in ms. */
export interface RoundOutcome<T> {
  readonly value: T;
  readonly childCpuMs?: number;
}

/**
 * Repeats a measurement, each time when the machine is quiet or after 2 s (20 s in a process in all), and gives the
 * rounds during which others took at most 0.3 cores, or the three least disturbed ones.
 */
export async function quietRounds<T>(
  count: number,
  work: (round: number) => Promise<RoundOutcome<T>>,
): Promise<T[]> {
  const rounds: { readonly value: T; readonly foreign: number }[] = [];
  for (let round = 0; round < count; round++) {
    await waitForQuiet();
    const [startedMs, busyMs, own] = [performance.now(), machineBusyMs(), process.cpuUsage()];
    const { value, childCpuMs = 0 } = await work(round);
    const { user, system } = process.cpuUsage(own);
    const foreignMs = machineBusyMs() - busyMs - (user + system) / 1_000 - childCpuMs;
    rounds.push({ value, foreign: foreignMs / (performance.now() - startedMs) });
  }
  const sorted = rounds.toSorted((a, b) => a.foreign - b.foreign);
  const quiet = sorted.filter(({ foreign }) => !(foreign > maxForeignCores));
  return (quiet.length >= minRounds ? quiet : sorted.slice(0, minRounds)).map(({ value }) => value);
}
