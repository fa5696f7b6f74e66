import { expect, test } from 'vitest';
import { byKey } from './lib/by-key.ts';
import { CrashDisk } from './lib/crash-disk.ts';
import { diskPath, openOnDisk } from './lib/open-cache.ts';
import { server } from './lib/records.ts';

test('a snapshot that fails is tried again, and the journal keeps everything meanwhile', async () => {
  const disk = new CrashDisk();
  const { cache, warnings } = await openOnDisk(disk, { snapshotDelayMs: 1, random: () => 0 });
  disk.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.json.next') ? 'ENOSPC' : undefined;
  await cache.upsert(server('a'));
  await expect.poll(() => warnings.map((one) => one.kind)).toContain('snapshot-failed');
  const after = await openOnDisk(disk.reboot('nothing'));
  expect(after.cache.get('a')).toEqual(server('a'));
  disk.fault = () => undefined;
  await expect.poll(() => disk.text(diskPath) ?? '', { timeout: 3_000 }).toContain('"name":"a"');
});

test.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'EFBIG'])(
  'a journal write failing with %s rejects typed, memory serves, a later flush repairs (P6, F4, F6)',
  async (code) => {
    const disk = new CrashDisk();
    const { cache, warnings } = await openOnDisk(disk);
    await cache.upsert(server('old'));
    disk.fault = (operation, path) =>
      operation === 'write' && path.endsWith('.log') ? code : undefined;
    await expect(cache.upsert(server('new'))).rejects.toMatchObject({
      name: 'RegistryError',
      code,
    });
    await expect(cache.upsert(server('newer'))).rejects.toMatchObject({ code });
    await expect(cache.flush()).rejects.toMatchObject({ code });
    expect(cache.get('new')).toEqual(server('new'));
    expect(cache.health().lastError).toMatchObject({ code });
    expect(cache.health().unflushedMs).toBeGreaterThan(0);
    expect(warnings.map((one) => one.kind)).toContain('flush-failed');
    const crashed = await openOnDisk(disk.reboot('nothing'));
    expect([...byKey(crashed.cache).keys()]).toEqual(['old']);
    disk.fault = () => undefined;
    await cache.flush();
    const recovered = await openOnDisk(disk.reboot('nothing'));
    expect([...byKey(recovered.cache).keys()]).toEqual(['old', 'new', 'newer']);
  },
);

test('after a failed sync the journal is replaced, never synced again (P6)', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  disk.fault = (operation) => (operation === 'datasync' ? 'EIO' : undefined);
  await expect(cache.upsert(server('b'))).rejects.toMatchObject({ code: 'EIO' });
  const syncs = disk.log.filter((line) => line === 'datasync servers.log').length;
  await cache.flush();
  expect(disk.log.filter((line) => line === 'datasync servers.log').length).toBe(syncs);
  disk.fault = () => undefined;
  await cache.upsert(server('c'));
  const after = await openOnDisk(disk.reboot('nothing'));
  expect([...byKey(after.cache).keys()]).toEqual(['a', 'b', 'c']);
});

test('a journal that can be neither written nor cut back is replaced', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  disk.shortWrites = true;
  let writes = 0;
  disk.fault = (operation, path) => {
    if (!path.endsWith('.log')) return undefined;
    if (operation === 'truncate') return 'EIO';
    return operation === 'write' && ++writes > 1 ? 'ENOSPC' : undefined;
  };
  await expect(cache.upsert(server('b'))).rejects.toMatchObject({ code: 'ENOSPC' });
  disk.fault = () => undefined;
  await cache.flush();
  const after = await openOnDisk(disk.reboot('nothing'));
  expect([...byKey(after.cache).keys()]).toEqual(['a', 'b']);
});

test.each(['link', 'rename', 'syncFolder', 'sync', 'open'])(
  'a snapshot failing in %s loses nothing, whatever the disk keeps (F6)',
  async (operation) => {
    for (const cut of ['process', 'nothing', 'everything'] as const) {
      const disk = new CrashDisk();
      const { cache } = await openOnDisk(disk);
      await cache.upsertMany([server('a'), server('b')]);
      disk.fault = (one) => (one === operation ? 'EIO' : undefined);
      await cache.close().catch(() => undefined);
      disk.fault = () => undefined;
      const after = await openOnDisk(disk.reboot(cut));
      expect([cut, ...byKey(after.cache).keys()]).toEqual([cut, 'a', 'b']);
    }
  },
);

test('close() rejects when the last flush fails, and still lets go', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk, { durability: 'interval' });
  await cache.upsert(server('a'));
  disk.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
  await expect(cache.close()).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(cache.access.kind).toBe('reader');
});

test('flushNow() makes everything durable without waiting, also beside a write in flight', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  const first = cache.upsert(server('a'));
  cache.flushNow();
  await first;
  const second = cache.upsert(server('b'));
  const third = cache.upsert(server('c'));
  cache.flushNow();
  const after = await openOnDisk(disk.reboot('nothing'));
  expect([...byKey(after.cache).keys()].toSorted()).toEqual(['a', 'b', 'c']);
  await Promise.all([second, third]);
  cache.flushNow();
});

test('unfinished bytes of a write in flight do not hide what flushNow() wrote (F16)', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  disk.shortWrites = true;
  let writes = 0;
  disk.fault = (operation, path) => {
    if (operation !== 'write' || !path.endsWith('.log') || ++writes < 3) return undefined;
    cache.flushNow();
    return 'EIO';
  };
  const lost = cache.upsert(server('b'));
  lost.catch(() => undefined);
  await expect.poll(() => writes).toBeGreaterThan(2);
  const after = await openOnDisk(disk.reboot('nothing'));
  expect([...byKey(after.cache).keys()]).toEqual(['a', 'b']);
});
