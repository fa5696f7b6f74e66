import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createPublicLookup, type ResolveName } from '../../src/connectors/map/public-lookup.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  'inside.example': ['127.0.0.1'],
  'mixed.example': ['203.0.113.7', '10.0.0.1'],
  'outside.example': ['203.0.113.7'],
};

const resolve: ResolveName = (name, done) => {
  const known = ADDRESSES[name] ?? [];
  done(
    null,
    known.map((address) => ({ address, family: 4 })),
  );
};

async function lookUp(name: string, allowed: readonly string[], all: boolean): Promise<unknown> {
  const { promise, resolve: settle } = Promise.withResolvers<unknown>();
  createPublicLookup(allowed, resolve)(name, { all }, (error, address) =>
    settle(error === null ? address : error.code),
  );
  return await promise;
}

test.each([
  ['outside.example', [], '203.0.113.7'],
  ['inside.example', [], 'ENDPOINT_PRIVATE'],
  ['mixed.example', [], 'ENDPOINT_PRIVATE'],
  ['inside.example', ['inside.example:8080'], '127.0.0.1'],
  ['nowhere.example', [], 'ENOTFOUND'],
] as const)('S5 a lookup of %s with %o allowed gives %s', async (name, allowed, expected) => {
  expect(await lookUp(name, allowed, false)).toBe(expected);
});

test('S5 hosts that are allowed or no longer allowed while running count from the next lookup', async () => {
  let allowed = ['inside.example'];
  const lookup = createPublicLookup(() => allowed, resolve);
  const look = async (): Promise<unknown> => {
    const { promise, resolve: settle } = Promise.withResolvers<unknown>();
    lookup('inside.example', {}, (error, address) => settle(error?.code ?? address));
    return await promise;
  };
  expect(await look()).toBe('127.0.0.1');
  allowed = [];
  expect(await look()).toBe('ENDPOINT_PRIVATE');
});

test('S5 the addresses that were checked are the ones handed on', async () => {
  expect(await lookUp('outside.example', [], true)).toEqual([
    { address: '203.0.113.7', family: 4 },
  ]);
});

test('S5 a name that leads to this machine is never connected to, unless it is allowed', async () => {
  let connections = 0;
  const server = createServer((_, response) => response.end('here'));
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const origin = `http://inside.example:${(server.address() as AddressInfo).port}`;
  const request = { origin, path: '/', method: 'GET' } as const;
  const guarded = createSharedAgents({ lookup: createPublicLookup([], resolve) });
  await expect(guarded.requests.request(request)).rejects.toMatchObject({
    code: 'ENDPOINT_PRIVATE',
  });
  expect(connections).toBe(0);
  await guarded.close();
  const lookup = createPublicLookup(['inside.example'], resolve);
  const allowed = createSharedAgents({ lookup });
  expect(await (await allowed.requests.request(request)).body.text()).toBe('here');
  await allowed.close();
});

test('without a resolver of its own the system is asked', async () => {
  const { promise, resolve: settle } = Promise.withResolvers<unknown>();
  createPublicLookup([])('localhost', { all: true }, (error) => settle(error?.code));
  expect(await promise).toBe('ENDPOINT_PRIVATE');
});
