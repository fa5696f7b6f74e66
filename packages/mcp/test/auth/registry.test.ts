import { tempFolder, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey } from '../../src/auth/edit-keys.ts';
import { send } from '../gateway/raw-client.ts';
import { API_KEY, startRegistryGateway, type RegistryGateway } from '../registry-fixture.ts';
import { ask, bearer, get, names } from './guarded-gateway.ts';

let folder: TempFolder;
let gateway: RegistryGateway;
let client: string;
let writer: string;
let operator: string;

beforeAll(async () => {
  folder = tempFolder();
  const make = async (...scopes: string[]) => (await createKey(folder.path, { scopes })).text;
  client = await make('client');
  writer = await make('client', 'registry:write');
  operator = await make('operator');
  const auth = { settings: {}, stateFolder: folder.path, watch: true };
  gateway = await startRegistryGateway(folder.path, {}, { auth });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function publish(key: string | undefined, name: string): Promise<number> {
  const server = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name,
    description: 'A server.',
    version: '1.0.0',
  };
  const answer = await send(`${gateway.origin}/v0.1/publish`, {
    headers: bearer(key),
    body: JSON.stringify(server),
  });
  return answer.status;
}

test('the registry API is written by its own key, registry:write and operators, and read by clients', async () => {
  expect(await publish(undefined, 'io.test/nobody')).toBe(401);
  expect(await publish(client, 'io.test/client')).toBe(403);
  expect(await publish(API_KEY, 'io.test/own')).toBeLessThan(300);
  expect(await publish(writer, 'io.test/writer')).toBeLessThan(300);
  expect(await publish(operator, 'io.test/operator')).toBeLessThan(300);
  const url = `${gateway.origin}/v0.1/servers`;
  const read = await get(url, client);
  expect(read.text).toMatch(/io\.test\/own.*io\.test\/writer|io\.test\/writer.*io\.test\/own/s);
  expect(read.text).not.toMatch(/io\.test\/(?:nobody|client)/);
  expect([(await get(url)).status, (await get(url, API_KEY)).status]).toEqual([401, 200]);
  expect((await get(`${gateway.origin}/status`, API_KEY)).status).toBe(401);
});

test('a browser may ask what a page of any origin may send, without a key', async () => {
  const answer = await send(`${gateway.origin}/v0.1/servers`, {
    method: 'OPTIONS',
    headers: { origin: 'https://gallery.example', 'access-control-request-method': 'GET' },
  });
  expect(answer.status).toBeLessThan(300);
});

test('commands of this machine write through a service that asks for keys', async () => {
  await gateway.client.change(() => ({
    put: [{ name: 'io.test/command', transport: 'stdio', command: 'true', origin: 'local' }],
    value: undefined,
  }));
  const known = await gateway.client.read((cache) => cache.get('io.test/command')?.command);
  expect(known).toBe('true');
  const hello = `${gateway.origin}/v1/registry/hello?nonce=${'n'.repeat(24)}`;
  expect((await get(hello)).status).toBe(401);
  expect((await get(hello, client)).status).toBe(403);
  expect((await get(`${gateway.origin}/v1/registry/changes`, writer)).status).toBe(403);
});

test('tools that write the registry are seen and called with registry:write only', async () => {
  const url = `${gateway.origin}/mcp`;
  const seen = await names(url, client);
  expect(seen).toContain('registry__list');
  expect(seen).not.toContain('registry__register');
  expect(await names(url, writer)).toContain('registry__register');
  const call = { name: 'registry__unregister', arguments: { name: 'io.test/own' } };
  expect((await ask(url, client, 'tools/call', call)).json()).toMatchObject({
    error: { code: -32602 },
  });
  const map = await get(`${gateway.origin}/v1/connectors/service-map`, client);
  expect(map.status, 'a client that sees all but those is not shut out').toBe(404);
});
