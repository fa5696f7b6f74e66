import { setImmediate as nextTurn } from 'node:timers/promises';

/** The longest a piece of work may hold the event loop, in milliseconds (contract.md, event loop). */
export const SLICE_MS = 5;

/** Call it between small steps of long work: it gives the event loop a turn when the slice is used up. */
export type Pace = () => Promise<void> | undefined;

/** @param sliceMs longest uninterrupted run, default 5. */
export function createPace(sliceMs: number = SLICE_MS): Pace {
  let startedAt = performance.now();
  const pause = async (): Promise<void> => {
    await nextTurn();
    startedAt = performance.now();
  };
  return () => {
    if (performance.now() - startedAt < sliceMs) return undefined;
    return pause();
  };
}

/** Runs a generator to its end in slices and returns its value; each `yield` is a place to pause. */
export async function runInSlices<T>(
  work: Generator<void, T, void>,
  sliceMs: number = SLICE_MS,
): Promise<T> {
  const pace = createPace(sliceMs);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await pace();
  }
}
