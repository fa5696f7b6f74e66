import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';

test('a seeded schedule of broken servers, maps, disks, restarts and reloads breaks no promise (T1-T7, S2)', async () => {
  const findings = await runChaos({ seed: 7, durationMs: 15_000, clients: 6 });
  expect(findings.found).toEqual([]);
  const { answered, explained, lists, writes, disturbances, continued } = findings.tally;
  expect(answered).toBeGreaterThan(200);
  expect(explained).toBeGreaterThan(0);
  expect(lists).toBeGreaterThan(20);
  expect(writes).toBeGreaterThan(20);
  expect(disturbances).toBeGreaterThan(8);
  // The schedule of this seed replaces the gateway, and legacy clients noticed nothing.
  expect(continued).toBeGreaterThan(0);
}, 180_000);
