import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { growthPercent, keepHeapSlack } from '../../src/service/heap-slack.ts';

const MIB = 1_048_576;

test.for([
  [16, 32, 200],
  [15, 32, 213],
  [100, 32, 32],
  [2, 32, 1_000],
  [140, 32, 0],
  [16, 1, 0],
] as const)(
  'growthPercent() of %i MiB in use and %i MiB of slack is %i',
  ([used, slack, percent]) => {
    expect(growthPercent(used * MIB, slack)).toBe(percent);
  },
);

/** A heap that has so many MiB in use, one look after the other. */
function heapOf(...usedMiB: readonly number[]) {
  const told: number[] = [];
  let looks = 0;
  return {
    told,
    usedBytes: (): number => (usedMiB[looks++] ?? usedMiB.at(-1) ?? 0) * MIB,
    setGrowthPercent: (percent: number): void => void told.push(percent),
  };
}

describe('keepHeapSlack()', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('waits until the code of a start was kept, and tells V8 what is new', () => {
    const heap = heapOf(16, 16, 8);
    const end = keepHeapSlack(32, heap);
    vi.advanceTimersByTime(9_999);
    expect(heap.told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(heap.told).toEqual([200]);
    vi.advanceTimersByTime(60_000);
    expect(heap.told).toEqual([200]);
    vi.advanceTimersByTime(60_000);
    expect(heap.told).toEqual([200, 400]);
    end();
    expect(heap.told).toEqual([200, 400, 0]);
    vi.advanceTimersByTime(600_000);
    expect(heap.told).toEqual([200, 400, 0]);
  });

  test('takes garbage for no part of the heap, and what stays for one', () => {
    const heap = heapOf(16, 64);
    const end = keepHeapSlack(32, heap);
    vi.advanceTimersByTime(10_000 + 4 * 60_000);
    expect(heap.told).toEqual([200]);
    vi.advanceTimersByTime(60_000);
    expect(heap.told).toEqual([200, 50]);
    end();
  });

  test('leaves a large heap to V8', () => {
    const heap = heapOf(16, 400);
    const end = keepHeapSlack(32, heap);
    vi.advanceTimersByTime(10_000 + 5 * 60_000);
    expect(heap.told).toEqual([200, 0]);
    end();
    expect(heap.told).toEqual([200, 0]);
  });

  test('does nothing at 0, and nothing before its first look', () => {
    const heap = heapOf(16);
    keepHeapSlack(0, heap)();
    keepHeapSlack(32, heap)();
    vi.advanceTimersByTime(600_000);
    expect(heap.told).toEqual([]);
  });
});

/** How often all of the heap is marked while it grows by 100 MB. */
async function majorCollections(percent: number): Promise<number> {
  const program = fileURLToPath(new URL('heap-slack-child.ts', import.meta.url));
  const execArgv = ['--conditions=cortex-source', '--expose-gc'];
  const child = fork(program, [String(percent)], { execArgv });
  const ended = once(child, 'exit');
  const [count] = (await once(child, 'message')) as [number];
  await ended;
  return count;
}

test('V8 heeds what it is told while it runs: all of the heap is marked less often with more room', async () => {
  const little = await majorCollections(10);
  const much = await majorCollections(1_000);
  expect(little).toBeGreaterThan(5);
  expect(much).toBeLessThan(little / 2);
});
