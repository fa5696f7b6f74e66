import { execFileSync } from 'node:child_process';
import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadCompiled } from '../../src/cli/load-compiled.ts';

const TEXT = `(typeof module === 'object' ? module : {}).exports = (function ($imports, $meta, $load) { 'use strict';
function called() { return $imports[0] + 1; }
return { called, url: $meta.url, load: $load, isModule: typeof module === 'object' };
});
`;
const KEEP_AFTER_MS = 3_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Chunk {
  readonly called: () => number;
  readonly url: string;
  readonly isModule: boolean;
}

async function chunkIn(folder: string): Promise<(argv?: readonly string[]) => Chunk> {
  const path = join(folder, 'chunk.cjs');
  await writeFile(path, TEXT);
  return (argv = ['serve']) =>
    loadCompiled({
      path,
      digest: 'abc',
      imports: [41],
      meta: import.meta,
      load: async (specifier) => await Promise.resolve(specifier),
      folder,
      argv,
    }) as unknown as Chunk;
}

test('loadCompiled() gives the exports, and keeps the code with what was called until then', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  const first = load();
  expect(first.url).toBe(import.meta.url);
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  const kept = join(folder.path, 'chunk.cjs-abc');
  const { size, mode } = await stat(kept);
  expect(mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(['chunk.cjs', 'chunk.cjs-abc']);
  await writeFile(kept, '');
  const again = load();
  expect(again.called()).toBe(42);
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  // With the function that was called this time.
  expect((await stat(kept)).size).toBeGreaterThan(size);
});

test('loadCompiled() takes what was kept, and then keeps nothing', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  load();
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  const second = load();
  expect(vi.getTimerCount()).toBe(0);
  expect(second.called()).toBe(42);
  expect(second.isModule).toBe(false);
});

test('loadCompiled() compiles again what is damaged, of another engine, or could be of somebody else', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  load();
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  const kept = join(folder.path, 'chunk.cjs-abc');
  const whole = await readFile(kept);
  const damaged = Buffer.from(whole);
  damaged.writeUInt8(damaged.readUInt8(whole.length - 9) ^ 1, whole.length - 9);
  for (const bytes of [damaged, whole.subarray(0, whole.length - 100), Buffer.alloc(20)]) {
    await writeFile(kept, bytes);
    expect(load().called()).toBe(42);
    expect(vi.getTimerCount()).toBe(1);
    vi.clearAllTimers();
  }
  await writeFile(kept, whole);
  await chmod(kept, 0o622);
  expect(load().called()).toBe(42);
  expect(vi.getTimerCount()).toBe(process.platform === 'win32' ? 0 : 1);
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  load();
  expect(vi.getTimerCount()).toBe(0);
});

test('loadCompiled() waits for no pipe in the place of what was kept', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  execFileSync('mkfifo', [join(folder.path, 'chunk.cjs-abc')]);
  expect(load().called()).toBe(42);
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  expect((await stat(join(folder.path, 'chunk.cjs-abc'))).isFile()).toBe(true);
});

test('loadCompiled() keeps nothing of other commands, and survives a folder that cannot be written', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  expect(load(['sync']).called()).toBe(42);
  expect(vi.getTimerCount()).toBe(0);
  load([]);
  load(['--port', '0']);
  expect(vi.getTimerCount()).toBe(2);
  vi.clearAllTimers();
  const missing = loadCompiled({
    path: join(folder.path, 'chunk.cjs'),
    digest: 'abc',
    imports: [1],
    meta: import.meta,
    load: async () => await Promise.resolve(),
    folder: join(folder.path, 'missing'),
    argv: [],
  });
  vi.advanceTimersByTime(KEEP_AFTER_MS);
  expect(missing['isModule']).toBe(false);
  expect(await readdir(folder.path)).toEqual(['chunk.cjs']);
});

test('loadCompiled() loads a usual module where nothing is kept, and where source maps are wanted', async () => {
  await using folder = tempFolder();
  const load = await chunkIn(folder.path);
  const options = {
    path: join(folder.path, 'chunk.cjs'),
    digest: 'abc',
    imports: [41],
    meta: import.meta,
    load: async () => await Promise.resolve(),
  };
  expect(loadCompiled({ ...options, folder: undefined })['isModule']).toBe(true);
  process.setSourceMapsEnabled(true);
  try {
    expect(load().isModule).toBe(true);
  } finally {
    process.setSourceMapsEnabled(false);
  }
  expect(vi.getTimerCount()).toBe(0);
  expect(load().isModule).toBe(false);
});
