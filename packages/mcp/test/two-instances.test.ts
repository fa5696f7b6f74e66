import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { leastMs, startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway } from './e2e/gateway-fixture.ts';
import { openSession, sendModern } from './gateway/raw-client.ts';
import { API_KEY, startRegistryGateway, type RegistryGateway } from './registry-fixture.ts';

// Two processes of one state folder that serve beside each other for good (`instances: 2`).

async function publish({ origin }: RegistryGateway, name: string): Promise<Response> {
  return await fetch(`${origin}/v0.1/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({
      $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
      name,
      description: 'published at one of two',
      version: '1.0.0',
    }),
  });
}

async function listedAt({ origin }: RegistryGateway): Promise<readonly string[]> {
  const page = (await (await fetch(`${origin}/v0.1/servers`)).json()) as {
    readonly servers: readonly { readonly server: { readonly name: string } }[];
  };
  return page.servers.map(({ server }) => server.name);
}

test('of two processes one writes the registry: the other says so at once, shows what is written, and writes when it is alone', async () => {
  await using folder = tempFolder();
  const writer = await startRegistryGateway(folder.path);
  await using other = await startRegistryGateway(folder.path);
  expect((await publish(writer, 'test.two/one')).status).toBe(200);
  await waitUntil(async () => (await listedAt(other)).includes('test.two/one'), {
    describe: 'the other shows it',
  });
  let refused = await publish(other, 'test.two/two');
  const measure = async (): Promise<number> => {
    const startedAtMs = performance.now();
    refused = await publish(other, 'test.two/two');
    return performance.now() - startedAtMs;
  };
  expect(await leastMs(measure, { belowMs: 2_000 })).toBeLessThan(2_000);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({
    code: 'ELOCKED',
    detail: 'Another process writes to this registry',
  });
  await writer[Symbol.asyncDispose]();
  const isTaken = async (): Promise<boolean> =>
    (await publish(other, 'test.two/two')).status === 200;
  await waitUntil(isTaken, { timeoutMs: 10_000, describe: 'it writes now' });
  expect(await listedAt(other)).toEqual(['test.two/one', 'test.two/two']);
}, 30_000);

test('of two processes both answer both eras, and one keeps what is learned', async () => {
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using folder = tempFolder();
  const state = { stateFolder: folder.path, configPath: '/c.json' };
  const manifestFolder = join(folder.path, 'manifests');
  const start = async () => {
    const gateway = await startGateway(
      [connectorFor(upstream, 'one')],
      { manifestFolder },
      { state },
    );
    await gateway.service.manager.sync();
    return gateway;
  };
  await using first = await start();
  await using second = await start();
  const call = { name: 'one__echo', arguments: { message: 'm' } };
  for (const gateway of [first, second]) {
    expect((await sendModern(gateway.url(), 'tools/call', call)).text).toContain('"m"');
    const session = await openSession(gateway.url());
    expect((await session.send('tools/call', call)).text).toContain('"m"');
  }
  const kept = async (): Promise<boolean> =>
    (await readdir(manifestFolder).catch((): string[] => [])).includes('one.json');
  await waitUntil(kept, { describe: 'the manifest is kept' });
}, 30_000);
