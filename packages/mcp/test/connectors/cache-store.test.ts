import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createFileCacheStore,
  type FileCacheStoreOptions,
} from '../../src/connectors/cache/cache-store-file.ts';
import type { CacheStore, StoredEntry } from '../../src/connectors/cache/cache-store.ts';

let root = '';
let folder = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cortex-cache-'));
  folder = join(root, 'state', 'manifests');
});
afterEach(async () => await rm(root, { recursive: true }));

function decode(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError('not a string');
  return json;
}

function storeOf(options: Partial<FileCacheStoreOptions<string>> = {}): CacheStore<string> {
  return createFileCacheStore({ folder, decode, ...options });
}

function entryOf(key: string, value: string = `value of ${key}`): StoredEntry<string> {
  return { key, value, ttlMs: 60_000, storedAtMs: 1_000, notAfterMs: undefined };
}

test('createFileCacheStore() gives back what was saved, one file per connector', async () => {
  const store = storeOf();
  expect(await store.loadAll()).toEqual([]);
  await store.save(entryOf('github'));
  await store.save({ ...entryOf('files'), notAfterMs: 9_000 });
  await store.save(entryOf('github', 'newer'));
  expect((await readdir(folder)).toSorted()).toEqual(['files.json', 'github.json']);
  expect(await storeOf().loadAll()).toEqual([
    { ...entryOf('files'), notAfterMs: 9_000 },
    entryOf('github', 'newer'),
  ]);
  await store.delete('github');
  await store.delete('github');
  expect(await storeOf().loadAll()).toHaveLength(1);
});

test('loadAll() reads ahead, keeps the order of the keys and leaves out what cannot be read', async () => {
  const store = storeOf();
  const keys = Array.from({ length: 40 }, (_, index) => `server-${String(index).padStart(2, '0')}`);
  for (const key of keys) await store.save(entryOf(key));
  for (const key of ['server-05', 'server-39']) {
    await writeFile(join(folder, `${key}.json`), '{');
  }
  const damaged: string[] = [];
  const entries = await storeOf({ onDamaged: (file) => damaged.push(file) }).loadAll();
  const whole = keys.filter((key) => key !== 'server-05' && key !== 'server-39');
  expect(entries.map(({ key }) => key)).toEqual(whole);
  expect(damaged).toEqual(['server-05.json', 'server-39.json']);
});

test('createFileCacheStore() writes files 0600 in a folder 0700', async () => {
  await storeOf().save(entryOf('github'));
  expect((await stat(join(folder, 'github.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

test('createFileCacheStore() takes any key without leaving its folder', async () => {
  const keys = ['../../escape', 'a/b', '', '.', 'ключ', '__proto__', 'A', 'a'.repeat(500)];
  const store = storeOf();
  for (const key of keys) await store.save(entryOf(key));
  expect((await store.loadAll()).map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
  expect(await readdir(root)).toEqual(['state']);
  for (const key of keys) await store.delete(key);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ['cut short', '{"key":"bad","value":"v"'],
  ['empty', ''],
  ['no object', '7'],
  ['another key', JSON.stringify({ ...entryOf('other') })],
  ['no times', JSON.stringify({ key: 'bad', value: 'v' })],
  ['a value that does not decode', JSON.stringify({ ...entryOf('bad'), value: 7 })],
])(
  'createFileCacheStore() sets a file aside that holds %s, and reads the others (S4-30)',
  async (_, text) => {
    const damaged: string[] = [];
    await storeOf().save(entryOf('good'));
    await writeFile(join(folder, 'bad.json'), text);
    const store = storeOf({ onDamaged: (file) => damaged.push(file) });
    expect(await store.loadAll()).toEqual([entryOf('good')]);
    expect(damaged).toEqual(['bad.json']);
    expect((await readdir(folder)).toSorted()).toEqual(['bad.bad', 'good.json']);
    expect(await readFile(join(folder, 'bad.bad'), 'utf8')).toBe(text);
    await store.save(entryOf('bad'));
    expect(await store.loadAll()).toHaveLength(2);
  },
);

test('createFileCacheStore() is bounded in bytes per entry and in entries', async () => {
  const store = storeOf({ maxBytes: 200, maxEntries: 2 });
  await store.save(entryOf('a'));
  await expect(store.save(entryOf('a', 'x'.repeat(200)))).rejects.toMatchObject({
    code: 'CACHE_ENTRY_TOO_LARGE',
  });
  expect(await store.loadAll()).toEqual([]);
  await writeFile(join(folder, 'big.json'), JSON.stringify(entryOf('big', 'x'.repeat(200))));
  expect(await store.loadAll()).toEqual([]);
  for (const key of ['k1', 'k2', 'k3']) await store.save(entryOf(key));
  expect(await store.loadAll()).toHaveLength(2);
});

test('createFileCacheStore() uses encode and decode for values JSON cannot hold', async () => {
  const store = createFileCacheStore<Map<string, number>>({
    folder,
    encode: (value) => [...value],
    decode: (json) => new Map(json as [string, number][]),
  });
  await store.save({ ...entryOf('m'), value: new Map([['a', 1]]) });
  expect((await store.loadAll())[0]?.value).toEqual(new Map([['a', 1]]));
});

test('createFileCacheStore() ignores foreign files and reports a folder it cannot read', async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'notes.txt'), 'x');
  expect(await storeOf().loadAll()).toEqual([]);
  expect(await readdir(folder)).toEqual(['notes.txt']);
  const store = storeOf({ folder: join(folder, 'notes.txt') });
  await expect(store.loadAll()).rejects.toMatchObject({ code: 'ENOTDIR' });
});
