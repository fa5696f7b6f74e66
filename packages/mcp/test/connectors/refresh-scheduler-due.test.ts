import { expect, test, vi } from 'vitest';
import { RefreshScheduler } from '../../src/connectors/refresh/refresh-scheduler.ts';
import { advance, useFakeTime } from './fake-time.ts';
import { bench, failed, INTERVAL, MINUTE, ok, seeded } from './refresh-scheduler-fixture.ts';

useFakeTime();

test('defect 9: the TTL of a connector in demand decides: ttl × U[0.75, 0.90), never after expiry (M6)', async () => {
  for (const [draw, atMs] of [
    [0, 45_000],
    [0.5, 49_500],
    [0.999_999, 54_000],
  ] as const) {
    const { scheduler, times } = bench({ random: () => draw });
    scheduler.add('a', { ttlMs: MINUTE });
    scheduler.start();
    scheduler.noteDemand('a');
    await advance(MINUTE);
    expect(times().map((ms) => Math.ceil(ms / 10) * 10)).toEqual([atMs]);
    await scheduler.stop();
  }
});

test('the interval is a cap, and jitter only takes off it: [0.8, 1] × interval (S4-24, S4-B1)', async () => {
  const random = seeded(7);
  const { scheduler, times } = bench({ random }, () => ok(24 * 60 * MINUTE));
  scheduler.add('a');
  scheduler.start();
  for (let i = 0; i < 24 * 60; i += 1) {
    scheduler.noteDemand('a');
    await advance(MINUTE);
  }
  const gaps = times()
    .map((ms, i) => ms - (times()[i - 1] ?? 0))
    .slice(1);
  expect(gaps.length).toBeGreaterThan(280);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(INTERVAL + 1);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.8 * INTERVAL);
  expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(0.15 * INTERVAL);
  await scheduler.stop();
});

test('a connector nobody asked for in two TTLs is refreshed at the interval only (M6)', async () => {
  const { scheduler, times } = bench({}, () => ok(MINUTE));
  scheduler.add('idle');
  scheduler.add('busy');
  scheduler.start();
  for (let i = 0; i < 20; i += 1) {
    scheduler.noteDemand('busy');
    await advance(30_000);
  }
  expect(times('idle')).toEqual([0, INTERVAL, 2 * INTERVAL]);
  expect(times('busy').length).toBeGreaterThanOrEqual((10 * MINUTE) / 45_000 - 1);
  const before = times('busy').length;
  // Demand ends: at most the two TTLs it still counts for, then the interval.
  await advance(3 * MINUTE);
  expect(times('busy').length - before).toBeLessThanOrEqual(3);
  const later = times('busy').length;
  await advance(20 * MINUTE);
  expect(times('busy').length - later).toBe(4);
  await scheduler.stop();
});

test('noteDemand() brings an idle connector forward to its TTL, or to soon when that is over', async () => {
  const { scheduler, times } = bench({ minDelayMs: 100 });
  scheduler.add('a', { ttlMs: 40_000 });
  scheduler.add('b', { ttlMs: 40_000 });
  scheduler.start();
  scheduler.noteDemand('unknown');
  scheduler.noteDemand('a');
  expect(scheduler.dueInMs('a')).toBe(30_000);
  expect(scheduler.dueInMs('b')).toBe(INTERVAL);
  await advance(60_000);
  expect(times('a')).toEqual([30_000]);
  scheduler.noteDemand('b');
  await advance(100);
  expect(times('b')).toEqual([60_100]);
  await scheduler.stop();
});

test('a TTL of 0 or a tiny one is no order to poll (MCP 2026-07-28, caching)', async () => {
  const { scheduler, times } = bench({}, (id) => ok(id === 'zero' ? 0 : 50));
  scheduler.add('zero');
  scheduler.add('tiny');
  scheduler.start();
  for (let i = 0; i < 600; i += 1) {
    scheduler.noteDemand('zero');
    scheduler.noteDemand('tiny');
    await advance(100);
  }
  expect(times('zero')).toEqual([0]);
  expect(times('tiny').length).toBeLessThanOrEqual(13);
  await scheduler.stop();
});

