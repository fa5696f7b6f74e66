import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { RegistryError } from '../../src/registry-error.ts';
import { CrashDisk } from '../lib/crash-disk.ts';
import {
  diskWith,
  earlierBuild,
  journalPath,
  names,
  quarantined,
  twoGenerations,
} from '../lib/disk-states.ts';
import { diskPath, openOnDisk } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';

test.each([
  ['an empty file', ''],
  ['zeros', Buffer.alloc(600)],
  ['half a file', earlierBuild([server('a')]).slice(0, 40)],
  ['two files in one', earlierBuild([server('a')]).repeat(2)],
  ['an array', '[]'],
  ['null', 'null'],
  ['no list', '{}'],
  ['a list of another shape', '{"servers":{}}'],
])(
  '%s without anything before it refuses to open, twice, and changes nothing (P4, F8, F9)',
  async (_what, text) => {
    const disk = diskWith(text);
    for (let round = 0; round < 2; round++)
      await expect(openOnDisk(disk)).rejects.toMatchObject({ code: 'EREGISTRYLOST' });
    expect(disk.text(diskPath)).toBe(Buffer.from(text).toString());
    expect(quarantined(disk)).toEqual([]);
  },
);

test('a damaged snapshot gives way to the previous one and both journals: nothing is lost (B7.20, P4)', async () => {
  const disk = await twoGenerations();
  const damaged = `${(disk.text(diskPath) ?? '').slice(0, 30)}garbage`;
  disk.put(diskPath, damaged);
  const { cache, warnings } = await openOnDisk(disk);
  expect(names(cache)).toEqual(['a', 'b', 'c']);
  expect(warnings.map((one) => one.kind)).toEqual(
    expect.arrayContaining(['corrupt-snapshot', 'previous-snapshot-used']),
  );
  expect(quarantined(disk).map((path) => disk.text(path))).toContain(damaged);
});

test('a deleted snapshot gives way to the previous one as well', async () => {
  const disk = await twoGenerations();
  await disk.unlink(diskPath);
  const { cache } = await openOnDisk(disk);
  expect(names(cache)).toEqual(['a', 'b', 'c']);
});

test('the first snapshot, damaged, is rebuilt from the journals alone', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  await cache.close();
  disk.put(diskPath, 'x');
  const { cache: again } = await openOnDisk(disk);
  expect(names(again)).toEqual(['a']);
});

test('both snapshots damaged: EREGISTRYLOST on every start, every byte left alone (F9)', async () => {
  const disk = await twoGenerations();
  disk.put(diskPath, 'x');
  disk.put(`${diskPath}.prev`, 'y');
  const before = disk.paths().map((path) => [path, disk.text(path)]);
  for (let round = 0; round < 2; round++)
    await expect(openOnDisk(disk)).rejects.toMatchObject({ code: 'EREGISTRYLOST' });
  expect(disk.paths().map((path) => [path, disk.text(path)])).toEqual(before);
});

test('a journal without its snapshot refuses to open', async () => {
  const disk = await twoGenerations();
  await disk.unlink(diskPath);
  await disk.unlink(`${diskPath}.prev`);
  await expect(openOnDisk(disk)).rejects.toMatchObject({ code: 'EREGISTRYLOST' });
});

test('a snapshot cut anywhere never loses an entry (F8)', async () => {
  const source = await twoGenerations();
  const whole = Buffer.from(source.text(diskPath) ?? '');
  for (let length = 0; length < whole.length; length += 7) {
    const disk = source.reboot('process');
    disk.put(diskPath, whole.subarray(0, length));
    const { cache } = await openOnDisk(disk);
    expect({ length, names: names(cache) }).toEqual({ length, names: ['a', 'b', 'c'] });
    await cache.close();
  }
});

type Opened = Awaited<ReturnType<typeof openOnDisk>>;

function isOpened(value: unknown): value is Opened {
  return typeof value === 'object' && value !== null && 'cache' in value;
}

function isTyped(error: Error): boolean {
  return error instanceof RegistryError && error.code === 'EREGISTRYFORMAT';
}

async function openedRecords(opened: unknown): Promise<unknown[]> {
  if (!isOpened(opened)) return [];
  await opened.cache.close();
  return opened.cache.getAll();
}

test('property: a flipped bit anywhere loads the truth or refuses typed, and keeps the bytes (F8)', async () => {
  const source = await twoGenerations();
  const expected = [server('a'), server('b'), server('c')];
  const file = fc.constantFrom(diskPath, journalPath);
  const run = await fc.check(
    fc.asyncProperty(file, fc.nat(), fc.nat(7), async (path, offset, bit) => {
      const disk = source.reboot('process');
      const bytes = Buffer.from(disk.text(path) ?? '');
      const at = offset % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      disk.put(path, bytes);
      const opened = await openOnDisk(disk).catch((error: unknown) => error);
      const kept = () =>
        [path, ...quarantined(disk)].some((one) => disk.text(one) === bytes.toString());
      if (opened instanceof Error) return isTyped(opened) && kept();
      const records = await openedRecords(opened);
      // The journal's one batch has no second copy: damage there is noticed and kept, the rest is whole.
      if (path === journalPath && records.length === 2)
        return isDeepStrictEqual(records, expected.slice(0, 2)) && kept();
      return isDeepStrictEqual(records, expected);
    }),
    { numRuns: 300 },
  );
  expect(fc.defaultReportMessage(run)).toBeUndefined();
});

