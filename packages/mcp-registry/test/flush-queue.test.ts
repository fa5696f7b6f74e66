import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FlushQueue, type FlushQueueOptions } from '../src/flush-queue.ts';
import type { Batch, RecordChange } from '../src/store/store.ts';
import { readStored } from '../src/stored-record.ts';
import { stored } from './lib/records.ts';

function put(key: string, n = 0): RecordChange {
  return { kind: 'put', key, record: stored(key, { n }) };
}

/** A disk whose writes end when the test says so. */
function manualDisk() {
  const batches: Batch[] = [];
  const waiting: { succeed: () => void; fail: (error: unknown) => void }[] = [];
  const failures: unknown[] = [];
  const options: FlushQueueOptions = {
    write: async (batch) => {
      batches.push(batch);
      return new Promise<number>((resolve, reject) => {
        waiting.push({ succeed: () => resolve(batch.to), fail: reject });
      });
    },
    windowMs: 10,
    generation: 0,
    random: () => 0.5,
    minRetryMs: 1_000,
    maxRetryMs: 60_000,
    onFailure: (error) => failures.push(error),
  };
  return {
    batches,
    failures,
    options,
    queue: new FlushQueue(options),
    succeed: async () => {
      waiting.shift()?.succeed();
      await vi.advanceTimersByTimeAsync(0);
    },
    fail: async (error: unknown) => {
      waiting.shift()?.fail(error);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

const full = Object.assign(new Error('full'), { code: 'ENOSPC' });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('add() gathers the changes of 10 ms into one batch', async () => {
  const { queue, batches } = manualDisk();
  queue.add([put('a')]);
  await vi.advanceTimersByTimeAsync(5);
  queue.add([put('b')]);
  expect(batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(5);
  expect(batches.map((batch) => [batch.from, batch.to, batch.changes.length])).toEqual([[1, 2, 2]]);
});

test('a change during a write goes into the next batch (B7.19)', async () => {
  const { queue, batches, succeed } = manualDisk();
  queue.add([put('a')]);
  await vi.advanceTimersByTimeAsync(10);
  queue.add([put('b')]);
  const barrier = queue.barrier();
  await succeed();
  expect(queue.durable).toBe(1);
  await succeed();
  await barrier;
  expect(batches.map((batch) => batch.changes.map((change) => change.key))).toEqual([['a'], ['b']]);
  expect(queue.durable).toBe(2);
});

test('at most one batch is being written and one gathered, however many changes come (P2, F17)', async () => {
  const { queue, batches, succeed } = manualDisk();
  for (let i = 0; i < 1_000; i++) {
    queue.add([put(`k${i % 7}`, i)]);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(batches.length).toBe(1);
  await succeed();
  await vi.advanceTimersByTimeAsync(10);
  expect(batches.length).toBe(2);
  expect(batches[1]?.changes.length).toBe(7);
  expect(batches[1]?.to).toBe(1_000);
});

test('barrier() without changes resolves at once', async () => {
  await expect(manualDisk().queue.barrier()).resolves.toBeUndefined();
});

test('barrier() does not wait for the window', async () => {
  const { queue, batches, succeed } = manualDisk();
  queue.add([put('a')]);
  const done = queue.barrier();
  expect(batches.length).toBe(1);
  await succeed();
  await done;
});

test('barrier() covers every change made before it, also those behind a running write', async () => {
  const { queue, succeed } = manualDisk();
  queue.add([put('a')]);
  await vi.advanceTimersByTimeAsync(10);
  queue.add([put('b')]);
  let done = false;
  const barrier = queue.barrier().then(() => (done = true));
  await succeed();
  expect(done).toBe(false);
  await succeed();
  await barrier;
  expect(done).toBe(true);
});

test('a failed write rejects its waiters and keeps the changes (S4-B5, P6)', async () => {
  const { queue, batches, failures, fail, succeed } = manualDisk();
  queue.add([put('a', 1), put('b', 1)]);
  const barrier = queue.barrier();
  const rejection = barrier.catch((error: unknown) => error);
  await fail(full);
  expect(await rejection).toBe(full);
  expect(queue.phase.kind).toBe('waiting');
  queue.add([put('a', 2)]);
  const again = queue.barrier();
  await succeed();
  await again;
  expect(failures).toEqual([full]);
  expect(batches[1]).toMatchObject({ from: 1, to: 3 });
  expect(batches[1]?.changes).toEqual([put('a', 2), put('b', 1)]);
});

test('a failed write is tried again after a full-jitter wait that grows to 60 s', async () => {
  const { queue, batches, fail } = manualDisk();
  queue.add([put('a')]);
  queue.settled().catch(() => undefined);
  await vi.advanceTimersByTimeAsync(10);
  const waits: number[] = [];
  for (let round = 0; round < 9; round++) {
    await fail(full);
    const before = performance.now();
    const tries = batches.length;
    while (batches.length === tries) await vi.advanceTimersByTimeAsync(250);
    waits.push(performance.now() - before);
  }
  expect(waits[0]).toBeLessThanOrEqual(1_000);
  expect(waits.at(-1)).toBe(30_250);
});

test('settled() while the disk is failing rejects at once, and tries again once the last try is a second old', async () => {
  const disk = manualDisk();
  const queue = new FlushQueue({ ...disk.options, random: () => 0.99 });
  queue.add([put('a')]);
  queue.settled().catch(() => undefined);
  await vi.advanceTimersByTimeAsync(10);
  await disk.fail(full);
  await expect(queue.settled()).rejects.toBe(full);
  expect(disk.batches.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  await disk.fail(full);
  expect(disk.batches.length).toBe(2);
  await vi.advanceTimersByTimeAsync(1_100);
  const retried = queue.settled();
  expect(disk.batches.length).toBe(3);
  await disk.succeed();
  await expect(retried).resolves.toBeUndefined();
});

test('a barrier during a write that fails has the later changes tried at once', async () => {
  const { queue, batches, fail, succeed } = manualDisk();
  queue.add([put('a')]);
  const early = queue.settled().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(10);
  queue.add([put('b')]);
  const barrier = queue.barrier();
  await fail(full);
  expect(await early).toBe(full);
  expect(batches.length).toBe(2);
  await succeed();
  await expect(barrier).resolves.toBeUndefined();
});

test('joined changes remember what the disk holds', async () => {
  const { queue, batches, fail } = manualDisk();
  queue.add([{ ...put('a', 1), was: 'before' }]);
  queue.add([{ ...put('a', 2), was: 'between' }]);
  queue.barrier().catch(() => undefined);
  await fail(full);
  queue.add([{ kind: 'remove', key: 'a', was: 'later' }]);
  queue.barrier().catch(() => undefined);
  expect(batches[1]?.changes).toEqual([{ kind: 'remove', key: 'a', was: 'before' }]);
});

test('remaining() holds what is being written and what is gathered', async () => {
  const { queue } = manualDisk();
  expect(queue.remaining()).toBeUndefined();
  queue.add([put('a', 1), put('b', 1)]);
  await vi.advanceTimersByTimeAsync(10);
  queue.add([put('a', 2)]);
  expect(queue.remaining()).toEqual({ from: 1, to: 3, changes: [put('a', 2), put('b', 1)] });
});

test('markDurable() answers waiters and ends a wait for a retry', async () => {
  const { queue, fail, batches } = manualDisk();
  queue.add([put('a')]);
  queue.barrier().catch(() => undefined);
  await fail(full);
  queue.markDurable(1);
  expect(queue.phase.kind).toBe('idle');
  await vi.advanceTimersByTimeAsync(100_000);
  expect(batches.length).toBe(1);
  queue.add([put('b')]);
  await vi.advanceTimersByTimeAsync(10);
  expect(batches[1]).toMatchObject({ from: 2, to: 2 });
});

test('close() rejects who still waits and stops timers', async () => {
  const { queue } = manualDisk();
  queue.add([put('a')]);
  const waiting = queue.settled().catch((error: unknown) => error);
  queue.close();
  expect(await waiting).toMatchObject({ code: 'EREGISTRYCLOSED' });
  expect(vi.getTimerCount()).toBe(0);
});

type Command = 'add' | 'barrier' | 'succeed' | 'fail' | 'time';

test('property: at each barrier the disk equals a plain Map (B7.19, P3)', async () => {
  const commands = fc.array(
    fc.tuple(
      fc.constantFrom<Command>(
        'add',
        'add',
        'add',
        'barrier',
        'succeed',
        'succeed',
        'fail',
        'time',
      ),
      fc.nat(4),
    ),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (script) => {
      const { queue, batches, succeed, fail } = manualDisk();
      const model = new Map<string, number>();
      const disk = new Map<string, number>();
      let applied = 0;
      let n = 0;
      const persist = async () => {
        const batch = batches[applied];
        if (batch === undefined) return;
        applied++;
        expect(batch.from).toBe(queue.durable + 1);
        for (const change of batch.changes)
          if (change.kind === 'put') disk.set(change.key, Number(readStored(change.record)['n']));
        await succeed();
      };
      for (const [command, which] of script) {
        if (command === 'add') {
          n++;
          model.set(`k${which}`, n);
          queue.add([put(`k${which}`, n)]);
        } else if (command === 'barrier') queue.barrier().catch(() => undefined);
        else if (command === 'succeed') await persist();
        else if (command === 'time') await vi.advanceTimersByTimeAsync(10 ** which);
        else if (applied < batches.length) {
          applied++;
          await fail(full);
        }
      }
      let settled = false;
      const last = queue.barrier().then(
        () => (settled = true),
        () => undefined,
      );
      while (applied < batches.length) await persist();
      await last;
      expect(settled).toBe(true);
      expect(disk).toEqual(model);
      queue.close();
    }),
    { numRuns: 200 },
  );
});
