import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

test('a second cache in the same process reads and follows, then takes over (B7.21)', async () => {
  const path = join(tempFolder(), 'servers.json');
  const { cache: writer } = await openCache({ path }, { snapshotDelayMs: 1 });
  const { cache: reader } = await openCache({ path, pollMs: 10 });
  expect(reader.access.kind).toBe('reader');
  const told: string[] = [];
  reader.subscribe((changes) => told.push(...changes.map((one) => `${one.kind} ${one.name}`)));
  for (let n = 0; n < 30; n++) {
    await writer.upsert(server(`s-${n}`, { n }));
    await expect.poll(() => reader.size).toBeGreaterThan(n - 10);
  }
  await expect.poll(() => reader.size).toBe(30);
  await writer.remove('s-0');
  await expect.poll(() => reader.get('s-0')).toBeUndefined();
  expect(told).toContain('put s-29');
  expect(told).toContain('remove s-0');
  expect(told.length).toBe(31);
  await writer.close();
  await expect
    .poll(async () =>
      reader.upsert(server('mine')).then(
        () => 'ok',
        () => 'no',
      ),
    )
    .toBe('ok');
  expect(reader.size).toBe(30);
});

test('a reader follows a file that was replaced altogether', async () => {
  const folder = tempFolder();
  const path = join(folder, 'servers.json');
  const { cache: writer } = await openCache({ path });
  await writer.upsert(server('a'));
  const { cache: reader } = await openCache({ path, pollMs: 10 });
  await writer.close();
  spawnSync('rm', ['-r', folder]);
  const { cache: other } = await openCache({ path });
  await other.upsert(server('b'));
  await expect.poll(() => reader.getAll().map((one) => one.name)).toEqual(['b']);
});

test('readOnly never takes the lock', async () => {
  const path = join(tempFolder(), 'servers.json');
  const { cache: reader } = await openCache({ path, readOnly: true });
  expect(reader.access.kind).toBe('reader');
  const { cache: writer } = await openCache({ path });
  expect(writer.access.kind).toBe('writer');
});

test('an edit by hand is taken over while the service runs, and does not undo newer writes (B7.21)', async () => {
  const path = join(tempFolder(), 'servers.json');
  writeFileSync(path, JSON.stringify({ servers: ['a', 'b', 'gone'].map((name) => server(name)) }));
  const { cache, warnings } = await openCache({ path, pollMs: 10 });
  await cache.upsert(server('b', { command: 'ours' }));
  await cache.remove('gone');
  await cache.upsert(server('new'));
  const told: string[] = [];
  cache.subscribe((changes) => told.push(...changes.map((one) => `${one.kind} ${one.name}`)));
  const edited = [
    server('a', { command: 'edited' }),
    server('b', { command: 'edited' }),
    server('gone'),
    server('added'),
  ];
  writeFileSync(path, JSON.stringify({ servers: edited, note: 'mine' }));
  await expect.poll(() => cache.get('added')).toBeDefined();
  expect(Object.fromEntries(cache.getAll().map((one) => [one.name, one.command]))).toEqual({
    a: 'edited',
    b: 'ours',
    new: 'run',
    added: 'run',
  });
  expect(told.toSorted()).toEqual(['put a', 'put added']);
  expect(warnings.map((one) => one.kind)).toContain('external-edit');
  await cache.close();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ note: 'mine' });
  const { cache: again } = await openCache({ path });
  expect(again.size).toBe(4);
});

test('an entry deleted by hand is removed', async () => {
  const path = join(tempFolder(), 'servers.json');
  writeFileSync(path, JSON.stringify({ servers: [server('a'), server('b')] }));
  const { cache } = await openCache({ path, pollMs: 10 });
  writeFileSync(path, JSON.stringify({ servers: [server('b')] }));
  await expect.poll(() => cache.get('a')).toBeUndefined();
  expect(cache.size).toBe(1);
});
