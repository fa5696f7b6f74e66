import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { JwksCache, type JwksCacheOptions } from '../../src/auth/jwks-cache.ts';
import { createTokenVerifier } from '../../src/auth/token-verifier.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';

const settings = {
  issuer: 'https://issuer.example',
  resource: 'https://gateway.example/mcp',
  requiredScopes: [],
  algorithms: ['ES256'],
  clockToleranceSec: 0,
  allowedHosts: [],
  grants: [],
} as const;

async function signer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'known', alg: 'ES256' };
  const sign = async (kid: string, sub: string): Promise<string> =>
    await new SignJWT({ sub })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .setIssuer(settings.issuer)
      .setAudience(settings.resource)
      .setExpirationTime('5m')
      .sign(privateKey);
  return { jwk, sign };
}

const naming = { separator: '__', exposedName };
const onError = (error: unknown) => expect.fail(String(error));

test('10,000 tokens with keys nobody knows cost one fetch a cooldown', async () => {
  const { jwk, sign } = await signer();
  let loads = 0;
  const load = async () => {
    loads += 1;
    return await Promise.resolve({ keys: [jwk] });
  };
  const verifier = createTokenVerifier({ settings, naming, load, onError });
  expect((await verifier.verify(await sign('known', 'ann'))).kind).toBe('good');
  const [, body = '', signature = ''] = (await sign('unknown', 'x')).split('.');
  for (let index = 0; index < 10_000; index += 1) {
    const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `k${index}` });
    const token = `${Buffer.from(header).toString('base64url')}.${body}.${signature}`;
    expect((await verifier.verify(token)).kind).toBe('bad');
  }
  expect(loads).toBe(1);
  const eager = createTokenVerifier({ settings, naming, load, onError, cooldownMs: 1e-9 });
  for (let index = 0; index < 5; index += 1) await eager.verify(await sign('unknown', `s${index}`));
  expect(loads, 'control: without a cooldown each costs one').toBeGreaterThanOrEqual(6);
});

test('a verdict is used again, and no longer than the token is good', async () => {
  const { jwk, sign } = await signer();
  const verifier = createTokenVerifier({
    settings,
    naming,
    load: async () => await Promise.resolve({ keys: [jwk] }),
    onError,
  });
  const token = await sign('known', 'ann');
  const first = await verifier.verify(token);
  expect(await verifier.verify(token)).toBe(first);
});

function cacheOf(more: Partial<JwksCacheOptions> = {}) {
  const world = {
    nowMs: 0,
    loads: 0,
    errors: 0,
    fail: false,
    keys: [{ kty: 'EC', kid: 'a' }] as object[],
  };
  const cache = new JwksCache({
    nowMs: () => world.nowMs,
    load: async () => {
      world.loads += 1;
      if (world.fail) throw new Error('away');
      return await Promise.resolve({ keys: world.keys });
    },
    onError: () => (world.errors += 1),
    ...more,
  });
  return { world, cache };
}

test('JwksCache keeps keys over an outage, up to maxStaleMs, and asks no more than once a cooldown', async () => {
  const { world, cache } = cacheOf({ maxAgeMs: 100, maxStaleMs: 1_000, cooldownMs: 50 });
  const first = await cache.current();
  world.fail = true;
  world.nowMs = 500;
  expect(await cache.current()).toBe(first);
  expect(await cache.current()).toBe(first);
  expect([world.loads, world.errors]).toEqual([2, 1]);
  world.nowMs = 1_200;
  await expect(cache.current()).rejects.toMatchObject({ code: 'JWKS_UNAVAILABLE' });
  world.fail = false;
  await expect(cache.current(), 'it has just been tried').rejects.toThrow(/cannot be had/);
  world.nowMs = 1_300;
  expect((await cache.current()).keys.length).toBe(1);
});

test('JwksCache.after() gives newer keys once, and asks one question for many', async () => {
  const { world, cache } = cacheOf({ cooldownMs: 50 });
  const seen = await cache.current();
  expect(await cache.after(seen)).toBeUndefined();
  world.nowMs = 60;
  const all = await Promise.all(Array.from({ length: 20 }, async () => await cache.after(seen)));
  expect(new Set(all).size).toBe(1);
  expect(all[0]).not.toBe(seen);
  expect(world.loads).toBe(2);
});

test('JwksCache takes no shared secrets, and no sets without bounds', async () => {
  const { world, cache } = cacheOf();
  world.keys = [{ kty: 'oct', k: 'AAAA' }, { kty: 'EC' }, { nothing: true }];
  expect((await cache.current()).keys).toEqual([{ kty: 'EC' }]);
  const many = cacheOf();
  many.world.keys = Array.from({ length: 101 }, () => ({ kty: 'EC' }));
  await expect(many.cache.current()).rejects.toMatchObject({ code: 'JWKS_UNAVAILABLE' });
});
