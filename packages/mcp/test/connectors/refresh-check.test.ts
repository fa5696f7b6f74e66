import { expect, test, vi } from 'vitest';
import { advance, useFakeTime } from './fake-time.ts';
import { bench, failed, INTERVAL, ok } from './refresh-scheduler-fixture.ts';

useFakeTime();

const HALF = (): number => 0.5;

test.for([
  [0, 1_000],
  [0.5, 1_500],
])('checkSoon() with a draw of %d makes one refresh more after %d ms', async ([draw, afterMs]) => {
  const { scheduler, times } = bench({ random: () => draw ?? 0 }, (id, n) => {
    if (n === 1) scheduler.checkSoon(id);
    return ok();
  });
  scheduler.add('a');
  scheduler.start();
  expect(scheduler.running).toBe(true);
  await advance(INTERVAL / 2);
  expect(times()).toEqual([0, afterMs]);
  await scheduler.stop();
  expect(scheduler.running).toBe(false);
});

test('checkSoon() between two refreshes brings the next one forward, once', async () => {
  const { scheduler, times } = bench();
  scheduler.add('a', { ttlMs: undefined });
  scheduler.add('b', { ttlMs: undefined });
  scheduler.start();
  scheduler.checkSoon('a');
  scheduler.checkSoon('a');
  scheduler.checkSoon('nobody');
  expect(vi.getTimerCount()).toBe(1);
  await advance(INTERVAL - 1);
  expect(times('a')).toEqual([1_000]);
  expect(times('b')).toEqual([]);
  await scheduler.stop();
});

test('a refresh for another reason does not stand for the one that checkSoon() asked for', async () => {
  const { scheduler, times } = bench({ random: HALF });
  scheduler.add('a', { ttlMs: undefined });
  scheduler.start();
  scheduler.checkSoon('a');
  scheduler.notifyChanged('a');
  await advance(2_000);
  expect(times()).toEqual([1_000, 1_500]);
  await scheduler.stop();
});

test('a refresh that fails is followed by its retry only', async () => {
  const { scheduler, times } = bench({ random: HALF }, (id, n) => {
    if (n > 1) return ok();
    scheduler.checkSoon(id);
    return failed(20_000);
  });
  scheduler.add('a');
  scheduler.start();
  await advance(19_999);
  expect(times()).toEqual([0]);
  await advance(60_000);
  expect(times()).toHaveLength(2);
  await scheduler.stop();
});

test('remove() and stop() leave nothing of what checkSoon() asked for', async () => {
  const { scheduler, times } = bench();
  scheduler.add('a', { ttlMs: undefined });
  scheduler.add('b', { ttlMs: undefined });
  scheduler.start();
  scheduler.checkSoon('a');
  scheduler.checkSoon('b');
  scheduler.remove('a');
  await scheduler.stop();
  expect(vi.getTimerCount()).toBe(0);
  await advance(10_000);
  expect(times()).toEqual([]);
});
