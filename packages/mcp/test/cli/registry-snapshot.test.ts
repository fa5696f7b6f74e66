import { join } from 'node:path';
import { createRegistryClient, fromServerJson, type ServerRecord } from '@cortex-os/mcp-registry';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { openSnapshot } from '../../src/cli/registry-snapshot.ts';

const version = (number: string): ServerRecord =>
  fromServerJson({ name: 'io.test/a', version: number, description: 'd', packages: [] });
const mine: ServerRecord = { name: 'mine', transport: 'stdio', command: 'x' };

test('openSnapshot() answers from what was read, keeps up with its own writes, and removes one version or all', async () => {
  await using folder = tempFolder();
  const client = createRegistryClient({
    path: join(folder.path, 'servers.json'),
    random: () => 0.5,
  });
  const { target, records } = await openSnapshot(client);
  expect(records).toEqual([]);
  await target.upsertMany([mine, version('1.0.0'), version('2.0.0'), version('3.0.0')]);
  await target.upsertMany([{ ...mine, command: 'y' }]);
  expect(target.get('mine')).toMatchObject({ command: 'y' });
  expect(target.get('io.test/a')).toBeUndefined();
  expect(target.versions('io.test/a')).toHaveLength(3);
  expect(await target.remove('io.test/a', '2.0.0')).toBe(true);
  expect(await target.remove('io.test/a', '2.0.0')).toBe(false);
  expect(target.versions('io.test/a')).toHaveLength(2);
  expect(await target.remove('io.test/a')).toBe(true);
  expect(await target.remove('nobody')).toBe(false);
  expect(target.versions('io.test/a')).toEqual([]);
  expect((await openSnapshot(client)).records).toEqual([{ ...mine, command: 'y' }]);
});

test('openSnapshot() refuses to write over what another process has changed since', async () => {
  await using folder = tempFolder();
  const client = createRegistryClient({
    path: join(folder.path, 'servers.json'),
    random: () => 0.5,
  });
  const { target } = await openSnapshot(client);
  const theirs = { ...mine, command: 'theirs' };
  await client.change(() => ({ put: [theirs], value: undefined }));
  await expect(target.upsertMany([mine])).rejects.toThrow('just been changed by another process');
  expect((await openSnapshot(client)).records).toEqual([theirs]);
});

test('openSnapshot() removes many entries in one change, the one without a version alone, and none that was changed since', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'servers.json');
  const client = createRegistryClient({ path, random: () => 0.5 });
  let changes = 0;
  const counting: typeof client = {
    read: async (work) => await client.read(work),
    change: async (decide) => {
      changes += 1;
      return await client.change(decide);
    },
  };
  const own = { ...mine, name: 'io.test/a' };
  const many = Array.from({ length: 300 }, (_, at) => ({ ...mine, name: `s${at}` }));
  await client.change(() => ({ put: [own, version('1.0.0'), ...many], value: undefined }));
  const { target } = await openSnapshot(counting);
  const selections = [own, ...many].map(({ name }) => ({ name, version: null }));
  expect(await target.removeMany(selections)).toBe(301);
  expect(changes).toBe(1);
  expect(target.versions('io.test/a')).toEqual([version('1.0.0')]);
  await client.change(() => ({ put: [own], value: undefined }));
  await expect(target.removeMany([{ name: 'io.test/a', version: null }])).rejects.toThrow(
    'just been changed by another process',
  );
  expect((await openSnapshot(client)).records).toHaveLength(2);
});
