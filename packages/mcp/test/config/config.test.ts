import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageVersion } from '../../src/config/package-version.ts';
import { describeOrigin } from '../../src/config/setting.ts';
import { configFolder } from './config-folder.ts';

const ONE = { mcpServers: { memory: { command: 'mcp-server-memory' } } };

test('loadConfig() gives every setting its default, with that as the origin', async () => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', ONE);
  const config = await folder.load();
  expect(
    Object.fromEntries(Object.entries(config.settings).map(([name, { value }]) => [name, value])),
  ).toEqual({
    maxInFlight: 32,
    maxQueued: 64,
    queueTimeoutMs: 1_000,
    maxCalls: 10_000,
    maxCallsPerPrincipal: 1_000,
    port: 3024,
    host: '127.0.0.1',
    logLevel: 'info',
    firstListWaitMs: 1500,
    syncConcurrency: 128,
    processStartConcurrency: 2 * availableParallelism(),
    refreshIntervalMs: 300_000,
    separator: '__',
    drainLameDuckMs: 6_000,
    drainMaxMs: 300_000,
    heapSlackMiB: 32,
    page: true,
    idleStopMs: 0,
    sse: false,
    listPageSize: 0,
  });
  for (const { origin } of Object.values(config.settings)) expect(origin.kind).toBe('default');
  expect(config.configPath).toBe(file);
  expect(config.warnings).toEqual([]);
  expect(config.stateFolder.value).toBe(join(folder.home, '.config/cortex-os/mcp'));
});

test('loadConfig() takes flag over environment over file over default (contract precedence)', async () => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', {
    ...ONE,
    port: 1,
    host: 'localhost',
    syncConcurrency: 7,
  });
  const env = { MCP_PORT: '2', PORT: '3', MCP_HOST: '127.0.0.2' };
  const port = async (flags: object, variables: object): Promise<unknown> =>
    (await folder.load(flags, { ...variables })).settings.port;
  expect(await port({ port: '4' }, env)).toEqual({
    value: 4,
    origin: { kind: 'flag', name: '--port' },
  });
  expect(await port({}, env)).toEqual({
    value: 2,
    origin: { kind: 'environment', variable: 'MCP_PORT' },
  });
  expect(await port({}, { PORT: '3' })).toEqual({
    value: 3,
    origin: { kind: 'environment', variable: 'PORT' },
  });
  expect(await port({}, { MCP_PORT: '' })).toEqual({
    value: 1,
    origin: { kind: 'file', path: file },
  });
  const { settings } = await folder.load({ host: '::1' }, env);
  expect(settings.host.value).toBe('::1');
  expect(describeOrigin(settings.host.origin)).toBe('--host');
  expect(describeOrigin(settings.syncConcurrency.origin)).toBe(file);
  expect(describeOrigin(settings.port.origin)).toBe('MCP_PORT');
  expect(describeOrigin(settings.separator.origin)).toBe('default');
});

test('loadConfig() reads the other variables and the flags of the file', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, flags: { MCP_LIST_PREBUILT: false } });
  const config = await folder.load(
    {},
    {
      MCP_CONNECTOR_SYNC_CONCURRENCY: '4',
      MCP_CONNECTOR_REFRESH_INTERVAL_MS: '60000',
      MCP_LOG_LEVEL: 'DEBUG',
      MCP_CONNECTOR_PARALLEL_SYNC: 'off',
    },
  );
  expect(config.settings.syncConcurrency.value).toBe(4);
  expect(config.settings.refreshIntervalMs).toEqual({
    value: 60_000,
    origin: { kind: 'environment', variable: 'MCP_CONNECTOR_REFRESH_INTERVAL_MS' },
  });
  expect(config.settings.logLevel.value).toBe('debug');
  expect(config.flags.MCP_CONNECTOR_PARALLEL_SYNC).toEqual({
    value: false,
    origin: { kind: 'environment', variable: 'MCP_CONNECTOR_PARALLEL_SYNC' },
  });
  expect(config.flags.MCP_LIST_PREBUILT.value).toBe(false);
  expect(config.flags.MCP_LIST_PREBUILT.origin.kind).toBe('file');
  expect(config.flags.MCP_CONNECTOR_REFRESH_SYNC).toEqual({
    value: false,
    origin: { kind: 'default' },
  });
});

