import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { serviceSettings } from '../../src/cli/open-service.ts';
import type { ServiceSettings } from '../../src/service/service.ts';
import { configFolder } from '../config/config-folder.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

type Folder = Awaited<ReturnType<typeof configFolder>>;

/** What a lasting service is told, with and without the rollback flag, of one state folder. */
async function settingsOf(folder: Folder, persist: boolean): Promise<ServiceSettings> {
  const env = {
    CORTEX_HOME: folder.path,
    MCP_CONNECTOR_PERSIST_MANIFESTS: String(persist),
  };
  const settings = serviceSettings(await folder.load({}, env), true);
  return { ...settings, port: 0, backgroundRefresh: false };
}

const manifestsIn = ({ path }: Folder): string => join(path, 'mcp', 'manifests');

test('MCP_CONNECTOR_PERSIST_MANIFESTS off over a restart: nothing is written, and lists are complete after the sync (S4-19)', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  await using upstream = await startUpstream({
    kind: 'modern-http',
    ttlMs: 60_000,
    latencyMs: 100,
  });
  const settings = await settingsOf(folder, false);
  for (const run of ['first', 'second']) {
    await using gateway = await startGateway([connectorFor(upstream, 'm')], settings);
    expect(gateway.service.tools(), `${run} start`).toEqual([]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    expect(gateway.service.tools(), `${run} sync`).toHaveLength(8);
  }
  await expect(readdir(manifestsIn(folder))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('MCP_CONNECTOR_PERSIST_MANIFESTS off reads and changes nothing of what was kept; on again, it is listed before any server answers (M8)', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  await using upstream = await startUpstream({
    kind: 'modern-http',
    ttlMs: 60_000,
    latencyMs: 100,
  });
  const connectors = [connectorFor(upstream, 'm')];
  const on = await settingsOf(folder, true);
  const file = join(manifestsIn(folder), 'm.json');
  {
    await using gateway = await startGateway(connectors, on);
    await gateway.service.manager.sync();
  }
  const kept = await readFile(file, 'utf8');
  upstream.setTools(['brand_new']);
  {
    await using gateway = await startGateway(connectors, await settingsOf(folder, false));
    expect(gateway.service.tools()).toEqual([]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    expect(gateway.service.tools().map(({ name }) => name)).toContain('m__brand_new');
  }
  expect(await readFile(file, 'utf8')).toBe(kept);
  upstream.setFaults([{ kind: 'hang-before-headers' }]);
  await using gateway = await startGateway(connectors, { ...on, backgroundRefresh: true });
  const { manager } = gateway.service;
  expect(gateway.service.tools()).toHaveLength(8);
  expect(manager.listWanted(undefined)).toBeUndefined();
  expect(manager.listConnectors()).toMatchObject([{ state: 'stale', tools: 8 }]);
});
