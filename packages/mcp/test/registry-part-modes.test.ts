import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { createService } from '../src/service/service.ts';
import { connectClient } from './e2e/clients.ts';
import { DEFAULT_SETTINGS } from '../src/service/default-settings.ts';
import { API_KEY, memoryRecord, startRegistryGateway } from './registry-fixture.ts';

test('MCP_REGISTRY_MEMORY_CACHE=false: nothing is held, others write the files, changes are seen', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path, { memoryCache: false });
  const record = { ...memoryRecord('mem', folder.path), enabled: false };
  const { via } = await gateway.client.change(() => ({ put: [record], value: undefined }));
  expect(via).toBe('files');
  await waitUntil(() => gateway.service.manager.listConnectors().length === 2, {
    describe: 'the change is seen',
  });
  expect((await gateway.status()).registry).not.toHaveProperty('health');
  await using client = await connectClient(`${gateway.origin}/mcp`, 'v2 auto');
  const server = { name: 'x', transport: 'http', endpoint: 'https://h.example/' };
  expect(await client.call('registry__register', { server })).not.toHaveProperty('isError');
  expect(await client.call('registry__stats')).toMatchObject({
    structuredContent: { records: 2, access: 'reader' },
  });
  const list = await fetch(`${gateway.origin}/v0.1/servers`);
  expect([list.status, await list.json()]).toMatchObject([200, { servers: [] }]);
});

test('a gateway that only read becomes the writer at its own first write, and announces itself then', async () => {
  await using folder = tempFolder();
  const first = await startRegistryGateway(folder.path);
  await using second = await startRegistryGateway(folder.path);
  await first[Symbol.asyncDispose]();
  const file = join(folder.path, 'registry-control.json');
  await expect(stat(file)).rejects.toThrow('ENOENT');
  await using client = await connectClient(`${second.origin}/mcp`, 'v2 auto');
  const server = { name: 'x', transport: 'http', endpoint: 'https://h.example/' };
  expect(await client.call('registry__register', { server })).not.toHaveProperty('isError');
  expect((await second.status()).registry).toMatchObject({ health: { access: 'writer' } });
  const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string };
  expect(url).toBe(second.origin);
  const { via } = await second.client.change(() => ({ value: undefined }));
  expect(via).toBe('service');
});

async function publishAt(origin: string, name: string): Promise<number> {
  const response = await fetch(`${origin}/v0.1/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, description: 'd', version: '1.0.0' }),
  });
  await response.text();
  return response.status;
}

test.each([
  ['is stored', 'io.github.x/new', 200],
  ['is refused', 'io.github.x/known', 409],
])(
  'a gateway that becomes the writer by a write over HTTP that %s announces itself, so that commands can write',
  async (_what, name, status) => {
    await using folder = tempFolder();
    const first = await startRegistryGateway(folder.path);
    await using second = await startRegistryGateway(folder.path);
    expect(await publishAt(first.origin, 'io.github.x/known')).toBe(200);
    await first[Symbol.asyncDispose]();
    expect((await second.status()).registry).toMatchObject({ health: { access: 'reader' } });
    expect(await publishAt(second.origin, name)).toBe(status);
    expect((await second.status()).registry).toMatchObject({ health: { access: 'writer' } });
    const { via } = await second.client.change(() => ({ value: undefined }));
    expect(via).toBe('service');
  },
);

test('MCP_REGISTRY_MEMORY_CACHE=false: the API writes through, and answers 503 while the files cannot be read', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path, { memoryCache: false });
  const publish = async (): Promise<number> => {
    const response = await fetch(`${gateway.origin}/v0.1/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'io.github.x/y', description: 'd', version: '1.0.0' }),
    });
    await response.text();
    return response.status;
  };
  expect(await publish()).toBe(200);
  // Waits for the lock, and so for all that the request still had to write.
  await gateway.client.change((cache) => ({ value: expect(cache.size).toBe(1) }));
  for (const name of ['servers.json', 'servers.json.prev', 'servers.log', 'servers.log.prev']) {
    await writeFile(join(folder.path, name), 'garbage');
  }
  expect(await publish()).toBe(503);
  expect(gateway.logged.join('')).toContain('the registry API could not answer');
  expect((await gateway.status()).registry).toMatchObject({ state: 'open' });
});

test('a registry without files is opened a while after the start, or as soon as somebody wants it', async () => {
  await using folder = tempFolder();
  const stateFolder = join(folder.path, 'mcp');
  const options = {
    stateFolder,
    memoryCache: true,
    tools: false,
    http: true,
    apiKey: undefined,
    lasting: true,
    openDelayMs: 3_600_000,
  };
  const start = () =>
    createService({
      connectors: [],
      settings: DEFAULT_SETTINGS,
      logger: pino({ level: 'silent' }),
      baseEnv: {},
      version: '0',
      registry: options,
    });
  const unused = start();
  await unused.start();
  expect(unused.status()['registry']).toMatchObject({ state: 'opening' });
  await unused.close();
  await expect(stat(stateFolder)).rejects.toThrow('ENOENT');
  const wanted = start();
  const { port } = await wanted.start();
  expect((await fetch(`http://127.0.0.1:${port}/v0.1/servers`)).status).toBe(200);
  expect(wanted.status()['registry']).toMatchObject({ state: 'open' });
  await wanted.close();
});

test('a service without a port does not hold the lock, since nobody could ask it to write', async () => {
  await using folder = tempFolder();
  const socketPath = join(folder.path, 'socket');
  const service = createService({
    connectors: [],
    settings: { ...DEFAULT_SETTINGS, socketPath },
    logger: pino({ level: 'silent' }),
    baseEnv: {},
    version: '0',
    registry: {
      stateFolder: folder.path,
      memoryCache: true,
      tools: false,
      http: true,
      apiKey: undefined,
      lasting: true,
    },
  });
  await service.start();
  await using other = await startRegistryGateway(folder.path);
  expect((await other.status()).registry).toMatchObject({ health: { access: 'writer' } });
  await service.close();
});
