import { setTimeout as delay } from 'node:timers/promises';

export interface WaitUntilOptions {
  /** Only guards against a hang, so a machine that others load must not reach it. Default: 20000. */
  readonly timeoutMs?: number;
  /** What was waited for, used in the error. */
  readonly describe: string;
}

const INTERVAL_MS = 5;

/**
 * Polls until the condition holds; for facts that have no event, such as a process being gone.
 * Rejects with code `WAIT_TIMEOUT` and the description after `timeoutMs`. A condition that throws ends the wait.
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: WaitUntilOptions,
): Promise<void> {
  const { timeoutMs = 20_000, describe } = options;
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= end) {
      const error = new Error(`waited ${timeoutMs} ms, still not true: ${describe}`);
      throw Object.assign(error, { code: 'WAIT_TIMEOUT' });
    }
    await delay(INTERVAL_MS);
  }
}
