import { expect, test } from 'vitest';
import { leastMs } from '../src/index.ts';

function scripted(...times: readonly number[]): {
  readonly left: number[];
  next(): Promise<number>;
} {
  const left = [...times];
  return { left, next: async () => await Promise.resolve(left.shift() ?? NaN) };
}

test('leastMs() stops at the first round that is below', async () => {
  const times = scripted(900, 700, 90, 1);
  expect(await leastMs(async () => await times.next(), { belowMs: 100 })).toBe(90);
  expect(times.left).toEqual([1]);
});

test('leastMs() is the least of all rounds where none is below', async () => {
  const times = scripted(300, 200, 400, 1);
  expect(await leastMs(async () => await times.next(), { belowMs: 100, rounds: 3 })).toBe(200);
  expect(times.left).toEqual([1]);
});
