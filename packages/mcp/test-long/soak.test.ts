import { expect, test } from 'vitest';
import { leaksIn, runSoak } from '../test/soak/soak.ts';

test('soak: 10⁶ calls, 10⁴ sessions and 10³ restarts of servers leave nothing behind', async () => {
  const report = await runSoak({ calls: 1_000_000, sessions: 10_000, restarts: 1_000 });
  console.log(JSON.stringify(report));
  expect(leaksIn(report)).toEqual([]);
  expect(report.answered).toBeGreaterThan(990_000);
}, 3_600_000);
