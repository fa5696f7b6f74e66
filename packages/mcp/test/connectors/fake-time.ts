import { afterEach, beforeEach, vi } from 'vitest';

/** The wall clock at the start of each test. */
export const START_MS: number = Date.parse('2026-11-20T12:00:00Z');

/** Fake timers around each test of the file; a test that leaves a timer behind fails (S4-B2). */
export function useFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: START_MS });
  });
  afterEach(() => {
    const left = vi.getTimerCount();
    vi.useRealTimers();
    if (left !== 0) throw new Error(`${left} timers were left behind`);
  });
}

/** Moves the fake clock, letting promises settle on the way. */
export async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}
