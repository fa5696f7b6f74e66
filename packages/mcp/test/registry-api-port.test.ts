import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  createCacheHandle,
  createMemoryStore,
  fromServerJson,
  RegistryMemoryCache,
} from '@cortex-os/mcp-registry';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import {
  createApiPort,
  type ApiPort,
  type ApiPortOptions,
} from '../src/service/registry/registry-api-port.ts';
import { openDirect, type OpenRegistry } from '../src/service/registry/registry-opening.ts';

function undated(name: string): ReturnType<typeof fromServerJson> {
  return fromServerJson({ name, version: '1.0.0', description: 'd', packages: [] });
}

async function served(port: ApiPort): Promise<string> {
  const server = createServer((request, response) => {
    const handle = port.current();
    if (handle === undefined) response.writeHead(410).end();
    else handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v0.1/servers`;
}

function portOf(open: OpenRegistry, more: Partial<ApiPortOptions> = {}): ApiPort {
  return createApiPort(open, {
    apiKey: undefined,
    mayWrite: () => false,
    onError: (error) => expect.fail(String(error)),
    ...more,
  });
}

async function inMemory(): Promise<OpenRegistry & { readonly cache: RegistryMemoryCache }> {
  const cache = await RegistryMemoryCache.open(createMemoryStore(), { random: () => 0.5 });
  await cache.upsert(undated('io.test/a'));
  onTestFinished(async () => await cache.close());
  return {
    cache,
    handle: createCacheHandle(cache),
    health: () => cache.health(),
    onChange: () => () => undefined,
    takeOver: async () => await Promise.resolve(),
    close: async () => await Promise.resolve(),
  };
}

test('MCP_REGISTRY_MEMORY_CACHE=false: entries without a date have the same one in every answer, so that pages fit together', async () => {
  await using folder = tempFolder();
  const open = openDirect({ path: join(folder.path, 'servers.json'), random: () => 0.5 });
  await open.handle.use('write', async (cache) => {
    await cache.upsertMany(['io.test/a', 'io.test/b'].map(undated));
  });
  const url = await served(portOf(open));
  interface Page {
    readonly servers: { readonly _meta: Record<string, { readonly updatedAt: string }> }[];
    readonly metadata: { readonly nextCursor: string };
  }
  const read = async (query: string): Promise<Page> =>
    (await (await fetch(`${url}?${query}`)).json()) as Page;
  const dateOf = (page: Page): string | undefined =>
    Object.values(page.servers[0]?.['_meta'] ?? {}).find((meta) => 'updatedAt' in meta)?.updatedAt;
  const first = await read('limit=1&updated_since=2020-01-01T00:00:00Z');
  const { nextCursor } = first.metadata;
  const second = await read(`limit=1&cursor=${nextCursor}`);
  expect(dateOf(first)).toBeTypeOf('string');
  expect(dateOf(second)).toBe(dateOf(first));
  expect(await (await fetch(url)).text()).toBe(await (await fetch(url)).text());
});

test('ready() makes the list once, before anybody asks', async () => {
  const open = await inMemory();
  let readings = 0;
  const storedAll = open.cache.storedAll.bind(open.cache);
  open.cache.storedAll = () => {
    readings += 1;
    return storedAll();
  };
  const port = portOf(open);
  expect(readings).toBe(0);
  await port.ready();
  expect(readings).toBe(1);
  const url = await served(port);
  expect(await (await fetch(url)).json()).toMatchObject({ metadata: { count: 1 } });
  expect(readings).toBe(1);
  port.close();
  expect((await fetch(url)).status).toBe(410);
});

test('ready() tells of a registry that cannot be read, and does not reject', async () => {
  const open = await inMemory();
  open.cache.storedAll = () => {
    throw new Error('unreadable');
  };
  const told: unknown[] = [];
  await portOf(open, { onError: (error) => told.push(error) }).ready();
  expect(told.map(String)).toEqual(['Error: unreadable']);
});

test('ready() has nothing to make when nothing is held in memory', async () => {
  await using folder = tempFolder();
  const open = openDirect({ path: join(folder.path, 'servers.json'), random: () => 0.5 });
  const port = portOf(open);
  await port.ready();
  port.close();
  expect(port.current()).toBeUndefined();
});

test('a direct API answers 503, readable for pages, when the files cannot be opened, and is told why', async () => {
  const told: unknown[] = [];
  const open = openDirect({ path: '/dev/null/servers.json', random: () => 0.5 });
  const url = await served(portOf(open, { onError: (error) => told.push(error) }));
  const response = await fetch(url);
  expect([response.status, await response.json()]).toEqual([503, { error: 'unavailable' }]);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(told).toHaveLength(1);
});

test('createApiPort() refuses a key that could be guessed', async () => {
  const open = await inMemory();
  expect(() => portOf(open, { apiKey: 'short' })).toThrow(RangeError);
});

test('MCP_REGISTRY_MEMORY_CACHE=false: what needs no registry opens none, least of all for a write without the key', async () => {
  await using folder = tempFolder();
  const { handle, ...rest } = openDirect({
    path: join(folder.path, 'servers.json'),
    random: () => 0.5,
  });
  const opened: string[] = [];
  const open: OpenRegistry = {
    ...rest,
    handle: {
      use: async (use, work) => {
        opened.push(use);
        return await handle.use(use, work);
      },
    },
  };
  const url = await served(portOf(open, { apiKey: 'k'.repeat(16) }));
  const publish = url.replace('servers', 'publish');
  const post = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
  expect((await fetch(publish, post)).status).toBe(401);
  expect((await fetch(url, post)).status).toBe(405);
  expect((await fetch(`${url}/../nowhere`)).status).toBe(404);
  expect((await fetch(url, { method: 'OPTIONS' })).status).toBe(204);
  expect(opened).toEqual([]);
  const headers = { ...post.headers, authorization: `Bearer ${'k'.repeat(16)}` };
  expect((await fetch(publish, { ...post, headers })).status).toBe(422);
  expect((await fetch(url)).status).toBe(200);
  expect(opened).toEqual(['write', 'read']);
});

test('MCP_REGISTRY_MEMORY_CACHE=false: at most 32 requests have the registry open, more are answered 503', async () => {
  const wait = Promise.withResolvers<void>();
  let openNow = 0;
  const open: OpenRegistry = {
    cache: undefined,
    handle: {
      use: async (_use, _work) => {
        openNow += 1;
        await wait.promise;
        throw new Error('closed');
      },
    },
    health: () => undefined,
    onChange: () => () => undefined,
    takeOver: async () => await Promise.resolve(),
    close: async () => await Promise.resolve(),
  };
  const url = await served(portOf(open, { onError: () => undefined }));
  const first = Array.from({ length: 32 }, async () => await fetch(url));
  await waitUntil(() => openNow === 32, { describe: 'all are open' });
  const refused = await fetch(url);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(openNow).toBe(32);
  wait.resolve();
  await Promise.all(first);
  await fetch(url);
  expect(openNow).toBe(33);
});
