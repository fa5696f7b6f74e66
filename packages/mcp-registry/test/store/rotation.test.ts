import { expect, test } from 'vitest';
import { openFileStore } from '../../src/store/file-store.ts';
import type { StoredRecord } from '../../src/stored-record.ts';
import { CrashDisk } from '../lib/crash-disk.ts';
import { diskPath, freeLock, openOnDisk } from '../lib/open-cache.ts';
import { server, stored } from '../lib/records.ts';

function put(record: StoredRecord) {
  return { kind: 'put' as const, key: record.key, record };
}

function isNewJournal(path: string): boolean {
  return path.endsWith('servers.log');
}

test('a journal that is older than the snapshot does not undo it', async () => {
  const disk = new CrashDisk();
  const store = await openFileStore({ path: diskPath, fileSystem: disk, takeLock: freeLock });
  await store.load();
  await store.append({ from: 1, to: 1, changes: [put(stored('a', { n: 1 }))] });
  disk.fault = (operation, path) =>
    operation === 'rename' && isNewJournal(path) ? 'EIO' : undefined;
  const newer = { generation: 2, records: [stored('a', { n: 2 })], extra: {} };
  await expect(store.snapshot(() => newer, { paced: false })).rejects.toMatchObject({
    code: 'EIO',
  });
  await store.close();
  const { cache } = await openOnDisk(disk.reboot('process'));
  expect([cache.get('a')?.['n'], cache.health().generation]).toEqual([2, 2]);
});

test('a journal that failed to be replaced goes on as it was', async () => {
  const disk = new CrashDisk();
  const store = await openFileStore({ path: diskPath, fileSystem: disk, takeLock: freeLock });
  await store.load();
  await store.append({ from: 1, to: 1, changes: [put(stored('a'))] });
  disk.fault = (operation, path) =>
    operation === 'rename' && isNewJournal(path) ? 'EIO' : undefined;
  const source = { generation: 1, records: [stored('a')], extra: {} };
  await expect(store.snapshot(() => source, { paced: false })).rejects.toThrow('journal');
  expect(store.needsSnapshot).toBe(false);
  await store.append({ from: 2, to: 2, changes: [put(stored('b'))] });
  await store.close();
  const { cache } = await openOnDisk(disk.reboot('nothing'));
  expect(cache.getAll()).toEqual([server('a'), server('b')]);
});

test('nothing is appended to a journal whose name has gone to the next one', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk, { snapshotDelayMs: 1 });
  let syncs = 0;
  disk.fault = (operation) => (operation === 'syncFolder' && ++syncs === 3 ? 'EIO' : undefined);
  // Syncs of the folder: one for the first journal, one for the snapshot, one for the next journal.
  await cache.upsert(server('a'));
  await expect.poll(() => syncs).toBe(3);
  await cache.upsert(server('b'));
  for (const cut of ['process', 'nothing', 'everything'] as const) {
    const { cache: after } = await openOnDisk(disk.reboot(cut));
    expect([cut, ...after.getAll().map((one) => one.name)]).toEqual([cut, 'a', 'b']);
  }
});

test('a snapshot that does not read back as written never replaces the old one (S4-33)', async () => {
  const disk = new CrashDisk();
  const first = await openOnDisk(disk);
  await first.cache.upsert(server('a'));
  await first.cache.close();
  const open = disk.open.bind(disk);
  disk.open = async (path, flags, mode) => {
    const file = await open(path, flags, mode);
    if (!path.endsWith('.json.next')) return file;
    // What a full disk does to a program that does not look at the number of bytes written.
    const write: typeof file.write = async (buffer, offset, length, position) => {
      await file.write(buffer, offset, length >> 1, position);
      return { bytesWritten: length };
    };
    return { ...file, write };
  };
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('b'));
  await expect(cache.close()).rejects.toMatchObject({ code: 'EIO' });
  expect(disk.text(diskPath)).toContain('"a"');
  const { cache: after } = await openOnDisk(disk.reboot('nothing'));
  expect(after.getAll()).toEqual([server('a'), server('b')]);
});