test.each([
  [{ port: 'abc' }, {}, '--port'],
  [{ port: '65536' }, {}, '--port'],
  [{ port: '-1' }, {}, '--port'],
  [{}, { MCP_PORT: '80.5' }, 'MCP_PORT'],
  [{}, { PORT: '0x10' }, 'PORT'],
  [{}, { MCP_CONNECTOR_SYNC_CONCURRENCY: '0' }, 'MCP_CONNECTOR_SYNC_CONCURRENCY'],
  [{}, { MCP_LOG_LEVEL: 'loud' }, 'MCP_LOG_LEVEL'],
  [{}, { MCP_HOST: 'a b' }, 'MCP_HOST'],
  [{}, { MCP_LIST_PREBUILT: 'maybe' }, 'MCP_LIST_PREBUILT'],
])('loadConfig() refuses flags %j with variables %j and names %s', async (flags, env, name) => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', ONE);
  const error = await folder.fail(flags, env);
  expect(error.code).toBe('CONFIG_BAD_VALUE');
  expect(error.path).toBe(name);
  expect(error.message).toMatch(new RegExp(`^${name}: [^\\n]+; [^\\n]+$`));
});

test.each([
  [{ host: '0.0.0.0' }, {}, '--host'],
  [{}, { MCP_HOST: '::' }, 'MCP_HOST'],
  [{}, {}, 'host'],
])(
  'loadConfig() listens off loopback only with authentication: %j %j',
  async (flags, env, path) => {
    await using folder = await configFolder();
    await folder.write('cortex-mcp.json', { ...ONE, host: '192.0.2.1' });
    const error = await folder.fail(flags, env);
    expect(error.path).toBe(path);
    expect(error.message).toContain('no authentication');
  },
);

test('loadConfig() looks at --config, MCP_CONFIG, the working folder and the state folder in that order', async () => {
  await using folder = await configFolder();
  const flag = await folder.write('flag.json', ONE);
  const variable = await folder.write('variable.json', ONE);
  const state = await folder.write('state/mcp/config.json', ONE);
  const env = { MCP_CONFIG: 'variable.json', CORTEX_HOME: 'state' };
  const located = async (flags: object, variables: object): Promise<unknown[]> => {
    const { configPath, configOrigin } = await folder.load(flags, { ...variables });
    return [configPath, describeOrigin(configOrigin)];
  };
  expect(await located({ config: 'flag.json' }, env)).toEqual([flag, '--config']);
  expect(await located({}, env)).toEqual([variable, 'MCP_CONFIG']);
  expect(await located({}, { CORTEX_HOME: 'state' })).toEqual([state, 'default']);
  const local = await folder.write('cortex-mcp.json', ONE);
  expect(await located({}, { CORTEX_HOME: 'state' })).toEqual([local, 'default']);
});

test('loadConfig() takes the state folder from CORTEX_HOME, else an absolute XDG_CONFIG_HOME', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', ONE);
  const stateFolder = async (env: object): Promise<string> =>
    (await folder.load({}, { ...env })).stateFolder.value;
  expect(await stateFolder({ CORTEX_HOME: '/c', XDG_CONFIG_HOME: '/x' })).toBe('/c/mcp');
  expect(await stateFolder({ XDG_CONFIG_HOME: '/x' })).toBe('/x/cortex-os/mcp');
  expect(await stateFolder({ XDG_CONFIG_HOME: 'x' })).toBe(
    join(folder.home, '.config/cortex-os/mcp'),
  );
});

