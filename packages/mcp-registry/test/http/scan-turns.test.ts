import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createScanTurns } from '../../src/http/scan-turns.ts';

test('only one paused scan runs in each turn of the event loop', async () => {
  const turns = createScanTurns();
  const ran: number[] = [];
  const scans = [0, 1, 2].map(async (id) => {
    await turns.begin().pause();
    ran.push(id);
  });
  const counts: number[] = [];
  for (let i = 0; i < 8; i++) {
    await nextTurn();
    counts.push(ran.length);
  }
  await Promise.all(scans);
  expect(ran).toEqual([0, 1, 2]);
  expect(counts.every((count, i) => count - (counts[i - 1] ?? 0) <= 1)).toBe(true);
});

test('scans beyond the limit are refused until one ends', () => {
  const turns = createScanTurns(2);
  const first = turns.begin();
  turns.begin();
  expect(() => turns.begin()).toThrow(expect.objectContaining({ status: 503, code: 'BUSY' }));
  first.end();
  expect(turns.begin().due()).toBe(false);
});
