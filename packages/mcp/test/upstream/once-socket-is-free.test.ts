import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { onceSocketIsFree } from '../../src/upstream/streamable-http/once-socket-is-free.ts';

/** Holds the event loop, as reading a long list does. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('onceSocketIsFree() follows up many answers in slices, with turns of the event loop between them', async () => {
  const turnOf: number[] = [];
  let turn = 0;
  for (let answer = 0; answer < 40; answer += 1) {
    onceSocketIsFree(() => {
      turnOf.push(turn);
      work(2);
    });
  }
  while (turnOf.length < 40) {
    await nextTurn();
    turn += 1;
  }
  const perTurn = Map.groupBy(turnOf, (one) => one);
  // 5 ms are over after the third.
  expect(Math.max(...[...perTurn.values()].map(({ length }) => length))).toBeLessThanOrEqual(3);
});

test('onceSocketIsFree() calls back in order, not in the turn it was called in', async () => {
  const order: number[] = [];
  for (let answer = 0; answer < 5; answer += 1) onceSocketIsFree(() => order.push(answer));
  await nextTurn();
  expect(order).toEqual([]);
  while (order.length < 5) await nextTurn();
  expect(order).toEqual([0, 1, 2, 3, 4]);
});
