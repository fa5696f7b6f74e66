import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { makeBaselineFolder, writeBaseline } from '../../src/proof/baseline-folder.ts';
import { pruneBaselines, REFERENCE_MARK } from '../../src/proof/baseline-prune.ts';
import { record } from './proof-records.ts';

async function take(parent: string, day: number, label = 'daily'): Promise<string> {
  const takenAt = `2026-11-${String(day).padStart(2, '0')}T04:00:00.000Z`;
  const folder = await makeBaselineFolder(parent, takenAt, label);
  await writeBaseline(folder, record({}, { takenAt, label }), { 'memory.txt': 'x' });
  return folder;
}

test('pruneBaselines() keeps the newest of a label, and whatever is marked, of another label, or no baseline of ours (S1-31)', async () => {
  await using folder = tempFolder();
  const parent = folder.path;
  for (const day of [1, 2, 2, 3, 4, 5]) await take(parent, day);
  await writeFile(join(parent, '2026-11-02-daily', REFERENCE_MARK), '');
  await take(parent, 1, 'pre-optimization');
  await take(parent, 1, 'daily-2');
  // A copy under a name of somebody's own, and what cannot be read.
  await mkdir(join(parent, 'before-the-upgrade'));
  const daily = record({}, { takenAt: '2026-11-01T04:00:00.000Z', label: 'daily' });
  await writeBaseline(join(parent, 'before-the-upgrade'), daily, {});
  await mkdir(join(parent, '2026-10-01-daily'));
  expect(await pruneBaselines(parent, { label: 'daily', keep: 2 })).toEqual([
    '2026-11-01-daily',
    '2026-11-02-daily-2',
    '2026-11-03-daily',
  ]);
  expect((await readdir(parent)).toSorted()).toEqual([
    '2026-10-01-daily',
    '2026-11-01-daily-2',
    '2026-11-01-pre-optimization',
    '2026-11-02-daily',
    '2026-11-04-daily',
    '2026-11-05-daily',
    'before-the-upgrade',
  ]);
  expect(await pruneBaselines(parent, { label: 'daily', keep: 30 })).toEqual([]);
  expect(await pruneBaselines(join(parent, 'none'), { label: 'daily', keep: 1 })).toEqual([]);
});
