import type { Replica } from './replica.ts';

export interface FirstOfOptions<T> {
  /** One that says nothing for this long has the next one asked beside it. Infinity: only after a failure. */
  readonly hedgeMs: number;
  readonly signal: AbortSignal;
  readonly run: (replica: Replica, signal: AbortSignal) => Promise<T>;
  readonly failed: (replica: Replica, error: unknown) => void;
}

/**
 * Asks one replica after the other until one has answered; the first error is thrown when all have failed, or the
 * signal's when it ends the asking.
 */
export async function firstOf<T>(
  replicas: readonly Replica[],
  options: FirstOfOptions<T>,
): Promise<{ readonly won: Replica; readonly value: T }> {
  const { hedgeMs, signal, run, failed } = options;
  const { promise, resolve, reject } = Promise.withResolvers<{ won: Replica; value: T }>();
  let started = 0;
  let ended = 0;
  let isOver = false;
  let first: unknown;
  let timer: NodeJS.Timeout | undefined;

  async function ask(replica: Replica): Promise<void> {
    try {
      const value = await run(replica, signal);
      isOver = true;
      resolve({ won: replica, value });
    } catch (error) {
      ended += 1;
      first ??= error;
      failed(replica, error);
      if (isOver) return;
      if (started < replicas.length && !signal.aborted) next();
      else if (ended === started) reject(first);
    }
  }

  function next(): void {
    clearTimeout(timer);
    const replica = replicas[started];
    if (replica === undefined || isOver) return;
    started += 1;
    if (Number.isFinite(hedgeMs)) timer = setTimeout(next, hedgeMs);
    void ask(replica);
  }

  next();
  try {
    return await promise;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
