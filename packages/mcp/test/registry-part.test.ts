import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../src/connectors/connector.ts';
import { createService } from '../src/service/service.ts';
import { CLIENT_MODES, connectClient } from './e2e/clients.ts';
import { DEFAULT_SETTINGS } from '../src/service/default-settings.ts';
import { API_KEY, memoryRecord, startRegistryGateway } from './registry-fixture.ts';
import { pino } from 'pino';

test.each(CLIENT_MODES)(
  'an official client (%s) lists and calls the registry tools like those of any connector',
  async (mode) => {
    await using folder = tempFolder();
    await using gateway = await startRegistryGateway(folder.path);
    await using client = await connectClient(`${gateway.origin}/mcp`, mode);
    const names = ['list', 'get', 'stats', 'register', 'unregister'];
    expect(await client.listToolNames()).toEqual(names.map((name) => `registry__${name}`));
    const server = { name: 'evil', transport: 'stdio', command: 'rm', connector: {} };
    expect(await client.call('registry__register', { server })).toMatchObject({
      structuredContent: { name: 'evil', ignored: ['connector'] },
    });
    expect(await client.call('registry__list')).toMatchObject({
      structuredContent: { total: 1, servers: [{ name: 'evil', connector: false }] },
    });
    expect(await client.call('registry__get', { name: 'nobody' })).toMatchObject({
      isError: true,
    });
    const { registry } = await gateway.status();
    expect(registry).toMatchObject({ connectors: 0, health: { records: 1 } });
  },
);

test('/mcp/registry serves the tools under their bare names, and separator "." gives registry.list (B5)', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(
    folder.path,
    {},
    { settings: { ...DEFAULT_SETTINGS, separator: '.' } },
  );
  await using shared = await connectClient(`${gateway.origin}/mcp`, 'v1');
  expect(await shared.listToolNames()).toContain('registry.list');
  await using bare = await connectClient(`${gateway.origin}/mcp/registry`, 'v2 auto');
  expect(await bare.call('stats')).toMatchObject({ structuredContent: { records: 0 } });
});

test('a record of another process becomes a connector of the running gateway, and goes again, live', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path, { tools: false });
  const ready = (): boolean =>
    gateway.service.manager.listConnectors().some(({ state }) => state === 'fresh');
  const record = memoryRecord('mem', folder.path);
  const { via } = await gateway.client.change(() => ({ put: [record], value: undefined }));
  expect(via).toBe('service');
  await waitUntil(() => gateway.service.manager.listConnectors().length === 1, {
    describe: 'the connector is there',
  });
  await waitUntil(ready, { timeoutMs: 15_000, describe: 'the connector is synced' });
  await gateway.service.settled();
  expect(gateway.service.tools().map(({ name }) => name)).toContain('mem__read_graph');
  await gateway.client.change(() => ({ put: [{ ...record, enabled: false }], value: undefined }));
  await waitUntil(() => gateway.service.tools().length === 0, { describe: 'its tools are gone' });
  expect((await gateway.status()).connectors).toMatchObject([{ id: 'mem', state: 'disabled' }]);
  await gateway.client.change(() => ({ remove: [{ name: 'mem' }], value: undefined }));
  await waitUntil(() => gateway.service.manager.listConnectors().length === 0, {
    describe: 'the connector is gone',
  });
});

function own(id: string): ConnectorDefinition {
  return {
    id,
    title: id,
    origin: 'local',
    enabled: false,
    transport: undefined,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
  };
}

test('a connector of the configuration wins over one of the registry with its id, and over the tools', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(
    folder.path,
    {},
    { connectors: [own('mem'), own('registry')] },
  );
  const records = [memoryRecord('mem', folder.path)];
  await gateway.client.change(() => ({ put: records, value: undefined }));
  await waitUntil(() => gateway.logged.filter((line) => line.includes('wins over')).length === 2, {
    describe: 'both are warned of',
  });
  const { connectors, registry } = await gateway.status();
  expect(connectors).toMatchObject([
    { id: 'mem', state: 'disabled' },
    { id: 'registry', state: 'disabled' },
  ]);
  expect(registry['warnings']).toEqual([
    'registry of the registry is not used: another has its id',
    'mem of the registry is not used: another has its id',
  ]);
  await gateway.service.apply([own('mem')]);
  expect((await gateway.status()).connectors.map(({ id }) => id)).toEqual(['mem', 'registry']);
});

