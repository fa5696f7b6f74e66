import { expect, test } from 'vitest';
import { measureHungConnector } from '../test/e2e/hung-connector.ts';

test('one hung connector among 20 moves the call p99 of the others by less than 10 %, and list p99 not at all (T5)', async () => {
  const figures = await measureHungConnector({ rounds: 60, callsPerRound: 400, listsPerRound: 60 });
  // Kept with the records of the measurement.
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  const { calls, lists, failures } = figures;
  expect(failures).toBe(0);
  // What the machine adds by itself is the larger of before and after.
  expect(calls.hungMs.p99).toBeLessThan(1.1 * Math.max(calls.wellMs.p99, calls.againMs.p99));
  expect(lists.hungMs.p99).toBeLessThan(1.1 * Math.max(lists.wellMs.p99, lists.againMs.p99));
}, 900_000);