test('failures back off with full jitter to the lesser of TTL and 300 s, and success resets (M6)', async () => {
  const { scheduler, times } = bench({ random: () => 0.999_999 }, (_, n) =>
    n === 1 ? ok(16_000) : n <= 8 ? failed() : ok(16_000),
  );
  scheduler.add('a');
  scheduler.start();
  await advance(1);
  void scheduler.forceRefresh('a');
  await advance(2 * MINUTE);
  const gaps = times().map((ms, i) => Math.round((ms - (times()[i - 1] ?? 0)) / 100) / 10);
  expect(gaps.slice(2)).toEqual([1, 2, 4, 8, 16, 16, 16]);
  await scheduler.stop();
  const other = bench({ random: () => 0.999_999 }, () => failed());
  other.scheduler.add('a');
  other.scheduler.start();
  await advance(60 * MINUTE);
  const last = other.times().slice(-2);
  expect(Math.round((last[1] ?? 0) - (last[0] ?? 0))).toBe(300_000);
  await other.scheduler.stop();
});

test('Retry-After is honoured and capped, from a result and from what was thrown (M6)', async () => {
  const { scheduler, times } = bench({}, (id, n) => {
    if (n > 1) return ok();
    if (id === 'thrown') throw Object.assign(new Error('429'), { retryAfterMs: 20_000 });
    return failed(id === 'greedy' ? 1e9 : 10_000);
  });
  for (const id of ['result', 'thrown', 'greedy']) scheduler.add(id);
  scheduler.start();
  await advance(6_000);
  scheduler.notifyChanged('result');
  await advance(MINUTE);
  expect(times('result')).toEqual([0, 10_000]);
  expect(times('thrown')).toEqual([0, 20_000]);
  await advance(INTERVAL);
  expect(times('greedy')).toEqual([0, 300_000]);
  await scheduler.stop();
});

test('an interval beyond what a timer can do still comes, once', async () => {
  const days = 30 * 24 * 60 * MINUTE;
  const { scheduler, times } = bench({ intervalMs: days });
  scheduler.add('a', { ttlMs: undefined });
  scheduler.start();
  await advance(days - 1);
  expect(times()).toEqual([]);
  await advance(1);
  expect(times()).toEqual([days]);
  await scheduler.stop();
});

test.each([
  ['ahead of the TTL', MINUTE, 0.75 * MINUTE, 0.15 * MINUTE],
  ['at the interval', 24 * 60 * MINUTE, 0.8 * INTERVAL, 0.2 * INTERVAL],
])(
  '1,000 replicas spread: no 1 %% slice of the jitter window has over 3 %% of refreshes %s (S4-07)',
  async (_, ttlMs, fromMs, windowMs) => {
    const slices = Array.from({ length: 100 }, () => 0);
    let outside = 0;
    const schedulers = Array.from({ length: 1_000 }, (_unused, replica) => {
      const startMs = performance.now();
      const scheduler = new RefreshScheduler({
        intervalMs: INTERVAL,
        random: seeded(replica + 1),
        onRefresh: async () => {
          const slice = Math.floor(((performance.now() - startMs - fromMs) / windowMs) * 100);
          if (slices[slice] === undefined) outside += 1;
          else slices[slice] += 1;
          return await Promise.resolve(ok(ttlMs));
        },
      });
      scheduler.add('a', { ttlMs });
      scheduler.start();
      scheduler.noteDemand('a');
      return scheduler;
    });
    expect(vi.getTimerCount()).toBe(1_000);
    await advance(fromMs + windowMs - 1);
    await Promise.all(schedulers.map(async (scheduler) => await scheduler.stop()));
    expect(outside).toBeLessThanOrEqual(1);
    const total = slices.reduce((sum, n) => sum + n, 0);
    expect(total).toBeGreaterThanOrEqual(995);
    expect(Math.max(...slices)).toBeLessThanOrEqual(total * 0.03);
    expect(vi.getTimerCount()).toBe(0);
  },
);
