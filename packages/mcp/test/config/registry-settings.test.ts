import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shownRegistrySettings } from '../../src/config/registry-settings.ts';
import { configFolder } from './config-folder.ts';

const ONE = { mcpServers: { memory: { command: 'mcp-server-memory' } } };

test('loadConfig() gives the registry its defaults: on, API on, tools off, no key', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', ONE);
  const { registry, flags } = await folder.load();
  const values = Object.entries(registry).map(([name, { value, origin }]) => [
    name,
    value,
    origin.kind,
  ]);
  expect(values).toEqual([
    ['enabled', true, 'default'],
    ['tools', false, 'default'],
    ['http', true, 'default'],
    ['apiKey', undefined, 'default'],
  ]);
  expect(flags.MCP_REGISTRY_MEMORY_CACHE).toEqual({ value: true, origin: { kind: 'default' } });
});

test('loadConfig() takes MCP_REGISTRY_… over the file over the default (contract precedence)', async () => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', {
    ...ONE,
    registry: { enabled: false, tools: true, http: false, apiKey: '${KEY}' },
  });
  const env = { KEY: 'k'.repeat(20), MCP_REGISTRY_TOOLS: 'off', MCP_REGISTRY_MEMORY_CACHE: '0' };
  const { registry, flags } = await folder.load({}, env);
  expect(registry.enabled).toEqual({ value: false, origin: { kind: 'file', path: file } });
  expect(registry.tools).toEqual({
    value: false,
    origin: { kind: 'environment', variable: 'MCP_REGISTRY_TOOLS' },
  });
  expect(registry.http.value).toBe(false);
  expect(registry.apiKey.value?.reveal()).toBe('k'.repeat(20));
  expect(flags.MCP_REGISTRY_MEMORY_CACHE.value).toBe(false);
  expect(shownRegistrySettings(registry)['registry.apiKey']?.value).toBe('[redacted]');
});

test('loadConfig() reads the key of the registry from a file, of which the variable wins', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, registry: { apiKey: '${NOPE}' } });
  const path = await folder.write('key', `${'f'.repeat(16)}\n`);
  const { registry } = await folder.load({}, { MCP_REGISTRY_API_KEY: `file:${path}` });
  expect(registry.apiKey.value?.reveal()).toBe('f'.repeat(16));
  expect(registry.apiKey.origin).toEqual({
    kind: 'environment',
    variable: 'MCP_REGISTRY_API_KEY',
  });
});

test.each([
  [
    { registry: { apiKey: 'literal-key-of-the-file' } },
    {},
    'registry.apiKey',
    /must be a reference/,
  ],
  [{ registry: { apiKey: '${NOPE}' } }, {}, 'registry.apiKey', /NOPE/],
  [{ registry: { tools: 'yes' } }, {}, 'registry.tools', /must be true or false/],
  [{ registry: true }, {}, 'registry', /must be an object/],
  [{}, { MCP_REGISTRY_API_KEY: 'short' }, 'MCP_REGISTRY_API_KEY', /fewer than 16/],
  [{}, { MCP_REGISTRY_HTTP: 'maybe' }, 'MCP_REGISTRY_HTTP', /neither true nor false/],
])('loadConfig() refuses %j with %j in one line naming %s', async (file, env, path, text) => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, ...file });
  const error = await folder.fail({}, { ...env });
  expect(error.path).toBe(path);
  expect(error.message).toMatch(text);
  expect(error.message).not.toContain('literal-key');
});

test('loadConfig() names unknown keys of registry with the one that was meant', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, registry: { tool: true } });
  const { warnings } = await folder.load();
  expect(warnings).toEqual([expect.stringMatching(/registry\.tool: unknown key "tool".*tools/)]);
});

test('loadConfig() needs no file once the state folder holds a registry', async () => {
  await using folder = await configFolder();
  expect((await folder.fail()).code).toBe('CONFIG_NOT_FOUND');
  const state = join(folder.home, '.config/cortex-os/mcp');
  await mkdir(state, { recursive: true });
  await writeFile(join(state, 'servers.json'), '{"servers":[]}');
  const config = await folder.load();
  expect(config).toMatchObject({ connectors: [], warnings: [] });
  expect(config.configPath).toBe(join(state, 'config.json'));
  expect((await folder.load({ config: config.configPath })).connectors).toEqual([]);
  expect((await folder.fail({ config: 'other.json' })).code).toBe('CONFIG_NOT_FOUND');
});
