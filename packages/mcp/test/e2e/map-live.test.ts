import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { listTools as toolNames } from './map-list.ts';
import {
  entryFor,
  hostOf,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
} from './map-fixture.ts';
import { startServe } from './serve-process.ts';

const config = (file: string): object => ({
  mcpServers: {},
  // The map that is served needs a restart, and stays.
  serviceMap: { file, publish: 'one.json' },
});

test('followMap() takes up another map live; its hosts are allowed from then on, the old ones no longer (S4-07, S5)', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using two = await startUpstream({ kind: 'modern-http' });
  await using first = await startMapServer(signedMap([entryFor(one, 'one')]));
  await using second = await startMapServer(
    signedMap([entryFor(two, 'two'), entryFor(one, 'one')]),
  );
  await using gateway = await startMapGateway(
    mapSettings(first.url, { allowHosts: [hostOf(one)] }),
  );
  await gateway.service.refreshMap();
  expect(gateway.serving()).toEqual(['one']);
  await gateway.service.followMap(mapSettings(second.url, { allowHosts: [hostOf(two)] }));
  expect(gateway.serving()).toEqual(['two']);
  expect(gateway.connector('one')?.failure?.message).toContain('ENDPOINT_');
  expect(await gateway.map()).toMatchObject({ source: second.url, connectors: 2 });
  const asked = first.requests.length;
  await gateway.service.refreshMap();
  expect(first.requests.length).toBe(asked);
  await gateway.service.followMap(undefined);
  expect(gateway.serving()).toEqual([]);
});

test('an edit of serviceMap in the configuration of a running service needs no restart, the new file is watched', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using two = await startUpstream({ kind: 'modern-http' });
  await using folder = tempFolder();
  const write = async (name: string, value: unknown): Promise<void> =>
    await writeFile(join(folder.path, name), JSON.stringify(value));
  await write('one.json', signedMap([entryFor(one, 'one')]));
  await write('two.json', signedMap([entryFor(two, 'two')]));
  await using serve = await startServe({ mcpServers: {}, folder });
  const serves = async (id: string): Promise<boolean> =>
    (await toolNames(new URL(serve.url).origin)).some((name) => name.startsWith(`${id}__`));
  await write('cortex-mcp.json', config('one.json'));
  await waitUntil(async () => await serves('one'), { timeoutMs: 10_000, describe: 'one' });
  await write('cortex-mcp.json', config('two.json'));
  await waitUntil(async () => await serves('two'), { timeoutMs: 10_000, describe: 'two' });
  expect(await serves('one')).toBe(false);
  await write('two.json', signedMap([entryFor(one, 'again')]));
  await waitUntil(async () => await serves('again'), { timeoutMs: 10_000, describe: 'again' });
  expect(serve.stderr()).toContain('configuration reloaded: the service map is');
  expect(serve.stderr()).not.toMatch(/restart to apply the changed .*serviceMap(?!\.publish)/);
});
