import { join } from 'node:path';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { expect, test, vi } from 'vitest';
import { startOAuthServer, tempFolder, type OAuthServerOptions } from '@cortex-os/testkit';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import { NO_CHALLENGE } from '../../src/credentials/challenge.ts';
import {
  createFileCredentialStore,
  type CredentialStore,
  type StoredCredential,
} from '../../src/credentials/credential-store.ts';
import {
  createOAuthCredential,
  type OAuthCredential,
} from '../../src/credentials/oauth-credential.ts';
import { createOAuthHttp } from '../../src/credentials/oauth-http.ts';
import { CLIENT_SECRET, GATEWAY_CLIENT } from './oauth-fixture.ts';

const SERVER = new URL('http://127.0.0.1:9/mcp');
const reach = { lookup: undefined, refusal: () => undefined };
const random = (): number => 0.5;

function openStore(folder: string): CredentialStore {
  const key = { key: 'k'.repeat(40), name: 'MCP_SECRETS_KEY' };
  return createFileCredentialStore({ folder, random, key: async () => await Promise.resolve(key) });
}

interface World extends AsyncDisposable {
  readonly issuer: Awaited<ReturnType<typeof startOAuthServer>>;
  readonly warnings: string[];
  readonly store: CredentialStore;
  credential(settings?: Partial<OAuthSettings>): OAuthCredential;
  /** Keeps tokens as a login would. */
  keep(changes?: Partial<StoredCredential>): Promise<StoredCredential>;
}

