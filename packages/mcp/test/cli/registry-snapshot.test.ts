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
