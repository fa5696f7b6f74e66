import { expect, test } from 'vitest';
import { CrashDisk } from '../lib/crash-disk.ts';
import { names, twoGenerations } from '../lib/disk-states.ts';
import { diskPath, openOnDisk } from '../lib/open-cache.ts';
import { published, server } from '../lib/records.ts';

test('unfinished files of a crashed writer are swept (B7.24)', async () => {
  const disk = await twoGenerations();
  for (const suffix of ['json.next', 'json.prev.next', 'log.next', 'log.prev.next', 'json.probe'])
    disk.put(`/state/servers.${suffix}`, 'x');
  await openOnDisk(disk);
  expect(disk.paths().filter((path) => /next|probe/u.test(path))).toEqual([]);
});

test('a file system without hard links keeps the previous generation by copying', async () => {
  const disk = new CrashDisk();
  disk.fault = (operation) => (operation === 'link' ? 'EPERM' : undefined);
  for (const name of ['a', 'b']) {
    const { cache } = await openOnDisk(disk);
    await cache.upsert(server(name));
    await cache.close();
  }
  expect(disk.text(`${diskPath}.prev`)).toContain('"a"');
  disk.put(diskPath, 'x');
  const { cache } = await openOnDisk(disk);
  expect(names(cache)).toEqual(['a', 'b']);
});

test('a folder on a network file system is refused unless allowed (P5)', async () => {
  const disk = new CrashDisk();
  disk.kind = async () => 0x6969;
  await expect(openOnDisk(disk)).rejects.toMatchObject({ code: 'ENETFS' });
});

test('published versions survive a reopening side by side', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  const records = [published('x/a', '1.0.0'), published('x/a', '2.0.0'), server('x/a')];
  await cache.upsertMany(records);
  await cache.close();
  const { cache: again } = await openOnDisk(disk);
  expect(again.getAll()).toEqual(records);
});
