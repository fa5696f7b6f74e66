import { expect, test } from 'vitest';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { CrashDisk } from '../lib/crash-disk.ts';
import { diskWith, earlierBuild, names, quarantined, twoGenerations } from '../lib/disk-states.ts';
import { diskPath, openOnDisk } from '../lib/open-cache.ts';
import { published, server } from '../lib/records.ts';

test('a file of the earlier build loads unchanged and is not rewritten by reading (B5, B6)', async () => {
  const servers = [
    {
      name: 'z',
      transport: 'stdio',
      command: 'x',
      args: ['-y'],
      env: { K: 'v' },
      custom: { a: [1] },
    },
    { name: 'a', transport: 'http', endpoint: 'http://localhost' },
  ];
  const text = earlierBuild(servers, { $comment: 'mine' });
  const disk = diskWith(text);
  const { cache } = await openOnDisk(disk);
  expect(cache.getAll()).toEqual(servers);
  await cache.close();
  expect(disk.text(diskPath)).toBe(text);
});

test('unknown fields and top-level keys survive a rewrite (B7.20)', async () => {
  const disk = diskWith(
    earlierBuild([server('a', { custom: { deep: [null] } })], { note: { x: 1 }, list: [] }),
  );
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('b'));
  await cache.close();
  const written: unknown = JSON.parse(disk.text(diskPath) ?? '');
  expect(written).toMatchObject({
    servers: [server('a', { custom: { deep: [null] } }), server('b')],
    note: { x: 1 },
    list: [],
    registry: { format: 1, count: 2, generation: 1 },
  });
});

test('a file with a byte order mark loads', async () => {
  const { cache } = await openOnDisk(diskWith(`\uFEFF${earlierBuild([server('a')])}`));
  expect(names(cache)).toEqual(['a']);
});

test('one invalid entry does not take the good ones with it, and is kept aside (B7.20, P4)', async () => {
  const disk = diskWith(
    earlierBuild([server('a'), { name: 'bad', transport: 'carrier' }, server('b')]),
  );
  const { cache, warnings } = await openOnDisk(disk);
  expect(names(cache)).toEqual(['a', 'b']);
  expect(warnings.map((one) => one.kind)).toContain('rejected-entry');
  const kept = quarantined(disk);
  expect(kept.map((path) => disk.text(path))).toEqual(['{"name":"bad","transport":"carrier"}\n']);
  await cache.upsert(server('c'));
  await cache.close();
  const { cache: again } = await openOnDisk(disk);
  expect(names(again)).toEqual(['a', 'b', 'c']);
});

test('of two entries with one name the later is used and the earlier kept aside', async () => {
  const disk = diskWith(earlierBuild([server('a', { n: 1 }), server('a', { n: 2 })]));
  const { cache } = await openOnDisk(disk);
  expect(cache.getAll()).toEqual([server('a', { n: 2 })]);
  expect(quarantined(disk).map((path) => disk.text(path))).toEqual([
    `${JSON.stringify(server('a', { n: 1 }))}\n`,
  ]);
});

test('a file the earlier build wrote beside our journal keeps its entries and loses none of ours', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsertMany(['kept', 'theirs', 'both', 'gone'].map((name) => server(name)));
  await cache.close();
  const { cache: crashed } = await openOnDisk(disk);
  await crashed.upsertMany([
    server('kept', { command: 'ours' }),
    server('both', { command: 'ours' }),
  ]);
  await crashed.upsert(server('added'));
  await crashed.remove('gone');
  const after = disk.reboot('process');
  after.put(
    diskPath,
    earlierBuild([
      server('kept'),
      server('theirs', { command: 'theirs' }),
      server('both', { command: 'theirs' }),
      server('gone'),
    ]),
  );
  const { cache: joined, warnings } = await openOnDisk(after);
  expect(Object.fromEntries(joined.getAll().map((one) => [one.name, one.command]))).toEqual({
    kept: 'ours',
    theirs: 'theirs',
    both: 'theirs',
    added: 'run',
  });
  expect(warnings.map((one) => one.kind)).toContain('merged-journal');
  expect(quarantined(after).length).toBe(1);
});

test('a foreign file with a journal that extends it replays', async () => {
  const disk = diskWith(earlierBuild([server('a'), server('b')]));
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('c'));
  await cache.remove('a');
  const { cache: again, warnings } = await openOnDisk(disk.reboot('nothing'));
  expect(names(again)).toEqual(['b', 'c']);
  expect(warnings).toEqual([]);
});

test('a snapshot of another registry is not joined with our journal', async () => {
  const [one, other] = [await twoGenerations(), await twoGenerations()];
  one.put(diskPath, other.text(diskPath) ?? '');
  const { cache, warnings } = await openOnDisk(one);
  expect(names(cache)).toEqual(['a', 'b']);
  expect(warnings.map((warning) => warning.kind)).toContain('detached-journal');
});

test('files the earlier build left readable by all are closed to others (B7.24, P7)', async () => {
  const disk = diskWith(earlierBuild([server('a')]));
  await disk.chmod(diskPath, 0o100644);
  await openOnDisk(disk);
  expect((await disk.facts(diskPath)).mode & 0o777).toBe(0o600);
});

test('an edit by hand is noticed and joined with what memory has (B7.21)', async () => {
  const disk = diskWith(earlierBuild([server('a'), server('b'), server('c')]));
  const { cache, warnings } = await openOnDisk(disk);
  const told: unknown[] = [];
  cache.subscribe((changes) => told.push(...changes.map((one) => `${one.kind} ${one.name}`)));
  await cache.upsert(server('b', { command: 'ours' }));
  told.length = 0;
  disk.put(
    diskPath,
    earlierBuild([
      server('a', { command: 'edited' }),
      server('b', { command: 'edited' }),
      server('d'),
    ]),
  );
  await cache.close();
  expect(warnings.map((one) => one.kind)).toContain('external-edit');
  const { cache: again } = await openOnDisk(disk);
  expect(Object.fromEntries(again.getAll().map((one) => [one.name, one.command]))).toMatchObject({
    b: 'ours',
  });
});

test('an edit that is not usable is kept aside and written over, with a warning', async () => {
  const disk = diskWith(earlierBuild([server('a')]));
  const { cache, warnings } = await openOnDisk(disk);
  await cache.upsert(server('b'));
  disk.put(diskPath, '{ "servers": [ oops');
  await cache.close();
  expect(warnings.map((one) => one.kind)).toContain('rejected-edit');
  expect(quarantined(disk).map((path) => disk.text(path))).toEqual(['{ "servers": [ oops']);
  const { cache: again } = await openOnDisk(disk);
  expect(names(again)).toEqual(['a', 'b']);
});

test('a file of ours is readable by the earlier build: a JSON object with a list of ServerInfo', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk);
  await cache.upsertMany([server('a'), published('x/a', '1.0.0')]);
  await cache.close();
  const parsed = JSON.parse(disk.text(diskPath) ?? '') as {
    servers: { name: string; transport: string }[];
  };
  expect(parsed.servers.map((one) => [one.name, one.transport])).toEqual([
    ['a', 'stdio'],
    ['x/a', 'streamableHttp'],
  ]);
});

test('fingerprint() ignores order and fields the earlier build drops, and nothing else', () => {
  const base = server('a', { env: { A: '1', B: '2' } });
  expect(fingerprint({ ...base, env: { B: '2', A: '1' }, custom: 1 })).toBe(fingerprint(base));
  expect(fingerprint({ ...base, env: { A: '1', B: '3' } })).not.toBe(fingerprint(base));
});
