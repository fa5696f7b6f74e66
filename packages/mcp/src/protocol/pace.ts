import { setImmediate as onNextTurn } from 'node:timers';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The longest a piece of work may hold the event loop, in milliseconds (contract.md, event loop). */
const SLICE_MS = 5;

/** Call it between small steps of long work: it gives the event loop a turn when the slice is used up. */
export type Pace = () => Promise<void> | undefined;

/** Paces one long piece of work that begins now, in slices of 5 ms. */
export function createPace(): Pace {
  let startedAt = performance.now();
  const pause = async (): Promise<void> => {
    await nextTurn();
    startedAt = performance.now();
  };
  return () => {
    if (performance.now() - startedAt < SLICE_MS) return undefined;
    return pause();
  };
}

/** When the first step of this turn of the event loop began; undefined before it. */
let beganAtMs: number | undefined;

/**
 * Whether the slice of 5 ms is used up that much work at the same time has together in one turn of the event loop. The
 * first who asks in a turn has all of it.
 */
export function isTurnUsedUp(): boolean {
  const now = performance.now();
  if (beganAtMs !== undefined) return now - beganAtMs >= SLICE_MS;
  beganAtMs = now;
  // Asked for before what is put off in this turn, and so over before that is tried again.
  onNextTurn(() => {
    beganAtMs = undefined;
  });
  return false;
}

async function untilTurn(): Promise<void> {
  do await nextTurn();
  while (isTurnUsedUp());
}

/**
 * Paces what comes in crowds, the syncs of many connectors and the catalogs built meanwhile: all together have one slice
 * a turn, where each by itself would have one.
 */
export const sharedPace: Pace = () => (isTurnUsedUp() ? untilTurn() : undefined);

/** The last who stands in line. */
let line: Promise<void> = Promise.resolve();

/**
 * Await it before a piece of such work begins: one begins after the other, so that each sees what those before it used up.
 */
// oxlint-disable-next-line typescript/promise-function-async -- a turn of microtasks later the next one would have looked
export function inLine(): Promise<void> {
  line = line.then(sharedPace);
  return line;
}

/** Runs a generator to its end in slices and returns its value; each `yield` is a place to pause. */
export async function runInSlices<T>(
  work: Generator<void, T, void>,
  pace: Pace = createPace(),
): Promise<T> {
  for (;;) {
    await pace();
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
