import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  SocketWaits,
  type WaitingForSocket,
} from '../../src/upstream/streamable-http/socket-waits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Waiting extends WaitingForSocket {
  endedAtMs: number | undefined;
}

function waiting(maxWaitMs: number): Waiting {
  return {
    place: -1,
    maxWaitMs,
    waitedMs: 0,
    endedAtMs: undefined,
    gotNoSocket() {
      this.endedAtMs = performance.now();
    },
  };
}

test.for([0, 10, 24])('a wait ends in its time, begun %i ms after a look', (afterMs) => {
  const waits = new SocketWaits();
  const [first, one] = [waiting(10_000), waiting(100)];
  waits.add(first);
  vi.advanceTimersByTime(25 + afterMs);
  const startedAtMs = performance.now();
  waits.add(one);
  vi.advanceTimersByTime(99);
  expect(one.endedAtMs).toBeUndefined();
  vi.advanceTimersByTime(27);
  const waitedMs = (one.endedAtMs ?? 0) - startedAtMs;
  expect(waitedMs).toBeGreaterThanOrEqual(100);
  expect(waitedMs).toBeLessThanOrEqual(126);
  expect(first.endedAtMs).toBeUndefined();
});

test('what got its socket is not ended, and no timer is left behind it', () => {
  const waits = new SocketWaits();
  const one = waiting(100);
  waits.add(one);
  vi.advanceTimersByTime(50);
  waits.delete(one);
  waits.delete(one);
  vi.advanceTimersByTime(500);
  expect(one.endedAtMs).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

test('one timer serves all, however many come and go', () => {
  const waits = new SocketWaits();
  const start = vi.spyOn(globalThis, 'setInterval');
  for (let n = 0; n < 50; n += 1) {
    const one = waiting(100);
    waits.add(one);
    vi.advanceTimersByTime(1);
    waits.delete(one);
  }
  expect(start).toHaveBeenCalledTimes(1);
});

test('the end of one may be that of another', () => {
  const waits = new SocketWaits();
  const other = waiting(100);
  const one: Waiting = { ...waiting(100), gotNoSocket: () => waits.delete(other) };
  waits.add(one);
  waits.add(other);
  vi.advanceTimersByTime(500);
  expect(other.endedAtMs).toBeUndefined();
});
