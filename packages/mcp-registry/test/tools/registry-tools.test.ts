import { expect, test } from 'vitest';
import { createCacheHandle, createDirectHandle } from '../../src/tools/registry-handle.ts';
import { createRegistryTools, type RegistryTools } from '../../src/tools/registry-tools.ts';
import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openCache } from '../lib/open-cache.ts';
import { published, server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

interface Rig {
  readonly cache: RegistryMemoryCache;
  readonly tools: RegistryTools;
  readonly errors: unknown[];
  readonly ok: (name: string, args?: object) => Promise<Record<string, unknown>>;
  readonly fail: (name: string, args?: unknown) => Promise<{ code: string; message: string }>;
}

const now = (): Date => new Date('2026-11-21T10:00:00Z');

async function rig(): Promise<Rig> {
  const { cache } = await openCache({ path: `${tempFolder()}/servers.json` });
  const errors: unknown[] = [];
  const tools = createRegistryTools({
    handle: createCacheHandle(cache),
    now,
    onError: (error) => errors.push(error),
  });
  return {
    cache,
    tools,
    errors,
    ok: async (name, args) => {
      const result = await tools.call(name, args);
      expect(result?.isError).toBeUndefined();
      const [content] = result?.content ?? [];
      expect(JSON.parse(content?.text ?? '')).toEqual(result?.structuredContent);
      return { ...result?.structuredContent };
    },
    fail: async (name, args) => {
      const result = await tools.call(name, args);
      expect(result?.isError).toBe(true);
      expect(result?.structuredContent).toBeUndefined();
      const { error } = JSON.parse(result?.content[0]?.text ?? '') as {
        error: { code: string; message: string };
      };
      return error;
    },
  };
}

test('createRegistryTools() describes list, get, register, unregister and stats with both schemas (S4-28, B5)', async () => {
  const { tools } = await rig();
  expect(tools.definitions.map(({ name }) => name)).toEqual([
    'list',
    'get',
    'stats',
    'register',
    'unregister',
  ]);
  for (const { inputSchema, outputSchema, annotations, name } of tools.definitions) {
    expect(inputSchema).toMatchObject({ type: 'object' });
    expect(outputSchema).toMatchObject({ type: 'object' });
    expect(inputSchema).not.toHaveProperty('$schema');
    expect(annotations.readOnlyHint).toBe(['list', 'get', 'stats'].includes(name));
  }
  expect(tools.call('marketplace', {})).toBeUndefined();
});

test('list pages through everything by cursor, and its pages are bounded', async () => {
  const { cache, ok, fail } = await rig();
  await cache.upsertMany(Array.from({ length: 130 }, (_, i) => server(`s${1000 + i}`)));
  const names: string[] = [];
  let cursor: unknown;
  do {
    const page = await ok('list', { limit: 50, ...(cursor !== undefined && { cursor }) });
    names.push(...(page['servers'] as { name: string }[]).map(({ name }) => name));
    expect(page['total']).toBe(130);
    cursor = page['nextCursor'];
  } while (cursor !== undefined);
  expect(names).toEqual(Array.from({ length: 130 }, (_, i) => `s${1000 + i}`));
  expect((await fail('list', { limit: 101 })).code).toBe('validation_error');
  expect((await fail('list', { cursor: '!!' })).code).toBe('validation_error');
  expect((await fail('list', { patern: 'x' })).code).toBe('validation_error');
});

test('list takes patterns as text, not as regular expressions, and whole tags only (defect 25)', async () => {
  const { cache, ok } = await rig();
  await cache.upsertMany([
    server('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', { tags: ['db'] }),
    server('tool', { tags: ['db', 'fast'], command: 'fast' }),
    server('other', { command: 'db' }),
  ]);
  const names = async (args: object): Promise<string[]> =>
    ((await ok('list', args))['servers'] as { name: string }[]).map(({ name }) => name);
  expect(await names({ pattern: '(a+)+$' })).toEqual([]);
  expect(await names({ pattern: 'T*l' })).toEqual(['tool']);
  expect(await names({ tags: ['DB'] })).toEqual(['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', 'tool']);
  expect(await names({ tags: ['db', 'fast'] })).toEqual(['tool']);
});

test('list and get redact secrets (defect 24)', async () => {
  const { cache, ok } = await rig();
  await cache.upsert(
    server('a', { env: { TOKEN: 's3cret' }, headers: { Authorization: 'Bearer s3cret' } }),
  );
  await cache.upsert({
    name: 'b',
    transport: 'http',
    endpoint: 'https://u:s3cret@h.example/x?key=s3cret',
  });
  const shown = JSON.stringify([await ok('list'), await ok('get', { name: 'a' })]);
  expect(shown).not.toContain('s3cret');
});

test('get gives the latest version or the one asked for, and not_found', async () => {
  const { cache, ok, fail } = await rig();
  await cache.upsertMany([published('x/y', '1.0.0'), published('x/y', '2.0.0')]);
  expect(await ok('get', { name: 'x/y' })).toMatchObject({
    server: { server: { version: '2.0.0' } },
    versions: ['1.0.0', '2.0.0'],
  });
  expect(await ok('get', { name: 'x/y', version: '1.0.0' })).toMatchObject({
    server: { server: { version: '1.0.0' } },
  });
  expect((await fail('get', { name: 'z' })).code).toBe('not_found');
  expect((await fail('get', {})).message).toMatch(/^name: /);
});

test('register stores inert data of origin remote, whatever members it is given', async () => {
  const { cache, ok } = await rig();
  const answer = await ok('register', {
    server: {
      name: 'evil',
      transport: 'stdio',
      command: 'rm',
      args: ['-rf', '/'],
      origin: 'local',
      connector: {},
      enabled: true,
      source: { kind: 'client', client: 'cursor', entry: 'github', keys: { command: 'sh' } },
      cwd: '/',
      envFile: '/etc/environment',
      server: { name: 'evil', version: '1', description: '' },
      custom: 1,
    },
  });
  expect(answer).toEqual({
    name: 'evil',
    replaced: false,
    ignored: ['connector', 'enabled', 'origin', 'source', 'cwd', 'envFile', 'server'],
  });
  expect(cache.get('evil')).toEqual({
    name: 'evil',
    transport: 'stdio',
    command: 'rm',
    args: ['-rf', '/'],
    custom: 1,
    origin: 'remote',
  });
});

test('register takes a whole server.json and dates it', async () => {
  const { cache, ok, fail } = await rig();
  const document = {
    name: 'io.github.x/y',
    description: 'd',
    version: '1.0.0',
    remotes: [{ type: 'streamable-http', url: 'https://h.example/mcp' }],
  };
  expect(await ok('register', { server: document })).toMatchObject({ version: '1.0.0' });
  expect(cache.get('io.github.x/y')).toMatchObject({
    origin: 'remote',
    endpoint: 'https://h.example/mcp',
    server: document,
    _meta: {
      'io.modelcontextprotocol.registry/official': {
        status: 'active',
        publishedAt: '2026-11-21T10:00:00.000Z',
      },
    },
  });
  const bad = await fail('register', {
    server: { name: 'no-slash', version: '1', description: '' },
  });
  expect(bad.code).toBe('validation_error');
});

test('register refuses a name that is taken unless overwrite is set; of two at once one wins (defect 25)', async () => {
  const { cache, tools, ok } = await rig();
  const one = (endpoint: string) =>
    tools.call('register', { server: { name: 'a', transport: 'http', endpoint } });
  const results = await Promise.all([one('https://1.example'), one('https://2.example')]);
  expect(results.map((result) => result?.isError)).toEqual([undefined, true]);
  expect(results[1]?.content[0]?.text).toContain('duplicate_server');
  expect(cache.get('a')?.endpoint).toBe('https://1.example');
  const again = { server: { name: 'a', transport: 'http' }, overwrite: true };
  expect(await ok('register', again)).toMatchObject({ replaced: true });
});

test('register and unregister leave the entries of the operator alone', async () => {
  const { cache, fail } = await rig();
  const mine = [
    server('mine', { origin: 'local', connector: {} }),
    server('old'),
    published('x/used', '1.0.0', { origin: 'remote', connector: {} }),
  ];
  await cache.upsertMany(mine);
  for (const { name } of mine) {
    const taken = { server: { name, transport: 'stdio' }, overwrite: true };
    expect((await fail('register', taken)).code).toBe('security_error');
    expect((await fail('unregister', { name })).code).toBe('security_error');
  }
  expect(cache.size).toBe(3);
});

test('unregister removes one version or all, and says when there is none', async () => {
  const { cache, ok, fail } = await rig();
  const two = ['1.0.0', '2.0.0'].map((v) => published('x/y', v, { origin: 'remote' }));
  await cache.upsertMany(two);
  expect(await ok('unregister', { name: 'x/y', version: '1.0.0' })).toEqual({
    name: 'x/y',
    removed: true,
  });
  expect(cache.size).toBe(1);
  expect((await fail('unregister', { name: 'x/y', version: '1.0.0' })).code).toBe('not_found');
  await ok('unregister', { name: 'x/y' });
  expect(cache.size).toBe(0);
});

test('stats counts by kind', async () => {
  const { cache, ok } = await rig();
  await cache.upsertMany([
    server('a', { connector: {} }),
    published('x/y', '1.0.0'),
    published('x/y', '2.0.0'),
  ]);
  expect(await ok('stats')).toMatchObject({
    records: 3,
    servers: 2,
    connectors: 1,
    transports: { stdio: 1, streamableHttp: 2 },
    statuses: { active: 3 },
    origins: { local: 1, remote: 2 },
    access: 'writer',
    generation: 3,
    durableGeneration: 3,
  });
});

test('a registry that cannot be written is unavailable, with the code of the store', async () => {
  const path = `${tempFolder()}/servers.json`;
  await openCache({ path });
  const errors: unknown[] = [];
  const handle = createDirectHandle({ path, random: () => 0.5, lockWaitMs: 0 });
  const tools = createRegistryTools({ handle, now, onError: (error) => errors.push(error) });
  const result = await tools.call('register', { server: { name: 'a', transport: 'stdio' } });
  expect(result?.content[0]?.text).toContain('"code":"unavailable","message":"ELOCKED');
  expect(errors).toHaveLength(1);
});

test('an error of ours tells the caller nothing', async () => {
  const errors: unknown[] = [];
  const bug = new Error('with a secret');
  const handle = { use: () => Promise.reject(bug) };
  const tools = createRegistryTools({ handle, now, onError: (error) => errors.push(error) });
  const result = await tools.call('stats', {});
  expect(result?.content[0]?.text).toContain('internal_error');
  expect(JSON.stringify(result)).not.toContain('secret');
  expect(errors).toEqual([bug]);
});

test('a tool that fails in an unforeseen way says so without details, also when nobody wants to be told', async () => {
  const tools = createRegistryTools({
    now,
    handle: { use: async () => await Promise.reject(new Error('detail')) },
  });
  const result = await tools.call('stats', {});
  expect(result).toMatchObject({ isError: true });
  expect(result?.content[0]?.text).toContain('internal_error');
  expect(result?.content[0]?.text).not.toContain('detail');
  const refused = await tools.call('list', 7);
  expect(refused?.content[0]?.text).toContain('the arguments: ');
});
