import { expect, test, vi } from 'vitest';
import { Bulkhead, DEFAULT_BULKHEAD } from '../../src/guards/bulkhead.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

const LIMITS = { maxInFlight: 2, maxQueued: 3, queueTimeoutMs: 1_000 };

function waiter(log: string[], name: string) {
  return {
    waitsSinceMs: performance.now(),
    proceed: () => void log.push(name),
    giveUp: () => void log.push(`${name} gave up`),
  };
}

test('it has places for 32 calls and 64 that wait (T5)', async () => {
  const bulkhead = new Bulkhead(DEFAULT_BULKHEAD);
  const taken = Array.from({ length: 33 }, () => bulkhead.take());
  expect(taken.filter(Boolean)).toHaveLength(32);
  const queued = Array.from({ length: 65 }, () => bulkhead.queue(waiter([], '')));
  expect(queued.filter(Boolean)).toHaveLength(64);
  expect([bulkhead.inFlight, bulkhead.queued]).toEqual([32, 64]);
  await advance(DEFAULT_BULKHEAD.queueTimeoutMs);
  expect(bulkhead.queued).toBe(0);
});

test('a place that is given goes to whoever has waited longest, and not to those who left', () => {
  const bulkhead = new Bulkhead(LIMITS);
  const log: string[] = [];
  bulkhead.take();
  bulkhead.take();
  const [one, two, three] = ['one', 'two', 'three'].map((name) => waiter(log, name));
  for (const each of [one, two, three]) if (each !== undefined) bulkhead.queue(each);
  if (one !== undefined) bulkhead.leave(one);
  bulkhead.give();
  bulkhead.give();
  bulkhead.give();
  expect([log, bulkhead.inFlight, bulkhead.queued]).toEqual([['two', 'three'], 1, 0]);
  expect(vi.getTimerCount()).toBe(0);
});

test('who waits for too long is told, each in its time, with one timer for all', async () => {
  const bulkhead = new Bulkhead(LIMITS);
  const log: string[] = [];
  bulkhead.take();
  bulkhead.take();
  bulkhead.queue(waiter(log, 'one'));
  await advance(400);
  bulkhead.queue(waiter(log, 'two'));
  expect(vi.getTimerCount()).toBe(1);
  await advance(600);
  expect(log).toEqual(['one gave up']);
  await advance(400);
  expect(log).toEqual(['one gave up', 'two gave up']);
  expect([bulkhead.queued, vi.getTimerCount()]).toEqual([0, 0]);
});

test('lent places are there for others, as many as there are places, and come back above the bound', () => {
  const bulkhead = new Bulkhead(LIMITS);
  const log: string[] = [];
  bulkhead.take();
  bulkhead.take();
  bulkhead.queue(waiter(log, 'one'));
  expect(bulkhead.lend()).toBe(true);
  expect(log).toEqual(['one']);
  expect([bulkhead.lend(), bulkhead.take()]).toEqual([true, true]);
  expect(bulkhead.lend(), 'those that wait for people are bounded too').toBe(false);
  bulkhead.reclaim();
  expect([bulkhead.inFlight, bulkhead.lent, bulkhead.take()]).toEqual([3, 1, false]);
  bulkhead.forgo();
  bulkhead.give();
  expect(bulkhead.take()).toBe(false);
  bulkhead.give();
  expect([bulkhead.inFlight, bulkhead.lent, bulkhead.take()]).toEqual([1, 0, true]);
});
