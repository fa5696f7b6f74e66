import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRegistryClient } from '@cortex-os/mcp-registry';
import { tempFolder } from '@cortex-os/testkit';
import {
  createRegistryServer,
  type RegistryServer,
} from '../src/service/registry/registry-server.ts';

function serverOf(stateFolder: string): RegistryServer {
  const server = createRegistryServer({
    stateFolder,
    apiKey: undefined,
    logger: pino({ level: 'silent' }),
    random: () => 0.5,
  });
  onTestFinished(async () => await server.close());
  return server;
}

test('createRegistryServer() serves the API and writes for the command line, connectors included, and runs none of it', async () => {
  await using folder = tempFolder();
  const server = serverOf(folder.path);
  const { url } = await server.start(0);
  const client = createRegistryClient({
    path: join(folder.path, 'servers.json'),
    random: () => 0.5,
  });
  const record = { name: 'a', transport: 'stdio', command: '/never/run', connector: {} } as const;
  expect(await client.change(() => ({ put: [record], value: 1 }))).toEqual({
    value: 1,
    via: 'service',
  });
  const list = await fetch(`${url}/v0.1/servers`, { headers: { origin: 'https://page.example' } });
  expect([list.status, list.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
  expect(await list.json()).toMatchObject({ servers: [] });
  for (let count = 0; count < 10; count += 1) {
    // Whatever becomes a connector meanwhile: nothing here connects it.
    await client.change(() => ({ put: [{ ...record, name: `a${count}` }], value: 1 }));
  }
  // There is no MCP endpoint here.
  expect((await fetch(`${url}/mcp`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${url}/v0.1/publish`, { method: 'POST' })).status).toBe(501);
  await server.close();
  await expect(fetch(`${url}/v0.1/servers`)).rejects.toThrow('fetch failed');
});

test('start() says why: the port is in use, or nothing whole is left of the registry', async () => {
  await using folder = tempFolder();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  await expect(serverOf(folder.path).start(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await using other = tempFolder();
  await writeFile(join(other.path, 'servers.json'), 'garbage');
  await expect(serverOf(other.path).start(0)).rejects.toThrow('servers.json');
});