async function createWorld(options: OAuthServerOptions = {}): Promise<World> {
  const issuer = await startOAuthServer({
    clients: [GATEWAY_CLIENT],
    lifetimeSec: 100,
    ...options,
  });
  const folder = tempFolder();
  const http = createOAuthHttp();
  const warnings: string[] = [];
  const store = openStore(folder.path);
  return {
    issuer,
    warnings,
    store,
    credential: (settings = {}) =>
      createOAuthCredential({
        connectorId: 'one',
        server: SERVER,
        settings: {
          grant: 'authorization_code',
          issuer: issuer.issuer,
          clientId: 'gateway',
          clientSecret: CLIENT_SECRET,
          resource: SERVER.href,
          ...settings,
        },
        http,
        reach,
        resolve: async (text) => await Promise.resolve(text),
        store,
        random,
        warn: (line) => warnings.push(line),
      }),
    async keep(changes = {}) {
      const given = { clientId: 'gateway', scopes: ['a'], resource: SERVER.href };
      issuer.grants.refresh.set('refresh-first', given);
      const record: StoredCredential = {
        connectorId: 'one',
        issuer: issuer.issuer,
        server: SERVER.href,
        resource: SERVER.href,
        clientId: 'gateway',
        accessToken: 'access-first',
        refreshToken: 'refresh-first',
        obtainedAtMs: Date.now(),
        expiresAtMs: Date.now() + 100_000,
        scopes: ['a'],
        ...changes,
      };
      await store.save(record);
      return record;
    },
    [Symbol.asyncDispose]: async () => {
      await http.close();
      await issuer[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const refusal = (sent: string | undefined) =>
  ({ status: 401, challenge: NO_CHALLENGE, sent }) as const;

test('current() gives the header of a fresh token without asking anybody', async () => {
  await using world = await createWorld();
  await world.keep();
  const credential = world.credential();
  expect(credential.current()).toBeUndefined();
  expect(await credential.acquire()).toBe('Bearer access-first');
  expect(credential.current()).toBe('Bearer access-first');
  expect(world.issuer.seen).toEqual([]);
  expect(credential.state()).toMatchObject({ state: 'ready', scopes: ['a'] });
});

test('a token that is due is used while the next one is asked for; one that has ended is waited for', async () => {
  await using world = await createWorld();
  await world.keep({ obtainedAtMs: Date.now() - 95_000, expiresAtMs: Date.now() + 15_000 });
  const due = world.credential();
  expect(await due.acquire()).toBe('Bearer access-first');
  await vi.waitFor(() => expect(due.current()).toMatch(/^Bearer access-(?!first)/));
  expect(world.issuer.count('/token')).toBe(1);
  await world.keep({ obtainedAtMs: Date.now() - 90_000, expiresAtMs: Date.now() - 1 });
  const ended = world.credential();
  const values = await Promise.all([ended.acquire(), ended.acquire(), ended.acquire()]);
  expect(new Set(values).size).toBe(1);
  expect(values[0]).toMatch(/^Bearer access-(?!first)/);
  expect(world.issuer.count('/token')).toBe(2);
});

test('a rotated refresh token is kept before the new token is used, and two processes renew once', async () => {
  await using world = await createWorld();
  await world.keep();
  const [one, two] = [world.credential(), world.credential()];
  const [sent] = await Promise.all([one.acquire(), two.acquire()]);
  const renewed = await Promise.all([one.refused(refusal(sent)), two.refused(refusal(sent))]);
  expect(new Set(renewed).size).toBe(1);
  expect(world.issuer.count('/token')).toBe(1);
  const { records } = await world.store.load('one');
  expect(`Bearer ${records[0]?.accessToken}`).toBe(renewed[0]);
  expect([...world.issuer.grants.refresh.keys()]).toEqual([records[0]?.refreshToken]);
});

test('an outage while renewing ahead costs nothing; asking again backs off', async () => {
  let down = true;
  await using world = await createWorld({
    intercept: ({ path }, response) => {
      if (!down || path !== '/token') return false;
      response.writeHead(503);
      response.end();
      return true;
    },
  });
  await world.keep({ obtainedAtMs: Date.now() - 95_000, expiresAtMs: Date.now() + 15_000 });
  const credential = world.credential();
  expect(await credential.acquire()).toBe('Bearer access-first');
  await vi.waitFor(() => expect(credential.state().problem).toMatch(/no token could be had/));
  for (let call = 0; call < 50; call += 1) expect(credential.current()).toBe('Bearer access-first');
  expect(world.issuer.count('/token')).toBe(1);
  await expect(credential.refused(refusal('Bearer access-first'))).rejects.toMatchObject({
    code: 'AUTH_UNAVAILABLE',
  });
  down = false;
  await vi.waitFor(() => expect(credential.current()).toMatch(/^Bearer access-(?!first)/), 5_000);
});

test('M7 a login that was taken back ends it: one request, then AUTH_REQUIRED without asking until credentials change', async () => {
  await using world = await createWorld();
  await world.keep();
  world.issuer.grants.refresh.clear();
  const credential = world.credential();
  const sent = await credential.acquire();
  const required = {
    code: 'AUTH_REQUIRED',
    message: expect.stringContaining('auth login one') as string,
  };
  await expect(credential.refused(refusal(sent))).rejects.toMatchObject(required);
  await expect(credential.refused(refusal(undefined))).rejects.toMatchObject(required);
  expect(world.issuer.count('/token')).toBe(1);
  expect(credential.state()).toMatchObject({ state: 'refused' });
  const { records } = await world.store.load('one');
  expect(records[0]).not.toHaveProperty('refreshToken');
  expect(await credential.reload()).toBe(false);
  await world.keep({ accessToken: 'access-again' });
  expect(await credential.reload()).toBe(true);
  expect(credential.current()).toBe('Bearer access-again');
  expect(await credential.reload()).toBe(false);
});

test('a server that refuses a token which was just given is not asked about for more', async () => {
  await using world = await createWorld();
  await world.keep();
  const credential = world.credential();
  const second = await credential.refused(refusal(await credential.acquire()));
  for (let call = 0; call < 5; call += 1) {
    await expect(credential.refused(refusal(second))).rejects.toThrow(/just given/);
  }
  expect(world.issuer.count('/token')).toBe(1);
});

test('403 insufficient_scope names the scopes and the remedy, and the next login knows them; a client that acts for itself asks once', async () => {
  await using world = await createWorld();
  await world.keep();
  const person = world.credential();
  const sent = await person.acquire();
  const challenge = { ...NO_CHALLENGE, error: 'insufficient_scope', scope: 'a b' };
  await expect(person.refused({ status: 403, challenge, sent })).rejects.toThrow(
    /more scopes \(a b\); run: cortex-mcp auth login one/,
  );
  expect((await world.store.load('one')).records[0]?.wantedScopes).toEqual(['a', 'b']);
  expect(world.issuer.count('/token')).toBe(0);
  const self = world.credential({ grant: 'client_credentials' });
  const first = await self.acquire();
  const more = await self.refused({ status: 403, challenge, sent: first });
  expect(world.issuer.grants.access.get(more.slice(7))?.scopes).toEqual(['a', 'b']);
  await expect(self.refused({ status: 403, challenge, sent: more })).rejects.toThrow(
    /correct auth/,
  );
  const bound = world.credential({ grant: 'client_credentials', scopes: ['a'] });
  const held = await bound.acquire();
  await expect(bound.refused({ status: 403, challenge, sent: held })).rejects.toThrow(
    /more scopes/,
  );
  expect(world.issuer.count('/token')).toBe(3);
});

test('kept tokens of another server, issuer or client are not used; damaged ones are named and need a login', async () => {
  await using world = await createWorld();
  for (const changes of [
    { server: 'http://127.0.0.1:8/mcp' },
    { issuer: 'http://127.0.0.1:8' },
    { clientId: 'another' },
  ]) {
    await world.store.remove('one');
    await world.keep(changes);
    expect(await world.credential().acquire()).toBeUndefined();
  }
  await world.keep();
  const { folder = '' } = world.store;
  const other = createFileCredentialStore({
    folder: join(folder, '..'),
    random,
    key: async () =>
      await Promise.resolve({ key: 'another key of at least 32 characters', name: 'K' }),
  });
  await other.save({ ...(await world.keep()), issuer: world.issuer.issuer });
  expect(await world.credential().acquire()).toBeUndefined();
  expect(world.warnings.join()).toContain('AUTH_STORE_DAMAGED');
});

test('private_key_jwt proves the client by a signature that its public key verifies (RFC 7523)', async () => {
  await using world = await createWorld({ clients: [{ clientId: 'gateway' }] });
  for (const [type, alg] of [
    ['ec', 'ES256'],
    ['ed25519', 'EdDSA'],
  ] as const) {
    const pair =
      type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
    const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const settings = { grant: 'client_credentials', clientSecret: undefined, privateKey } as const;
    expect(await world.credential(settings).acquire()).toMatch(/^Bearer /);
    const form = world.issuer.seen.at(-1)?.form;
    const assertion = form?.get('client_assertion') ?? '';
    const { payload, protectedHeader } = await jwtVerify(
      assertion,
      createPublicKey(pair.privateKey),
      {
        issuer: 'gateway',
        subject: 'gateway',
        audience: world.issuer.issuer,
      },
    );
    expect(protectedHeader.alg).toBe(alg);
    expect(payload.jti).toBeTypeOf('string');
  }
  const broken = {
    grant: 'client_credentials',
    clientSecret: undefined,
    privateKey: 'not-a-key',
  } as const;
  await expect(world.credential(broken).acquire()).rejects.toThrow(/privateKey is no PEM/);
});
