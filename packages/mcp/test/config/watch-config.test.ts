import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchConfig, type WatchConfigOptions } from '../../src/config/watch-config.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cortex-watch-'));
  onTestFinished(async () => await rm(path, { recursive: true, force: true }));
  return path;
}

/** Counts changes and hands out the next one. */
async function watched(
  path: string,
  options: WatchConfigOptions = {},
): Promise<{ next(): Promise<void>; count(): number; close(): void }> {
  let count = 0;
  let pending = Promise.withResolvers<void>();
  const watcher = watchConfig(
    path,
    () => {
      count += 1;
      pending.resolve();
      pending = Promise.withResolvers<void>();
    },
    { debounceMs: 20, pollMs: 60_000, ...options },
  );
  onTestFinished(() => watcher.close());
  await watcher.ready;
  return {
    next: async () => await pending.promise,
    count: () => count,
    close: () => watcher.close(),
  };
}

test('watchConfig() notices a write in place and a rename over the file', async () => {
  const path = join(await folder(), 'c.json');
  await writeFile(path, '{}');
  const changes = await watched(path);
  const first = changes.next();
  await writeFile(path, '{"a":1}');
  await first;
  const second = changes.next();
  await writeFile(`${path}.tmp`, '{"a":22}');
  await rename(`${path}.tmp`, path);
  await second;
  // The watch is on the folder, so it outlives the file that was replaced.
  const third = changes.next();
  await writeFile(path, '{"a":333}');
  await third;
  expect(changes.count()).toBe(3);
});

test('watchConfig() makes one change of a burst, and none of other files or of removal', async () => {
  const root = await folder();
  const path = join(root, 'c.json');
  await writeFile(path, '{}');
  const changes = await watched(path, { debounceMs: 100 });
  await writeFile(join(root, 'other.json'), '{}');
  await unlink(path);
  const burst = changes.next();
  for (let size = 1; size <= 5; size += 1) await writeFile(path, 'x'.repeat(size));
  await burst;
  expect(changes.count()).toBe(1);
});

test('watchConfig() follows a link, and a link that is turned elsewhere', async () => {
  const root = await folder();
  await mkdir(join(root, 'one'));
  await mkdir(join(root, 'two'));
  await mkdir(join(root, 'here'));
  await writeFile(join(root, 'one/c.json'), '1');
  await writeFile(join(root, 'two/c.json'), '22');
  const path = join(root, 'here/c.json');
  await symlink(join(root, 'one/c.json'), path);
  const changes = await watched(path);
  const first = changes.next();
  await writeFile(join(root, 'one/c.json'), '111');
  await first;
  const second = changes.next();
  await symlink(join(root, 'two/c.json'), join(root, 'here/new'));
  await rename(join(root, 'here/new'), path);
  await second;
  expect(changes.count()).toBe(2);
});

test('watchConfig() also looks from time to time, and says so when a folder cannot be watched', async () => {
  const root = await folder();
  const errors: unknown[] = [];
  const path = join(root, 'later/c.json');
  const changes = await watched(path, { pollMs: 10, onError: (error) => errors.push(error) });
  const first = changes.next();
  await mkdir(join(root, 'later'));
  await writeFile(path, '{}');
  await first;
  expect(errors).toHaveLength(1);
});

test('watchConfig() survives an onChange that fails', async () => {
  const path = join(await folder(), 'c.json');
  await writeFile(path, '');
  const failed = Promise.withResolvers<unknown>();
  const watcher = watchConfig(path, () => Promise.reject(new Error('no')), {
    debounceMs: 1,
    onError: failed.resolve,
  });
  onTestFinished(() => watcher.close());
  await watcher.ready;
  await writeFile(path, 'x');
  expect(await failed.promise).toEqual(new Error('no'));
});

test('close() of watchConfig() is final, even before it was ready', async () => {
  const path = join(await folder(), 'c.json');
  await writeFile(path, '');
  let count = 0;
  const watcher = watchConfig(path, () => {
    count += 1;
  });
  watcher.close();
  watcher.close();
  await watcher.ready;
  const other = await watched(path);
  const changed = other.next();
  await writeFile(path, 'x');
  await changed;
  expect(count).toBe(0);
});
