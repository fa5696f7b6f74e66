import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';

/** Longest stretch of work between two turns of the event loop. */
const sliceMs = 2;

/** Cuts long work into slices. Ask `due` in the loop; when it is, await `turn`. */
export interface TimeSlice {
  due(): boolean;
  turn(): Promise<void>;
}

/**
 * A slice clock. With `paced`, each slice is followed by an equally long rest, so that background work takes at most
 * half of the thread.
 */
export function createTimeSlice(
  options: { readonly paced: boolean } = { paced: false },
): TimeSlice {
  let started = performance.now();
  return {
    due: () => performance.now() - started >= sliceMs,
    turn: async () => {
      await (options.paced ? wait(sliceMs) : nextTurn());
      started = performance.now();
    },
  };
}
