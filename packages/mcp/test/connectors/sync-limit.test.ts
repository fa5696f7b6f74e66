import { afterEach, expect, test, vi } from 'vitest';
import { createSyncLimit } from '../../src/connectors/sync-limit.ts';

afterEach(() => {
  vi.useRealTimers();
});

interface Job {
  readonly done: (value: string) => void;
  readonly fail: (error: Error) => void;
  readonly result: Promise<string>;
}

/** Jobs that end when they are told to, and the order in which they were started. */
function jobs(limit: ReturnType<typeof createSyncLimit>, count: number) {
  const started: number[] = [];
  const all = Array.from({ length: count }, (_, index): Job => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const result = limit(async () => {
      started.push(index);
      return await promise;
    });
    return { done: resolve, fail: reject, result };
  });
  return { started, all };
}

/** Lets everything happen that waits for nothing but its turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('createSyncLimit() runs no more than concurrency at a time, in order', async () => {
  const limit = createSyncLimit({ concurrency: 2, patienceMs: undefined });
  const { started, all } = jobs(limit, 4);
  await turns();
  expect(started).toEqual([0, 1]);
  all[1]?.done('one');
  expect(await all[1]?.result).toBe('one');
  await turns();
  expect(started).toEqual([0, 1, 2]);
  for (const job of all) job.done('rest');
  await Promise.all(all.map(async ({ result }) => await result));
  expect(started).toEqual([0, 1, 2, 3]);
});

test('a job that failed hands its error on and its place over', async () => {
  const limit = createSyncLimit({ concurrency: 1, patienceMs: undefined });
  const { started, all } = jobs(limit, 2);
  await turns();
  all[0]?.fail(new Error('no'));
  await expect(all[0]?.result).rejects.toThrow('no');
  await turns();
  expect(started).toEqual([0, 1]);
});

test('one that takes longer than patienceMs gives its place away and still ends', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const limit = createSyncLimit({ concurrency: 1, patienceMs: 1_000 });
  const { started, all } = jobs(limit, 2);
  await turns();
  expect(started).toEqual([0]);
  await vi.advanceTimersByTimeAsync(999);
  await turns();
  expect(started).toEqual([0]);
  await vi.advanceTimersByTimeAsync(1);
  await turns();
  expect(started).toEqual([0, 1]);
  all[1]?.done('second');
  expect(await all[1]?.result).toBe('second');
  all[0]?.done('first');
  expect(await all[0]?.result).toBe('first');
  expect(vi.getTimerCount()).toBe(0);
});

test('jobs that work hard at their start are started in slices, so that others get a turn', async () => {
  const limit = createSyncLimit({ concurrency: 100, patienceMs: undefined });
  let turnsBetween = 0;
  let running = true;
  const count = (): void => {
    turnsBetween += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(
    Array.from(
      { length: 20 },
      async () =>
        await limit(async () => {
          const until = performance.now() + 2;
          while (performance.now() < until);
          await Promise.resolve();
        }),
    ),
  );
  running = false;
  // 40 ms of work in slices of 5 ms; without slices there would be no turn at all.
  expect(turnsBetween).toBeGreaterThanOrEqual(4);
});