test('a damaged batch in the middle of the journal does not hide the later ones', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  for (const name of ['a', 'bb', 'c']) await cache.upsert(server(name));
  const after = disk.reboot('process');
  after.put(journalPath, (after.text(journalPath) ?? '').replace('"bb"', '"bx"'));
  const { cache: again, warnings } = await openOnDisk(after);
  expect(names(again)).toEqual(['a', 'c']);
  expect(warnings.map((one) => one.kind)).toEqual(
    expect.arrayContaining(['damaged-journal', 'generation-gap']),
  );
  await again.upsert(server('d'));
  const third = await openOnDisk(after.reboot('nothing'));
  expect(names(third.cache)).toEqual(['a', 'c', 'd']);
});

test('a torn batch at the end of the journal is cut off and written over', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  const after = disk.reboot('process');
  after.put(journalPath, `${after.text(journalPath)}{"begin":2}\n{"put":{"name":"torn","tra`);
  const { cache: again, warnings } = await openOnDisk(after);
  expect(names(again)).toEqual(['a']);
  expect(warnings).toEqual([]);
  await again.upsert(server('b'));
  const third = await openOnDisk(after.reboot('nothing'));
  expect(names(third.cache)).toEqual(['a', 'b']);
});

test('a batch whose last newline was damaged is used, and the journal replaced', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('a'));
  for (const end of ['', '\u000b']) {
    const after = disk.reboot('process');
    after.put(journalPath, `${(after.text(journalPath) ?? '').slice(0, -1)}${end}`);
    const { cache: again } = await openOnDisk(after);
    await again.upsert(server('b'));
    const third = await openOnDisk(after.reboot('nothing'));
    expect(names(third.cache)).toEqual(['a', 'b']);
    expect(third.warnings).toEqual([]);
  }
});

test('an older file put back is loaded as it is, with a warning; generations go on (F18)', async () => {
  const disk = new CrashDisk();
  const { cache: first } = await openOnDisk(disk);
  await first.upsert(server('old'));
  await first.close();
  const backup = disk.text(diskPath) ?? '';
  const { cache: second } = await openOnDisk(disk);
  await second.upsert(server('new'));
  await second.close();
  disk.put(diskPath, backup);
  const { cache: third, warnings } = await openOnDisk(disk);
  expect(names(third)).toEqual(['old']);
  expect(warnings.map((one) => one.kind)).toContain('generation-backwards');
  expect(third.health().generation).toBeGreaterThanOrEqual(2);
  await third.close();
  const { cache: fourth, warnings: later } = await openOnDisk(disk);
  expect(names(fourth)).toEqual(['old']);
  expect(later).toEqual([]);
});

test('an older file put back without its journal is noticed by the previous one', async () => {
  const disk = new CrashDisk();
  const texts: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const { cache } = await openOnDisk(disk);
    await cache.upsert(server(name));
    await cache.close();
    texts.push(disk.text(diskPath) ?? '');
  }
  disk.put(diskPath, texts[0] ?? '');
  await disk.unlink(journalPath);
  const { cache, warnings } = await openOnDisk(disk);
  expect(names(cache)).toEqual(['a']);
  expect(warnings.map((one) => one.kind)).toContain('generation-backwards');
});

test('a newer format refuses to open and is not touched (P4)', async () => {
  const disk = await twoGenerations();
  const newer = (disk.text(diskPath) ?? '').replace('"format":1', '"format":2');
  disk.put(diskPath, newer);
  await expect(openOnDisk(disk)).rejects.toMatchObject({ code: 'EREGISTRYFORMAT' });
  const pretty = earlierBuild([], { registry: { format: 9 } });
  await expect(openOnDisk(diskWith(pretty))).rejects.toMatchObject({ code: 'EREGISTRYFORMAT' });
  expect(disk.text(diskPath)).toBe(newer);
});

test.each(['EIO', 'EACCES'])(
  '%s while reading refuses to open and quarantines nothing (P4, F6)',
  async (code) => {
    const disk = await twoGenerations();
    disk.fault = (operation, path) =>
      operation === 'read' && path === diskPath ? code : undefined;
    await expect(openOnDisk(disk)).rejects.toMatchObject({ code });
    disk.fault = () => undefined;
    const { cache } = await openOnDisk(disk);
    expect(names(cache)).toEqual(['a', 'b', 'c']);
    expect(quarantined(disk)).toEqual([]);
  },
);
