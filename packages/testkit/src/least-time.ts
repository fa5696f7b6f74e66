export interface LeastTimeOptions {
  /** No more rounds once one took less. */
  readonly belowMs: number;
  /** Default: 5. */
  readonly rounds?: number;
}

/**
 * The least of the milliseconds that `measure` resolves to, in up to `rounds` rounds. For waits that must be short: a
 * machine that stalls makes some rounds slow, a defect makes all of them slow.
 */
export async function leastMs(
  measure: () => Promise<number>,
  options: LeastTimeOptions,
): Promise<number> {
  const { belowMs, rounds = 5 } = options;
  let least = Infinity;
  for (let round = 0; round < rounds && least >= belowMs; round += 1) {
    least = Math.min(least, await measure());
  }
  return least;
}
