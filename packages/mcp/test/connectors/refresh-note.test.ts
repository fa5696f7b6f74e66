import { expect, test } from 'vitest';
import { advance, useFakeTime } from './fake-time.ts';
import { bench, INTERVAL, MINUTE, ok } from './refresh-scheduler-fixture.ts';

useFakeTime();

test('a wait that a failure brings along is kept as it is, and never shorter than minDelayMs (M7)', async () => {
  const waits = [200_000, 0, undefined];
  const { scheduler, times } = bench({ random: () => 0.5 }, (_id, n) => ({
    kind: 'failed',
    retryAfterMs: undefined,
    retryInMs: waits[n - 1],
  }));
  scheduler.add('a');
  scheduler.start();
  await advance(202_200);
  // The third is drawn as ever: half of 4 s.
  expect(times()).toEqual([0, 200_000, 200_100, 202_100]);
  await scheduler.stop();
});

test('onRefresh is told whether it was asked for: forced, or after a change, not by the clock', async () => {
  const asked: boolean[] = [];
  const { scheduler } = bench({
    onRefresh: async (_id, _signal, was) => {
      asked.push(was);
      return await Promise.resolve(ok());
    },
  });
  scheduler.add('a');
  scheduler.start();
  await advance(INTERVAL);
  scheduler.notifyChanged('a');
  await advance(1_000);
  const forced = scheduler.forceRefresh('a');
  await advance(0);
  await forced;
  expect(asked).toEqual([false, false, true, true]);
  await scheduler.stop();
});

test('note() puts the next refresh where one of its own would have', async () => {
  const { scheduler, times } = bench();
  for (const id of ['good', 'bad', 'changed']) scheduler.add(id, { ttlMs: undefined });
  scheduler.start();
  await advance(4 * MINUTE);
  scheduler.note('good', ok());
  scheduler.note('bad', { kind: 'failed', retryAfterMs: undefined, retryInMs: 2_000 });
  scheduler.notifyChanged('changed');
  scheduler.note('changed', ok());
  scheduler.note('nobody', ok());
  expect(scheduler.dueInMs('good')).toBe(INTERVAL);
  expect(scheduler.dueInMs('bad')).toBe(2_000);
  expect(scheduler.dueInMs('changed')).toBe(1_000);
  await advance(4 * MINUTE);
  expect(times('good')).toEqual([]);
  expect(times('bad')).toEqual([4 * MINUTE + 2_000]);
  expect(times('changed')).toEqual([4 * MINUTE + 1_000]);
  await scheduler.stop();
});

test('note() says nothing while a refresh is under way, and starts nothing while stopped', async () => {
  const gate = Promise.withResolvers<void>();
  const { scheduler, times } = bench({}, async () => {
    await gate.promise;
    return ok();
  });
  scheduler.add('a');
  scheduler.note('a', ok());
  await advance(2 * INTERVAL);
  expect(times()).toEqual([]);
  scheduler.start();
  await advance(0);
  scheduler.note('a', { kind: 'failed', retryAfterMs: undefined, retryInMs: 2_000 });
  expect(scheduler.dueInMs('a')).toBe(0);
  gate.resolve();
  await advance(3_000);
  expect(times()).toHaveLength(1);
  await scheduler.stop();
});
