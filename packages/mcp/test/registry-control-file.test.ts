import { readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { createControlFile } from '../src/service/registry/registry-control-file.ts';

test('publish() writes a file only its owner can read, with a token nobody can guess, and remove() takes it away', async () => {
  await using folder = tempFolder();
  const stateFolder = join(folder.path, 'new');
  const file = join(stateFolder, 'registry-control.json');
  const control = createControlFile(stateFolder);
  expect(control.token).toMatch(/^[\w-]{43}$/);
  expect(createControlFile(stateFolder).token).not.toBe(control.token);
  await expect(stat(stateFolder)).rejects.toThrow('ENOENT');
  await control.publish('http://127.0.0.1:1');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(stateFolder)).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    url: 'http://127.0.0.1:1',
    pid: process.pid,
    token: control.token,
  });
  await control.remove();
  await expect(stat(file)).rejects.toThrow('ENOENT');
  await control.remove();
});

test('remove() leaves the announcement of a service that has taken its place', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'registry-control.json');
  const [first, second] = [createControlFile(folder.path), createControlFile(folder.path)];
  await first.publish('http://127.0.0.1:1');
  await second.publish('http://127.0.0.1:2');
  await first.remove();
  expect(await readFile(file, 'utf8')).toContain(second.token);
  await writeFile(file, 'another');
  await second.remove();
  expect(await readFile(file, 'utf8')).toBe('another');
  await unlink(file);
});
