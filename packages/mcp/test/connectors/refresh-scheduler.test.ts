import { expect, test, vi } from 'vitest';
import {
  RefreshScheduler,
  type RefreshSchedulerOptions,
} from '../../src/connectors/refresh/refresh-scheduler.ts';
import { advance, useFakeTime } from './fake-time.ts';
import { bench, failed, INTERVAL, MINUTE, ok, seeded } from './refresh-scheduler-fixture.ts';

useFakeTime();

test('defect 9: nothing runs before start(), and the first refresh comes at once', async () => {
  const { scheduler, times } = bench();
  scheduler.add('a');
  expect(vi.getTimerCount()).toBe(0);
  await advance(10 * MINUTE);
  expect(times()).toEqual([]);
  scheduler.start();
  scheduler.start();
  expect(vi.getTimerCount()).toBe(1);
  await advance(0);
  expect(times()).toEqual([10 * MINUTE]);
  await scheduler.stop();
});

test('RefreshScheduler has one timer for any number of connectors, none after stop() (S4-B2)', async () => {
  const { scheduler, times } = bench({ random: seeded(1) });
  for (let i = 0; i < 500; i += 1) scheduler.add(`c${i}`);
  scheduler.start();
  for (let i = 0; i < 20; i += 1) {
    await advance(MINUTE);
    expect(vi.getTimerCount()).toBe(1);
  }
  expect(times().length).toBeGreaterThanOrEqual(500 * 5);
  await scheduler.stop();
  expect(vi.getTimerCount()).toBe(0);
  const before = times().length;
  await advance(60 * MINUTE);
  expect(times()).toHaveLength(before);
});

test('a refresh that throws, early or late, never ends the schedule (S4-24, S4-B1)', async () => {
  const seen: unknown[] = [];
  let n = 0;
  const scheduler = new RefreshScheduler({
    intervalMs: 10_000,
    random: () => 0,
    onRefresh: () => {
      n += 1;
      if (n === 1) throw new Error('early');
      return Promise.reject(n === 2 ? new Error('late') : 'text');
    },
    onError: (id, error) => {
      seen.push(`${id} ${String(error)}`);
      throw new Error('reporter broken');
    },
  });
  scheduler.add('a');
  scheduler.start();
  await advance(1_000);
  expect(seen.slice(0, 3)).toEqual(['a Error: early', 'a Error: late', 'a text']);
  await scheduler.stop();
});

test('defect 8: forceRefresh() moves the timer and never adds one', async () => {
  const { scheduler, times } = bench();
  scheduler.add('a', { ttlMs: undefined });
  scheduler.start();
  for (let i = 0; i < 10; i += 1) {
    void scheduler.forceRefresh();
    expect(vi.getTimerCount()).toBe(1);
  }
  await advance(0);
  expect(times()).toEqual([0]);
  expect(vi.getTimerCount()).toBe(1);
  await advance(INTERVAL - 1);
  expect(times()).toEqual([0]);
  await advance(1);
  expect(times()).toEqual([0, INTERVAL]);
  await scheduler.stop();
  await advance(60 * MINUTE);
  expect(times()).toHaveLength(2);
});

test('forceRefresh() resolves when its refreshes have ended, for one or for all', async () => {
  const gates = new Map<string, () => void>();
  const { scheduler, times } = bench({}, async (id) => {
    await new Promise<void>((resolve) => gates.set(id, resolve));
    return failed();
  });
  scheduler.add('a', { ttlMs: undefined });
  scheduler.add('b', { ttlMs: undefined });
  scheduler.start();
  let done = 0;
  void scheduler.forceRefresh('a').then(() => (done += 1));
  void scheduler.forceRefresh().then(() => (done += 10));
  await scheduler.forceRefresh('unknown');
  await advance(0);
  expect(times()).toHaveLength(2);
  gates.get('a')?.();
  await advance(0);
  expect(done).toBe(1);
  gates.get('b')?.();
  await advance(0);
  expect(done).toBe(11);
  await scheduler.stop();
  await scheduler.forceRefresh();
  expect(times()).toHaveLength(2);
});

test('defect 8: a connector is never refreshed twice at once; a forced one follows the running one', async () => {
  let running = 0;
  let most = 0;
  const { scheduler, times } = bench({}, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    running -= 1;
    return ok();
  });
  scheduler.add('a');
  scheduler.start();
  await advance(500);
  expect(scheduler.dueInMs('a')).toBe(0);
  const forced = [scheduler.forceRefresh('a'), scheduler.forceRefresh('a')];
  scheduler.notifyChanged('a');
  await advance(4_000);
  await Promise.all(forced);
  // A timer of 0 ms takes 1 ms.
  expect(times()).toEqual([0, 2_001]);
  expect(most).toBe(1);
  await scheduler.stop();
});

