import { expect, test } from 'vitest';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import type { ConnectorStatus } from '../src/connectors/sync-report.ts';
import { hostOf, mapSettings, signedMap, startMapServer } from './e2e/map-fixture.ts';
import { startRegistryGateway } from './registry-fixture.ts';

test('a change of serviceMap.allowHosts and allowVariables holds for connectors of the registry at once, both ways', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using maps = await startMapServer(
    signedMap([{ id: 'other', displayName: 'other', endpoint: 'https://other.example/mcp' }]),
  );
  await using gateway = await startRegistryGateway(
    folder.path,
    { tools: false },
    { baseEnv: { ...process.env, NAMED: 'x' } },
  );
  const record = {
    name: 'web',
    transport: 'streamableHttp',
    endpoint: upstream.url,
    headers: { 'x-key': '${NAMED}' },
    origin: 'remote',
    connector: {},
  } as const;
  await gateway.client.change(() => ({ put: [record], value: undefined }));
  const web = (): ConnectorStatus | undefined =>
    gateway.service.manager.listConnectors().find(({ id }) => id === 'web');
  const why = (): string => web()?.failure?.message ?? '';
  await waitUntil(() => why() !== '', { describe: 'it is refused' });
  expect(why()).toContain('ENDPOINT_NOT_HTTPS');
  expect(why()).toContain('REFERENCE_NOT_ALLOWED');
  const allowHosts = [hostOf(upstream)];
  await gateway.service.followMap(mapSettings(maps.url, { allowHosts, allowVariables: ['NAMED'] }));
  await waitUntil(() => web()?.state === 'fresh', { timeoutMs: 10_000, describe: 'it is synced' });
  await gateway.service.followMap(mapSettings(maps.url, { allowHosts, allowVariables: [] }));
  expect(why()).toContain('REFERENCE_NOT_ALLOWED');
  expect(why()).not.toContain('ENDPOINT_NOT_HTTPS');
  await gateway.service.followMap(undefined);
  expect(why()).toContain('ENDPOINT_NOT_HTTPS');
}, 30_000);
