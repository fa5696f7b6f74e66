import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { createDirectRegistry } from '../src/direct-registry.ts';
import { closeRegistryCache, getRegistryCache, readAll, remove, upsert } from '../src/fs-store.ts';
import { registryPath } from '../src/registry-path.ts';
import { openCache } from './lib/open-cache.ts';
import { published, server } from './lib/records.ts';
import { tempFolder } from './lib/temp-folder.ts';

afterEach(async () => {
  await closeRegistryCache();
  vi.unstubAllEnvs();
});

test.each([
  [{ CORTEX_HOME: '/c', XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/c/mcp/servers.json'],
  [{ XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/x/cortex-os/mcp/servers.json'],
  [{ HOME: '/h' }, '/h/.config/cortex-os/mcp/servers.json'],
  [{ CORTEX_HOME: '', HOME: '/h' }, '/h/.config/cortex-os/mcp/servers.json'],
  [{}, join(process.cwd(), '.config/cortex-os/mcp/servers.json')],
])('registryPath(%j) is %s (B5)', (environment, path) => {
  expect(registryPath(environment)).toBe(path);
});

test('readAll(), upsert() and remove() give an array, nothing and a boolean (B6)', async () => {
  const path = join(tempFolder(), 'servers.json');
  expect(await readAll({ path })).toEqual([]);
  expect(await upsert(server('a'), { path })).toBeUndefined();
  expect(await readAll({ path })).toEqual([server('a')]);
  expect(await remove('a', { path })).toBe(true);
  expect(await remove('a', { path })).toBe(false);
});

test('readAll() returns copies (B7.23)', async () => {
  const path = join(tempFolder(), 'servers.json');
  await upsert(server('a', { env: { K: 'v' } }), { path });
  Object.assign((await readAll({ path }))[0]?.env ?? {}, { K: 'changed' });
  expect((await readAll({ path }))[0]?.env).toEqual({ K: 'v' });
});

test('the path follows the environment at each call (B7.23)', async () => {
  const [one, two] = [tempFolder(), tempFolder()];
  vi.stubEnv('CORTEX_HOME', one);
  await upsert(server('in-one'));
  vi.stubEnv('CORTEX_HOME', two);
  await upsert(server('in-two'));
  expect((await readAll()).map((record) => record.name)).toEqual(['in-two']);
  await closeRegistryCache();
  expect(readFileSync(join(one, 'mcp', 'servers.json'), 'utf8')).toContain('in-one');
});

test('getRegistryCache() is one cache per path, also for callers at once', async () => {
  const path = join(tempFolder(), 'servers.json');
  const [one, two] = await Promise.all([getRegistryCache({ path }), getRegistryCache({ path })]);
  expect(two).toBe(one);
  expect(one.access.kind).toBe('writer');
});

test('getRegistryCache() while the cache is closing waits and opens a writer', async () => {
  const path = join(tempFolder(), 'servers.json');
  await upsert(server('a'), { path });
  const closing = closeRegistryCache({ path });
  await Promise.resolve();
  const cache = await getRegistryCache({ path });
  await closing;
  expect([cache.access.kind, cache.size]).toEqual(['writer', 1]);
});

test('an opening that fails is not remembered', async () => {
  const path = join(tempFolder(), 'servers.json');
  writeFileSync(path, 'oops');
  await expect(readAll({ path })).rejects.toMatchObject({ code: 'EREGISTRYLOST' });
  writeFileSync(path, '{"servers":[]}');
  expect(await readAll({ path })).toEqual([]);
});

test('closeRegistryCache() of an opening that fails says nothing', async () => {
  const path = join(tempFolder(), 'servers.json');
  writeFileSync(path, 'oops');
  const opening = getRegistryCache({ path }).catch((error: unknown) => error);
  await closeRegistryCache({ path });
  expect(await opening).toMatchObject({ code: 'EREGISTRYLOST' });
});

function other(): void {
  // Somebody else's handler, which decides when the process ends.
}

function hook(event: 'exit' | 'beforeExit') {
  return process.rawListeners(event).at(-1);
}

test('the exit hooks write and close every cache (B7.22)', async () => {
  const path = join(tempFolder(), 'servers.json');
  const cache = await getRegistryCache({ path });
  process.on('SIGTERM', other);
  onTestFinished(() => void process.off('SIGTERM', other));
  const [onExit, onBeforeExit] = [hook('exit'), hook('beforeExit')];
  const first = cache.upsert(server('a'));
  process.emit('SIGTERM');
  await first;
  const second = cache.upsert(server('b'));
  onExit?.call(process, 0);
  expect(cache.health().durableGeneration).toBe(2);
  await second;
  onBeforeExit?.call(process, 0);
  await expect.poll(() => cache.access).toMatchObject({ reason: { code: 'EREGISTRYCLOSED' } });
  expect(readFileSync(path, 'utf8')).toContain('"name":"b"');
});

test('closing takes the exit hooks away', async () => {
  const before = process.listenerCount('SIGTERM');
  const path = join(tempFolder(), 'servers.json');
  await readAll({ path });
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  await closeRegistryCache({ path });
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test.each(['false', '0', 'NO', 'off'])(
  'MCP_REGISTRY_MEMORY_CACHE=%s works without a cache',
  async (word) => {
    vi.stubEnv('MCP_REGISTRY_MEMORY_CACHE', word);
    const path = join(tempFolder(), 'servers.json');
    await Promise.all(['a', 'b', 'c'].map(async (name) => upsert(server(name), { path })));
    expect(readFileSync(path, 'utf8')).toContain('"name":"c"');
    expect(await remove('b', { path })).toBe(true);
    expect(await remove('b', { path })).toBe(false);
    expect((await readAll({ path })).map((record) => record.name).toSorted()).toEqual(['a', 'c']);
    await expect(getRegistryCache({ path })).rejects.toMatchObject({ code: 'ECACHEDISABLED' });
  },
);

test('MCP_REGISTRY_MEMORY_CACHE=on keeps the cache; an odd word does too, with a warning', async () => {
  const path = join(tempFolder(), 'servers.json');
  vi.stubEnv('MCP_REGISTRY_MEMORY_CACHE', 'on');
  await getRegistryCache({ path });
  const warnings: string[] = [];
  const listener = (warning: Error) => warnings.push(warning.message);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  vi.stubEnv('MCP_REGISTRY_MEMORY_CACHE', 'perhaps');
  await getRegistryCache({ path });
  await expect.poll(() => warnings.join()).toContain('MCP_REGISTRY_MEMORY_CACHE');
});

test('a direct registry sees what the cache wrote, journal included, and the other way round', async () => {
  const path = join(tempFolder(), 'servers.json');
  const { cache } = await openCache({ path });
  await cache.upsertMany([server('a'), published('x/a', '1.0.0'), published('x/a', '2.0.0')]);
  const direct = createDirectRegistry({ path });
  expect((await direct.readAll()).length).toBe(3);
  await cache.close();
  expect(await direct.remove('x/a', '1.0.0')).toBe(true);
  await direct.upsert(server('b'));
  await direct.upsert(server('x/a'));
  expect(await direct.remove('x/a', null)).toBe(true);
  const { cache: again } = await openCache({ path });
  expect(again.search().records.map((one) => one.name)).toEqual(['a', 'b', 'x/a']);
});

test('a direct write waits for the lock of another writer', async () => {
  const path = join(tempFolder(), 'servers.json');
  const { cache } = await openCache({ path });
  await cache.upsert(server('a'));
  const direct = createDirectRegistry({ path });
  let written = false;
  const writing = direct.upsert(server('b')).then(() => (written = true));
  await direct.readAll();
  expect(written).toBe(false);
  await cache.close();
  await writing;
  expect((await direct.readAll()).map((one) => one.name)).toEqual(['a', 'b']);
});
