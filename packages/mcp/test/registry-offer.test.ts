import { expect, test } from 'vitest';
import {
  createCacheHandle,
  createMemoryStore,
  RegistryMemoryCache,
  type RegistryHandle,
  type ServerRecord,
} from '@cortex-os/mcp-registry';
import { pino } from 'pino';
import { RegistryOffer } from '../src/service/registry/registry-offer.ts';
import { connector } from './e2e/gateway-fixture.ts';

function remote(name: string, endpoint: string): ServerRecord {
  return { name, transport: 'streamableHttp', endpoint, origin: 'remote', connector: {} };
}

async function rig(records: readonly ServerRecord[]) {
  const cache = await RegistryMemoryCache.open(createMemoryStore(), { random: () => 0.5 });
  await cache.upsertMany(records);
  let allowedHosts: string[] = [];
  const logged: string[] = [];
  const offer = new RegistryOffer({
    tools: false,
    logger: pino({ level: 'warn' }, { write: (line) => void logged.push(line) }),
    policy: () => ({
      stateFolder: '/state',
      home: '/home/me',
      trust: { allowedHosts },
      sharedKeyFor: [],
      env: {},
    }),
  });
  return {
    offer,
    logged,
    cache,
    handle: createCacheHandle(cache),
    allow: (...hosts: string[]) => (allowedHosts = hosts),
    problems: () => offer.merge([]).map(({ problem }) => problem),
    [Symbol.asyncDispose]: async () => await cache.close(),
  };
}

test('read() asks for the policy each time, so that a change of it takes effect', async () => {
  await using one = await rig([remote('inside', 'http://inside.example/mcp')]);
  expect(await one.offer.read(one.handle)).toBe(true);
  expect(one.problems()).toEqual([expect.stringContaining('ENDPOINT_NOT_HTTPS')]);
  expect(await one.offer.read(one.handle)).toBe(false);
  one.allow('inside.example');
  expect(await one.offer.read(one.handle)).toBe(true);
  expect(one.problems()).toEqual([undefined]);
  one.allow();
  expect(await one.offer.read(one.handle)).toBe(true);
  expect(one.problems()).toEqual([expect.stringContaining('ENDPOINT_NOT_HTTPS')]);
});

test('read() takes one reading after the other, the last one wins, and one that fails holds up none', async () => {
  await using one = await rig([remote('a', 'https://a.example/')]);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: hasRead, resolve: tell } = Promise.withResolvers<void>();
  const slow: RegistryHandle = {
    use: async (use, work) => {
      const value = await one.handle.use(use, work);
      tell();
      await held;
      return value;
    },
  };
  const failing: RegistryHandle = { use: async () => await Promise.reject(new Error('gone')) };
  const first = one.offer.read(slow);
  const second = one.offer.read(failing);
  const third = one.offer.read(one.handle);
  await hasRead;
  await one.cache.upsert(remote('b', 'https://b.example/'));
  release();
  await expect(second).rejects.toThrow('gone');
  expect([await first, await third]).toEqual([true, true]);
  expect(one.offer.size).toBe(2);
});

test('merge() lets other connectors win, says so once, and used counts what is left', async () => {
  await using one = await rig([
    remote('a', 'https://a.example/'),
    remote('b', 'https://b.example/'),
    { ...remote('twin', 'https://b.example/'), connector: { id: 'b' } },
  ]);
  await one.offer.read(one.handle);
  const own = [connector('a', undefined)];
  for (let i = 0; i < 2; i += 1) {
    expect(one.offer.merge(own).map(({ id, origin }) => [id, origin])).toEqual([
      ['a', 'local'],
      ['b', 'remote'],
    ]);
  }
  expect([one.offer.size, one.offer.used]).toEqual([2, 1]);
  expect(one.offer.warnings).toEqual([
    'twin is not used: another entry has the connector id b',
    'a of the registry is not used: another has its id',
  ]);
  expect(one.logged).toHaveLength(2);
  await one.offer.read(one.handle);
  expect(one.logged).toHaveLength(2);
});
