import { setTimeout as wait } from 'node:timers/promises';

/** The first pass is over by then, or waits for servers that are slow. */
const OPEN_DELAY_MS = 2_000;

/** Waits before a registry is opened that nobody has asked for, or until somebody has. */
export async function registryRest(
  delayMs: number = OPEN_DELAY_MS,
  until?: AbortSignal,
): Promise<void> {
  try {
    await wait(delayMs, undefined, { ref: false, ...(until && { signal: until }) });
  } catch {
    // Somebody wants the registry, and `open` has begun what comes next; or the service closes, which forbids it.
  }
}
