import { expect, test } from 'vitest';
import { serviceSettings } from '../../src/cli/open-service.ts';
import { configFolder } from '../config/config-folder.ts';

test('serviceSettings() carries every setting and flag over to a lasting service', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    port: 1,
    firstListWaitMs: 2,
    syncConcurrency: 3,
    processStartConcurrency: 4,
    refreshIntervalMs: 5000,
    separator: '.',
    idleStopMs: 6,
    sse: true,
    page: false,
    mcpServers: {},
  });
  const env = { CORTEX_HOME: '/state' };
  expect(serviceSettings(await folder.load({}, env), true)).toEqual({
    port: 1,
    host: '127.0.0.1',
    firstListWaitMs: 2,
    syncConcurrency: 3,
    processStartConcurrency: 4,
    refreshIntervalMs: 5000,
    separator: '.',
    parallelSync: true,
    sharedAgent: true,
    manifestCache: true,
    backgroundRefresh: true,
    manifestFolder: '/state/mcp/manifests',
    listPrebuilt: true,
    listPageSize: 0,
    idleStopMs: 6,
    page: false,
    sse: true,
    stdioPool: false,
    maxCalls: 10_000,
    maxCallsPerPrincipal: 1_000,
    maxInFlight: 32,
    maxQueued: 64,
    queueTimeoutMs: 1_000,
  });
});

test('serviceSettings() follows the rollback flags (S4-19)', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  const env = {
    MCP_CONNECTOR_REFRESH_SYNC: 'true',
    MCP_CONNECTOR_PARALLEL_SYNC: 'false',
    MCP_CONNECTOR_SHARED_AGENT: 'false',
    MCP_CONNECTOR_MANIFEST_CACHE: 'false',
    MCP_CONNECTOR_PERSIST_MANIFESTS: 'false',
    MCP_LIST_PREBUILT: 'false',
  };
  expect(serviceSettings(await folder.load({}, env), true)).toMatchObject({
    parallelSync: false,
    sharedAgent: false,
    manifestCache: false,
    backgroundRefresh: false,
    manifestFolder: undefined,
    listPrebuilt: false,
  });
});

test('serviceSettings() of a command that ends keeps nothing and refreshes nothing', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  expect(serviceSettings(await folder.load(), false)).toMatchObject({
    backgroundRefresh: false,
    manifestFolder: undefined,
  });
});
