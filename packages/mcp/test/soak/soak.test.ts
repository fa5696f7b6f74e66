import { expect, test } from 'vitest';
import { leaksIn, runSoak } from './soak.ts';

test('soak, a tenth: 10⁵ calls, 10³ sessions and 10² restarts of servers leave nothing behind', async () => {
  const report = await runSoak({ calls: 100_000, sessions: 1_000, restarts: 100 });
  expect(leaksIn(report)).toEqual([]);
  expect(report.answered).toBeGreaterThan(99_000);
  expect(report.sessions).toBeGreaterThanOrEqual(1_000);
  expect(report.restarts).toBeGreaterThanOrEqual(100);
}, 300_000);

test('soak: a gateway that kept its sessions would be found out', async () => {
  const report = await runSoak({ calls: 100, sessions: 4, restarts: 0 });
  const leaking = {
    ...report,
    late: { ...report.late, sessions: 3, rssBytes: report.early.rssBytes * 2 },
    childrenLate: report.childrenEarly + 1,
  };
  expect(leaksIn(leaking)).toHaveLength(3);
}, 60_000);
