import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createMonitorWatch } from '../../src/proof/monitor-watch.ts';
import {
  monitorMark,
  readingOfMark,
  readMonitorMark,
  writeMonitorMark,
} from '../../src/proof/monitor-mark.ts';
import type { ServiceReading } from '../../src/proof/service-reading.ts';
import { callLines, reading } from './reading-fixture.ts';

const SYNCS = 'mcp_connector_sync_duration_seconds_count{connector="tool",outcome="failed"}';
const connector = (pid: number, losses: number): object => ({
  id: 'tool',
  state: 'fresh',
  pids: [pid],
  losses,
});

/** A reading of a crash loop, early on and five minutes later. */
const early = (): ServiceReading =>
  reading({
    atMs: 50,
    connectors: [connector(7, 2)],
    metrics: [
      ...callLines('tool', 'ok', { count: 100 }),
      `${SYNCS} 1`,
      'process_cpu_seconds_total 1',
    ],
  });
const late = (): ServiceReading =>
  reading({
    // Of another process that looks: its clock has another beginning.
    atMs: 20,
    connectors: [connector(99, 62)],
    metrics: [
      ...callLines('tool', 'ok', { count: 100 }),
      ...callLines('tool', 'failed', { count: 60, belowS: 1 }),
      `${SYNCS} 31`,
      'process_cpu_seconds_total 31',
    ],
  });
const EARLY_MS = 1_000_000;
const LATE_MS = EARLY_MS + 300_000;

test('a kept mark lets another process tell what happened since: restarts, failures, calls, p95 (S1-31, S1-B3)', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'state', 'monitor.json');
  expect(await readMonitorMark(path)).toBeUndefined();
  await writeMonitorMark(path, monitorMark('svc', early(), EARLY_MS));
  await writeMonitorMark(path, monitorMark('svc', early(), EARLY_MS));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder.path, 'state'))).toEqual(['monitor.json']);
  const mark = await readMonitorMark(path);
  const later = { reading: late(), nowMs: LATE_MS };
  const before = mark && readingOfMark(mark, 'svc', later);
  const watch = createMonitorWatch({ local: false, now: () => LATE_MS });
  if (before !== undefined) await watch.next(before);
  const frame = await watch.next(later.reading);
  expect(frame).toMatchObject({
    seconds: 300,
    service: { restarted: false, cpuPercent: 10, calls: 60, errors: 60, syncFailures: 30 },
  });
  expect(frame?.connectors[0]).toMatchObject({
    restarts: 60,
    calls: 60,
    errors: 60,
    syncFailures: 30,
    callsPerSecond: 0.2,
  });
  // Only the sixty calls since count: all between 250 ms and a second.
  expect(frame?.connectors[0]?.p95Ms).toBeCloseTo(250 + 750 * 0.95, 5);
});

test('readingOfMark() takes no mark of another service, or of a time that has not come', () => {
  const mark = monitorMark('svc', early(), EARLY_MS);
  const later = { reading: late(), nowMs: LATE_MS };
  expect(readingOfMark(mark, 'other', later)).toBeUndefined();
  expect(readingOfMark(mark, 'svc', { ...later, nowMs: EARLY_MS - 1 })).toBeUndefined();
});

test('a mark is as small as its connectors, and keeps at most 10,000', () => {
  const metrics = Array.from({ length: 100 }, (_, n) => callLines(`c${n}`, 'ok', { count: 1e6 }));
  const connectors = Array.from({ length: 12_000 }, (_, n) => ({ id: `c${n}`, state: 'fresh' }));
  const mark = monitorMark('svc', reading({ atMs: 0, connectors, metrics: metrics.flat() }), 1);
  expect(Object.keys(mark.connectors)).toHaveLength(10_000);
  expect(JSON.stringify(mark.connectors['c5']).length).toBeLessThan(300);
});

test('readMonitorMark() takes what is no mark for none; writeMonitorMark() leaves nothing behind when it fails', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'monitor.json');
  for (const text of ['', '{', '{"format":2}', '[]']) {
    await writeFile(path, text);
    expect(await readMonitorMark(path)).toBeUndefined();
  }
  const mark = monitorMark('svc', early(), EARLY_MS);
  await expect(writeMonitorMark(join(path, 'x'), mark)).rejects.toThrow('EEXIST');
  // A folder in its place cannot be replaced.
  await expect(writeMonitorMark(folder.path, mark)).rejects.toThrow('EISDIR');
  expect(
    (await readdir(join(folder.path, '..'))).filter((name) =>
      name.startsWith(`${folder.path.split('/').at(-1)}.`),
    ),
  ).toEqual([]);
});
