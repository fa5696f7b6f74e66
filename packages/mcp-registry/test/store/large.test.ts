import { join } from 'node:path';
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { snapshotDelayMs } from '../../src/snapshot-schedule.ts';
import { CrashDisk } from '../lib/crash-disk.ts';
import { openCache, openOnDisk } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

test('a batch of several pieces is all or nothing, wherever it is cut', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('first'));
  await cache.upsertMany(
    Array.from({ length: 8 }, (_, i) => server(`s-${i}`, { text: 'é'.repeat(60_000) })),
  );
  const whole = Buffer.from(disk.text('/state/servers.log') ?? '');
  for (let cut = 300; cut <= whole.length; cut += 97_001) {
    const after = disk.reboot('process');
    after.put('/state/servers.log', whole.subarray(0, cut));
    const { cache: again } = await openOnDisk(after);
    expect({ cut, size: again.size }).toEqual({ cut, size: 1 });
  }
  const { cache: complete } = await openOnDisk(disk.reboot('nothing'));
  expect(complete.getAll()).toEqual(cache.getAll());
});

test(
  '12,000 records: written, snapshotted at a quarter, loaded, found, in one process (S4-43)',
  { timeout: 20_000 },
  async () => {
    const path = join(tempFolder(), 'servers.json');
    const records = Array.from({ length: 12_000 }, (_, i) =>
      server(`s-${String(i).padStart(5, '0')}`, {
        description: `number ${i}`,
        text: 'x'.repeat(800),
      }),
    );
    const { cache } = await openCache({ path });
    await cache.upsertMany(records);
    await expect
      .poll(() => statSync(path, { throwIfNoEntry: false })?.size ?? 0, { timeout: 10_000 })
      .toBeGreaterThan(9_000_000);
    const changed = records.slice(0, 100).map((one) => Object.assign({}, one, { changed: true }));
    await cache.upsertMany(changed);
    await cache.close();
    const { cache: again, warnings } = await openCache({ path });
    expect(again.size).toBe(12_000);
    expect(again.get('s-00099')?.['changed']).toBe(true);
    expect(again.get('s-00100')).toEqual(records[100]);
    expect(again.search({ text: 'number 11999' }).records.length).toBe(1);
    expect(warnings).toEqual([]);
  },
);

test('a snapshot of records that are larger than what is written at once reads back', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  const records = [100_000, 250_000, 131_000, 260_000, 10].map((length, at) =>
    server(`s-${at}`, { text: 'x'.repeat(length) }),
  );
  await cache.upsertMany(records);
  await cache.close();
  const second = disk.reboot('nothing');
  const { cache: again } = await openOnDisk(second);
  expect(again.getAll()).toEqual(records);
  // Once more, now from the bytes that were read.
  await again.upsert(server('s-4', { text: 'é' }));
  await again.close();
  const { cache: third } = await openOnDisk(second.reboot('nothing'));
  expect(third.getAll().slice(0, 4)).toEqual(records.slice(0, 4));
});

function sizes(journalBytes: number) {
  return { journalBytes, snapshotBytes: 1_000 };
}

test('snapshotDelayMs() waits 5 s up to 10,000 records, then for a quarter of the snapshot (contract)', () => {
  const policy = { maxEagerRecords: 10_000, delayMs: 5_000 };
  expect(snapshotDelayMs(policy, 10_000, sizes(1))).toBe(5_000);
  expect(snapshotDelayMs(policy, 10_001, sizes(249))).toBeUndefined();
  expect(snapshotDelayMs(policy, 10_001, sizes(250))).toBe(0);
});
