import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { controlProof } from '@cortex-os/mcp-registry';
import { tempFolder } from '@cortex-os/testkit';
import { startRegistryGateway } from '../registry-fixture.ts';

type Answer = readonly [status: number, body: Record<string, unknown>];

async function rig() {
  const folder = tempFolder();
  const gateway = await startRegistryGateway(folder.path);
  await gateway.client.change(() => ({ value: undefined }));
  const { token } = JSON.parse(
    await readFile(join(folder.path, 'registry-control.json'), 'utf8'),
  ) as { token: string };
  const ask = async (
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { method = 'GET', headers = {}, body = '' } = init;
    // Not by fetch, which sets headers of a browser.
    const sent = request(
      `${gateway.origin}/v1/registry/${path}`,
      { method, headers },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve([response.statusCode ?? 0, JSON.parse(text === '' ? '{}' : text) as never]);
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
    return await promise;
  };
  const change = async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    await ask('changes', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    gateway,
    token,
    ask,
    change,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const PUT = { put: [{ record: { name: 'a', transport: 'stdio' } }], remove: [] };

test('registryControlRoute() proves itself to a caller before anything is sent', async () => {
  await using control = await rig();
  const nonce = 'n'.repeat(32);
  expect(await control.ask(`hello?nonce=${nonce}`)).toEqual([
    200,
    { proof: controlProof(control.token, nonce) },
  ]);
  expect((await control.ask('hello'))[0]).toBe(400);
  expect((await control.ask('hello?nonce=short'))[0]).toBe(400);
});

test('registryControlRoute() stores and removes for whoever has the token', async () => {
  await using control = await rig();
  expect(await control.change(PUT)).toEqual([200, { stored: 1, removed: 0 }]);
  const removal = { put: [], remove: [{ name: 'a' }] };
  expect(await control.change(removal)).toEqual([200, { stored: 0, removed: 1 }]);
});

test.each([
  ['no token', { authorization: '' }, 401],
  ['a wrong token', { authorization: 'Bearer x' }, 401],
  ['a page of this machine', { origin: 'http://localhost:3000' }, 403],
  ['a browser', { 'sec-fetch-site': 'same-origin' }, 403],
  ['a form', { 'content-type': 'text/plain' }, 415],
])('registryControlRoute() refuses %s', async (_who, headers, status) => {
  await using control = await rig();
  expect((await control.change(PUT, headers))[0]).toBe(status);
  expect(await control.gateway.client.read((cache) => cache.size)).toBe(0);
});

test('registryControlRoute() names what is wrong with a change, with a stable code', async () => {
  await using control = await rig();
  expect((await control.change('{'))[0]).toBe(400);
  expect(await control.change({ put: [] })).toMatchObject([400, { code: 'EINVALID' }]);
  const big = { name: 'a', transport: 'stdio', note: 'x'.repeat(300_000) };
  const tooBig = await control.change({ put: [{ record: big }], remove: [] });
  expect(tooBig).toMatchObject([400, { code: 'EINVALIDRECORD' }]);
  const stale = { put: [{ ...PUT.put[0], was: 'another' }], remove: [] };
  expect(await control.change(stale)).toMatchObject([409, { code: 'ECHANGED' }]);
  expect((await control.ask('nothing'))[0]).toBe(404);
  expect((await control.ask('changes'))[0]).toBe(404);
  expect((await control.ask('changes', { method: 'DELETE' }))[0]).toBe(405);
});

test('registryControlRoute() of a service that only reads tells so', async () => {
  await using folder = tempFolder();
  await using first = await startRegistryGateway(folder.path);
  await using second = await startRegistryGateway(folder.path);
  const response = await new Promise<number>((resolve) => {
    request(`${second.origin}/v1/registry/hello`, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).end();
  });
  expect(response).toBe(503);
  expect((await first.status()).registry).toMatchObject({ health: { access: 'writer' } });
});
