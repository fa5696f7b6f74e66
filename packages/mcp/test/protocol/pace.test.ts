import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createPace, runInSlices, sharedPace } from '../../src/protocol/pace.ts';

/** Holds the event loop, as reading a long list does. */
function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** How many steps of 2 ms fit a slice of 5: the third ends after it. */
const STEPS_PER_SLICE = 3;

/** Counts turns of the event loop until the work has ended; how many steps each had. */
async function stepsPerTurn(
  work: (step: () => void) => Promise<unknown>,
): Promise<readonly number[]> {
  const perTurn: number[] = [];
  let taken = 0;
  const ended: true[] = [];
  const working = work(() => {
    hold(2);
    taken += 1;
  }).finally(() => {
    ended.push(true);
  });
  while (ended.length === 0) {
    await nextTurn();
    perTurn.push(taken);
    taken = 0;
  }
  await working;
  // What begins in the middle of a turn has a slice there, and its next one in the same turn.
  return perTurn.slice(1);
}

function* steps(count: number, step: () => void): Generator<void, number, void> {
  for (let index = 0; index < count; index += 1) {
    step();
    yield;
  }
  return count;
}

test('runInSlices() gives the event loop a turn when 5 ms are used up, and returns the value', async () => {
  let value = 0;
  const perTurn = await stepsPerTurn(async (step) => {
    value = await runInSlices(steps(12, step));
  });
  expect(value).toBe(12);
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(STEPS_PER_SLICE);
});

test('works that run at the same time share the slice of a turn, and each gets its turns', async () => {
  const done: string[] = [];
  const perTurn = await stepsPerTurn(async (step) => {
    const run = async (name: string): Promise<void> => {
      await runInSlices(steps(8, step), sharedPace);
      done.push(name);
    };
    await Promise.all([run('one'), run('two'), run('three'), run('four')]);
  });
  expect(done.toSorted()).toEqual(['four', 'one', 'three', 'two']);
  // Where each had a slice of its own it would be four times as many.
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(STEPS_PER_SLICE + 1);
});

test('a step that is longer than the slice is one a turn', async () => {
  const perTurn = await stepsPerTurn(async (step) => {
    await runInSlices(
      steps(4, () => {
        step();
        step();
        step();
      }),
    );
  });
  expect(Math.max(...perTurn)).toBe(STEPS_PER_SLICE);
});

test('a pace does not wait where nothing was done', async () => {
  await nextTurn();
  expect(createPace()()).toBeUndefined();
  expect(sharedPace()).toBeUndefined();
});