test('loadConfig() shows a minimal file when there is none, and names a missing one', async () => {
  await using folder = await configFolder();
  const none = await folder.fail();
  expect(none.code).toBe('CONFIG_NOT_FOUND');
  expect(none.message).toContain('{"mcpServers":{"memory":{"command"');
  expect(none.message).not.toContain('\n');
  const named = await folder.fail({ config: 'nope.json' });
  expect(named.code).toBe('CONFIG_NOT_FOUND');
  expect(named.message).toContain(join(folder.path, 'nope.json'));
});

test('loadConfig() says why a file cannot be read', async () => {
  await using folder = await configFolder();
  await folder.write('folder/file', '');
  expect((await folder.fail({ config: 'folder' })).code).toBe('CONFIG_UNREADABLE');
  expect((await folder.fail({ config: 'folder/file/below' })).code).toBe('CONFIG_NOT_FOUND');
  await folder.write('big.json', `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`);
  expect((await folder.fail({ config: 'big.json' })).code).toBe('CONFIG_TOO_LARGE');
});

test('loadConfig() places a wrong setting of the file at its line and column', async () => {
  await using folder = await configFolder();
  const file = await folder.write('cortex-mcp.json', '{\n  // the port\n  "port": "3024",\n}');
  const error = await folder.fail();
  expect(error).toMatchObject({ code: 'CONFIG_BAD_TYPE', file, path: 'port', line: 3, column: 11 });
  expect(error.message).toBe(
    `${file}:3:11 port: must be a whole number from 0 to 65535; correct it, or remove it for the default`,
  );
});

test('loadConfig() keeps an unusable refresh interval of the earlier build working, with a warning (B1, B7.10)', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', ONE);
  const { settings, warnings } = await folder.load({}, { MCP_CONNECTOR_REFRESH_INTERVAL_MS: '-5' });
  expect(settings.refreshIntervalMs.value).toBe(300_000);
  expect(warnings).toEqual([
    expect.stringContaining('MCP_CONNECTOR_REFRESH_INTERVAL_MS: "-5" must be'),
  ]);
});

test('packageVersion() is that of package.json', () => {
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});

test('loadConfig() reads MCP_PAGE, and refuses what it cannot be', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, page: true });
  const { settings } = await folder.load({}, { MCP_PAGE: 'off' });
  expect(settings.page).toEqual({
    value: false,
    origin: { kind: 'environment', variable: 'MCP_PAGE' },
  });
  await folder.write('cortex-mcp.json', { ...ONE, page: false });
  expect((await folder.load()).settings.page.value).toBe(false);
  const refused = { code: 'CONFIG_BAD_VALUE', message: expect.stringContaining('MCP_PAGE') };
  await expect(folder.load({}, { MCP_PAGE: 'perhaps' })).rejects.toMatchObject(refused);
});

test('loadConfig() reads MCP_SSE and MCP_IDLE_STOP_MS, and refuses what they cannot be', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, sse: false, idleStopMs: 5 });
  const { settings } = await folder.load({}, { MCP_SSE: 'Yes', MCP_IDLE_STOP_MS: '60000' });
  expect(settings.sse).toEqual({
    value: true,
    origin: { kind: 'environment', variable: 'MCP_SSE' },
  });
  expect(settings.idleStopMs.value).toBe(60_000);
  const refused = { code: 'CONFIG_BAD_VALUE' };
  await expect(folder.load({}, { MCP_SSE: 'perhaps' })).rejects.toMatchObject(refused);
  await expect(folder.load({}, { MCP_IDLE_STOP_MS: 'soon' })).rejects.toMatchObject(refused);
});

test('loadConfig() reads how long a service drains, from variables and the file', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { ...ONE, drainMaxMs: 5 });
  const { settings } = await folder.load({}, { MCP_DRAIN_LAME_DUCK_MS: '0' });
  expect(settings.drainLameDuckMs).toEqual({
    value: 0,
    origin: { kind: 'environment', variable: 'MCP_DRAIN_LAME_DUCK_MS' },
  });
  expect(settings.drainMaxMs.value).toBe(5);
  await expect(folder.load({}, { MCP_DRAIN_MAX_MS: '-1' })).rejects.toMatchObject({
    code: 'CONFIG_BAD_VALUE',
  });
});