test('a connector removed and added again waits for its earlier refresh to end', async () => {
  let running = 0;
  let most = 0;
  const { scheduler, times } = bench({}, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    running -= 1;
    return ok();
  });
  scheduler.add('a');
  scheduler.start();
  await advance(500);
  scheduler.remove('a');
  scheduler.add('a');
  scheduler.add('a');
  await advance(1_499);
  expect(times()).toEqual([0]);
  await advance(2_501);
  expect(times()).toEqual([0, 2_000]);
  expect(most).toBe(1);
  await scheduler.stop();
});

test('notifyChanged() is debounced from the first of a burst, so that a storm cannot postpone it (M10)', async () => {
  const { scheduler, times } = bench({ debounceMs: 5 });
  scheduler.add('a', { ttlMs: undefined });
  scheduler.start();
  for (let i = 0; i < 30; i += 1) {
    scheduler.notifyChanged('a');
    await advance(50);
  }
  scheduler.notifyChanged('unknown');
  expect(times()).toEqual([1_000]);
  await scheduler.stop();
});

test('notifyChanged() causes at most maxChangesPerMinute refreshes, of that connector only (M10)', async () => {
  const { scheduler, times } = bench({ maxChangesPerMinute: 5, intervalMs: 60 * MINUTE });
  scheduler.add('storm', { ttlMs: undefined });
  scheduler.add('calm', { ttlMs: undefined });
  scheduler.start();
  for (let i = 0; i < 600; i += 1) {
    scheduler.notifyChanged('storm');
    await advance(500);
  }
  scheduler.notifyChanged('calm');
  await advance(1_000);
  const at = times('storm');
  for (let i = 5; i < at.length; i += 1) {
    expect((at[i] ?? 0) - (at[i - 5] ?? 0)).toBeGreaterThanOrEqual(MINUTE);
  }
  expect(at.length).toBeGreaterThanOrEqual(20);
  expect(times('calm')).toEqual([301_000]);
  await scheduler.stop();
});

test('a change noticed during a refresh is followed by another refresh', async () => {
  const { scheduler, times } = bench({}, async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return ok();
  });
  scheduler.add('a');
  scheduler.start();
  await advance(100);
  scheduler.notifyChanged('a');
  await advance(2_000);
  expect(times()).toEqual([0, 1_300]);
  await scheduler.stop();
});

test('defect 9: stop() signals and awaits running refreshes; start() takes up again (S4-24)', async () => {
  const signals: AbortSignal[] = [];
  let ended = false;
  const scheduler = new RefreshScheduler({
    random: () => 0,
    onRefresh: async (_, signal) => {
      signals.push(signal);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended = true;
      return failed();
    },
  });
  scheduler.add('a');
  scheduler.start();
  await advance(0);
  const follow = scheduler.forceRefresh('a');
  let stopped = false;
  const stopping = scheduler.stop().then(() => (stopped = true));
  await follow;
  await advance(49);
  expect([ended, stopped]).toEqual([false, false]);
  await advance(1);
  await stopping;
  expect([ended, stopped, signals[0]?.aborted]).toEqual([true, true, true]);
  await scheduler.stop();
  expect(vi.getTimerCount()).toBe(0);
  scheduler.start();
  await advance(0);
  expect(signals).toHaveLength(2);
  const again = scheduler.stop();
  await advance(50);
  await again;
});

test('remove() ends the connector: signal, waiters and schedule', async () => {
  const { scheduler, times } = bench();
  for (const id of ['a', 'b', 'c']) scheduler.add(id, { ttlMs: undefined });
  scheduler.start();
  const waiting = scheduler.forceRefresh('a');
  scheduler.remove('a');
  scheduler.remove('unknown');
  await waiting;
  expect(scheduler.dueInMs('a')).toBeUndefined();
  await advance(INTERVAL);
  expect(times('a')).toEqual([]);
  expect(times('b')).toEqual([INTERVAL]);
  scheduler.remove('b');
  scheduler.remove('c');
  expect(vi.getTimerCount()).toBe(0);
  await scheduler.stop();
});

const making = (options: Partial<RefreshSchedulerOptions>) => () => bench(options);

test('RefreshScheduler refuses an interval that is not positive and a jitter outside 0 to 1 (S4-B1)', () => {
  for (const intervalMs of [0, -1, Number.NaN, Infinity]) {
    expect(making({ intervalMs })).toThrow(/intervalMs/);
  }
  expect(making({ jitterFactor: 1.1 })).toThrow(/jitterFactor/);
  expect(making({ jitterFactor: Number.NaN })).toThrow(RangeError);
});
