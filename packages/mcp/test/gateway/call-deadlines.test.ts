import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallDeadlines, type TimedCall } from '../../src/gateway/call/call-deadlines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface TestCall extends TimedCall {
  lastProgressAtMs: number;
  waiting: boolean;
  expiredAfterMs: number | undefined;
  silent: boolean | undefined;
}

function call(idleTimeoutMs: number, maxCallMs: number): TestCall {
  const startedAtMs = performance.now();
  return {
    place: -1,
    startedAtMs,
    lastProgressAtMs: startedAtMs,
    idleTimeoutMs,
    maxCallMs,
    waiting: false,
    tick: () => undefined,
    expiredAfterMs: undefined,
    silent: undefined,
    expire(waitedMs, silent) {
      this.expiredAfterMs = waitedMs;
      this.silent = silent;
    },
  };
}

test('a call without progress expires at its idle timeout, within a tick', () => {
  const deadlines = new CallDeadlines();
  const silent = call(60_000, 600_000);
  deadlines.add(silent);
  vi.advanceTimersByTime(59_900);
  expect(silent.expiredAfterMs).toBeUndefined();
  vi.advanceTimersByTime(600);
  expect(silent.expiredAfterMs).toBeGreaterThanOrEqual(60_000);
  expect(silent.expiredAfterMs).toBeLessThan(60_500);
  expect(deadlines.size).toBe(0);
});

test('progress resets the idle timeout, and the hard cap ends even a busy call', () => {
  const deadlines = new CallDeadlines();
  const busy = call(60_000, 600_000);
  deadlines.add(busy);
  for (let minute = 0; minute < 19; minute += 1) {
    vi.advanceTimersByTime(30_000);
    busy.lastProgressAtMs = performance.now();
  }
  expect(busy.expiredAfterMs).toBeUndefined();
  vi.advanceTimersByTime(30_500);
  expect(busy.expiredAfterMs).toBeGreaterThanOrEqual(600_000);
});

test('a server that never said anything was silent, whichever time ends its call (T4)', () => {
  const deadlines = new CallDeadlines();
  const [hung, busy, asked] = [call(60_000, 5_000), call(60_000, 5_000), call(60_000, 5_000)];
  for (const one of [hung, busy, asked]) deadlines.add(one);
  asked.waiting = true;
  vi.advanceTimersByTime(3_000);
  busy.lastProgressAtMs = performance.now();
  vi.advanceTimersByTime(2_500);
  expect([hung.silent, busy.silent, asked.silent]).toEqual([true, false, false]);
});

test('no timer is left a look after nothing is in flight', () => {
  const deadlines = new CallDeadlines();
  const one = call(60_000, 600_000);
  const two = call(60_000, 600_000);
  deadlines.add(one);
  deadlines.add(two);
  expect(vi.getTimerCount()).toBe(1);
  deadlines.delete(one);
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(1);
  deadlines.delete(two);
  deadlines.delete(two);
  vi.advanceTimersByTime(250);
  expect(vi.getTimerCount()).toBe(0);
});

test('one caller at a time does not start a timer with each call', () => {
  const deadlines = new CallDeadlines();
  const start = vi.spyOn(globalThis, 'setInterval');
  for (let n = 0; n < 10; n += 1) {
    const one = call(60_000, 600_000);
    deadlines.add(one);
    vi.advanceTimersByTime(10);
    deadlines.delete(one);
  }
  expect(start).toHaveBeenCalledTimes(1);
  const last = call(60_000, 600_000);
  vi.advanceTimersByTime(500);
  deadlines.add(last);
  vi.advanceTimersByTime(60_500);
  expect(last.expiredAfterMs).toBeGreaterThanOrEqual(60_000);
});

test('a call that waits for its client has no idle timeout, only the hard cap', () => {
  const deadlines = new CallDeadlines();
  const asking = call(60_000, 600_000);
  asking.waiting = true;
  deadlines.add(asking);
  vi.advanceTimersByTime(599_000);
  expect(asking.expiredAfterMs).toBeUndefined();
  vi.advanceTimersByTime(1_500);
  expect(asking.expiredAfterMs).toBeGreaterThanOrEqual(600_000);
});
