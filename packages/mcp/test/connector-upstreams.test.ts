import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import {
  ConnectorProxyManager,
  createConnectorUpstreams,
  definitionsOfMap,
  hmacKey,
  loadConnectorServiceMap,
  ServiceMapError,
  signServiceMap,
} from '../src/index.ts';

const key = hmacKey('a secret of at least thirty-two characters');
const random = (): number => 0.5;

test('the exported parts bring the connectors of a signed map in sync, and leave nothing behind (S4-07, S4-09)', async () => {
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using old = await startUpstream({ kind: 'legacy-http-session' });
  await using child = await startUpstream({ kind: 'legacy-stdio' });
  const { command, args, env } = child.command;
  const map = signServiceMap(
    {
      id: 'parts',
      generatedAt: new Date().toISOString(),
      ttlSeconds: 60,
      connectors: [
        { id: 'web', displayName: 'web', endpoint: web.url },
        { id: 'old', displayName: 'old', endpoint: old.url },
        { id: 'child', displayName: 'child', command, args, env },
      ],
    },
    key,
  );
  const loaded = await loadConnectorServiceMap({ source: { kind: 'inline', map }, keys: [key] });
  const connectors = definitionsOfMap(loaded, { trust: {}, sharedKeyFor: [], env: {} });
  const upstreams = createConnectorUpstreams({ random });
  const { createUpstream } = upstreams;
  const manager = new ConnectorProxyManager({ connectors, createUpstream, random });
  const { outcomes } = await manager.sync();
  expect(outcomes).toMatchObject([
    { kind: 'synced', id: 'child', era: 'legacy' },
    { kind: 'synced', id: 'old', era: 'legacy' },
    { kind: 'synced', id: 'web', era: 'modern' },
  ]);
  expect(manager.served().map(({ connectorId }) => connectorId)).toEqual(['child', 'old', 'web']);
  await manager.disconnect();
  await upstreams.close();
  await upstreams.close();
  expect(child.processes()).toEqual([]);
  await waitUntil(() => web.open.connections + old.open.connections === 0, {
    describe: 'every connection is closed',
  });
});

test('a map under another key is refused by its code', async () => {
  const map = signServiceMap({ id: 'x', connectors: [] }, hmacKey('another secret of that length'));
  const loading = loadConnectorServiceMap({ source: { kind: 'inline', map }, keys: [key] });
  await expect(loading).rejects.toBeInstanceOf(ServiceMapError);
  await expect(loading).rejects.toMatchObject({ code: 'MAP_BAD_SIGNATURE' });
});

test('a remote connector at a private address is reached only where its host is allowed (S5)', async () => {
  await using web = await startUpstream({ kind: 'modern-http' });
  const { port } = new URL(web.url);
  const definitions = definitionsOfMap(
    await loadConnectorServiceMap({
      source: {
        kind: 'inline',
        map: {
          id: 'remote',
          generatedAt: new Date().toISOString(),
          ttlSeconds: 60,
          connectors: [{ id: 'web', displayName: 'web', endpoint: `http://localhost:${port}/mcp` }],
        },
      },
    }),
    { trust: {}, sharedKeyFor: [], env: {} },
  ).map((definition) => Object.assign({}, definition, { origin: 'remote' as const }));
  const codeWith = async (allowHosts: readonly string[]): Promise<unknown> => {
    await using upstreams = createConnectorUpstreams({ random, allowHosts });
    const { createUpstream } = upstreams;
    const manager = new ConnectorProxyManager({ connectors: definitions, createUpstream, random });
    const { outcomes } = await manager.sync();
    await manager.disconnect();
    return outcomes[0];
  };
  expect(await codeWith([])).toMatchObject({ kind: 'failed', code: 'CONNECT_FAILED' });
  expect(await codeWith([`localhost:${port}`])).toMatchObject({ kind: 'synced' });
});