test('a second gateway reads and follows the registry of the first', async () => {
  await using folder = tempFolder();
  await using first = await startRegistryGateway(folder.path, { tools: false });
  await using second = await startRegistryGateway(folder.path, { tools: false });
  expect((await second.status()).registry).toMatchObject({
    state: 'open',
    health: { access: 'reader', reason: expect.stringContaining('another process') as string },
  });
  const record = { ...memoryRecord('mem', folder.path), enabled: false };
  await first.client.change(() => ({ put: [record], value: undefined }));
  await waitUntil(() => second.service.manager.listConnectors().length === 1, {
    describe: 'the follower has it too',
  });
});

test('/v0.1 serves what was published; a key lets writers in and what they write stays inert', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path);
  const document = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: 'io.github.x/y',
    description: 'd',
    version: '1.0.0',
    connector: {},
    remotes: [{ type: 'streamable-http', url: 'https://h.example/mcp' }],
  };
  const publish = async (key: string): Promise<number> => {
    const response = await fetch(`${gateway.origin}/v0.1/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(document),
    });
    await response.text();
    return response.status;
  };
  expect(await publish('x'.repeat(24))).toBe(401);
  expect(await publish(API_KEY)).toBe(200);
  const list = (await (await fetch(`${gateway.origin}/v0.1/servers`)).json()) as object;
  expect(list).toMatchObject({ servers: [{ server: { name: 'io.github.x/y' } }] });
  const stored = await gateway.client.read((cache) => cache.get('io.github.x/y'));
  expect(stored).toMatchObject({ origin: 'remote' });
  expect(stored).not.toHaveProperty('connector');
  expect(gateway.service.manager.listConnectors().map(({ id }) => id)).toEqual(['registry']);
});

test('/v0.1 is not there when registry.http is off, and the metrics show the registry', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path, { http: false });
  expect((await fetch(`${gateway.origin}/v0.1/servers`)).status).toBe(404);
  await gateway.client.change(() => ({
    put: [{ name: 'a', transport: 'stdio' }],
    value: undefined,
  }));
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  expect(metrics).toContain('mcp_registry_records 1');
  expect(metrics).toContain('mcp_registry_access{access="writer"} 1');
  expect(metrics).toContain('mcp_registry_unflushed_seconds 0');
  expect(metrics).toContain('mcp_registry_flush_duration_seconds_count 1');
  expect(metrics).toContain('mcp_registry_flush_failures_total 0');
});

test('the service announces itself in a file only its owner reads, and takes that away when it closes', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'registry-control.json');
  {
    await using gateway = await startRegistryGateway(folder.path);
    await gateway.client.change(() => ({ value: undefined }));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string };
    expect(url).toBe(gateway.origin);
  }
  await expect(stat(file)).rejects.toThrow('ENOENT');
});

test('a registry that is lost stops nothing else: the status says why, the API answers 503', async () => {
  await using folder = tempFolder();
  await writeFile(join(folder.path, 'servers.json'), 'garbage');
  await using gateway = await startRegistryGateway(folder.path);
  const { registry } = await gateway.status();
  expect(registry).toMatchObject({
    state: 'failed',
    failure: expect.stringContaining('servers.json') as string,
  });
  expect((await fetch(`${gateway.origin}/v0.1/servers`)).status).toBe(503);
  await using client = await connectClient(`${gateway.origin}/mcp`, 'v2 auto');
  const result = await client.call('registry__stats');
  expect(JSON.stringify(result)).toContain('EREGISTRYCLOSED');
  expect(await readFile(join(folder.path, 'servers.json'), 'utf8')).toBe('garbage');
});

test('a command that ends takes the connectors of the registry and holds nothing', async () => {
  await using folder = tempFolder();
  await using gateway = await startRegistryGateway(folder.path);
  const record = { ...memoryRecord('mem', folder.path), enabled: false };
  await gateway.client.change(() => ({ put: [record], value: undefined }));
  const service = createService({
    connectors: [],
    settings: DEFAULT_SETTINGS,
    logger: pino({ level: 'silent' }),
    baseEnv: {},
    version: '0',
    registry: {
      stateFolder: folder.path,
      memoryCache: true,
      tools: true,
      http: true,
      apiKey: undefined,
      lasting: false,
    },
  });
  await service.prepare();
  expect(service.manager.listConnectors().map(({ id }) => id)).toEqual(['mem', 'registry']);
  await service.manager.sync();
  await service.settled();
  expect(await service.call('registry__stats', '{}')).toContain('"records":1');
  await service.close();
});
