import { expect, test } from 'vitest';
import {
  startGuardedServer,
  startOAuthServer,
  tempFolder,
  type OAuthServerOptions,
  type OAuthTestServer,
} from '@cortex-os/testkit';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import type { LoginResult } from '../../src/credentials/login.ts';
import {
  agree,
  createLogin,
  GATEWAY_CLIENT,
  oauthConnector,
  ownConnector,
} from './oauth-fixture.ts';

const TARGET = 'http://127.0.0.1:9/mcp';
const DOCUMENT = 'https://clients.example.com/gateway.json';

interface World extends AsyncDisposable {
  readonly issuer: OAuthTestServer;
  readonly url: string;
  login(
    settings?: Partial<OAuthSettings>,
    present?: (url: URL) => Promise<void>,
  ): Promise<LoginResult>;
  logout(settings?: Partial<OAuthSettings>): Promise<unknown>;
  /** Parameters of the last login. */
  readonly asked: URLSearchParams;
}

async function createWorld(options: OAuthServerOptions = {}, challengeScope = ''): Promise<World> {
  const issuer = await startOAuthServer({ lifetimeSec: 3_600, ...options });
  const guarded = await startGuardedServer({ target: TARGET, issuer, challengeScope });
  const folder = tempFolder();
  const login = createLogin(folder.path);
  let asked = new URLSearchParams();
  const signal = AbortSignal.timeout(10_000);
  return {
    issuer,
    url: guarded.url,
    get asked() {
      return asked;
    },
    login: async (settings = {}, present = async (url) => void (await agree(url))) =>
      await login.login(oauthConnector(guarded, settings), {
        signal,
        present: async (url) => {
          asked = url.searchParams;
          await present(url);
        },
      }),
    logout: async (settings = {}) => await login.logout(oauthConnector(guarded, settings), signal),
    [Symbol.asyncDispose]: async () => {
      await login.close();
      await guarded[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
      await folder.remove();
    },
  };
}

const registrations = ({ issuer }: World): number => issuer.count('/register');

test('login() registers itself where that is offered (RFC 7591), and again only for another callback', async () => {
  await using world = await createWorld({ scopes: ['a', 'offline_access'] }, 'a');
  const { redirectUri, ...result } = {
    ...(await world.login()),
    redirectUri: world.asked.get('redirect_uri'),
  };
  expect(result).toMatchObject({
    issuer: world.issuer.issuer,
    scopes: ['a', 'offline_access'],
    renewable: true,
  });
  expect(world.asked.get('resource')).toBe(world.url);
  expect(registrations(world)).toBe(1);
  const port = Number(new URL(redirectUri ?? '').port);
  await world.login({ redirectPort: port });
  expect(registrations(world)).toBe(1);
  await world.login();
  expect(registrations(world)).toBe(2);
});

test('login() asks for what was granted before as well, so that a step-up loses nothing', async () => {
  await using world = await createWorld({}, 'a');
  await world.login({ scopes: ['b'] });
  expect(world.asked.get('scope')).toBe('b');
  await world.login();
  expect(world.asked.get('scope')).toBe('a b');
});

test('login() takes the client that is configured, by secret or by metadata document where those are taken', async () => {
  await using world = await createWorld({
    clients: [GATEWAY_CLIENT, { clientId: DOCUMENT }],
    metadata: (truth) => ({ ...truth, client_id_metadata_document_supported: true }),
  });
  const { issuer } = world.issuer;
  for (const tokenEndpointAuthMethod of [undefined, 'client_secret_post'] as const) {
    const settings = { issuer, clientId: 'gateway', clientSecret: '${CLIENT_SECRET}' };
    await world.login({ ...settings, ...(tokenEndpointAuthMethod && { tokenEndpointAuthMethod }) });
    const { headers, form } = world.issuer.seen.findLast(({ path }) => path === '/token') ?? {};
    const isPost = tokenEndpointAuthMethod !== undefined;
    expect(headers?.authorization?.startsWith('Basic ') ?? false).toBe(!isPost);
    expect(form?.has('client_secret')).toBe(isPost);
  }
  await world.login({ clientId: DOCUMENT });
  expect(world.asked.get('client_id')).toBe(DOCUMENT);
  expect(registrations(world)).toBe(0);
});

test('login() keeps a secret that its registration was given, and proves itself with it', async () => {
  const methods = ['client_secret_post'];
  await using world = await createWorld({
    metadata: (truth) => ({ ...truth, token_endpoint_auth_methods_supported: methods }),
  });
  expect((await world.login()).renewable).toBe(true);
  const form = world.issuer.seen.findLast(({ path }) => path === '/token')?.form;
  expect(form?.get('client_secret')).toMatch(/^secret-/);
  expect(await world.logout()).toMatchObject({ removed: 1, revoked: 1, problems: [] });
});

test('login() names what to configure when nobody can be registered', async () => {
  await using silent = await createWorld({
    metadata: ({ registration_endpoint: _none, ...rest }) => rest,
  });
  await expect(silent.login()).rejects.toThrow(/registers no clients by itself.*auth\.clientId/);
  await expect(silent.login({ clientId: DOCUMENT })).rejects.toThrow(/no metadata document/);
  await using refusing = await createWorld({
    intercept: ({ path }, response) => {
      if (path !== '/register') return false;
      response.writeHead(403).end();
      return true;
    },
  });
  await expect(refusing.login()).rejects.toThrow(/did not register this client \(status 403\)/);
  await using failing = await createWorld({
    intercept: ({ path }, response) => {
      if (path !== '/register') return false;
      response.writeHead(500).end();
      return true;
    },
  });
  await expect(failing.login()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' });
});

test('login() takes no answer of another issuer, and a refusal of the person at its word (RFC 9207)', async () => {
  await using mixed = await createWorld({
    callback: (parameters) => parameters.set('iss', 'https://evil.test'),
  });
  await expect(mixed.login()).rejects.toThrow(/another issuer/);
  expect(mixed.issuer.count('/token')).toBe(0);
  await using declined = await createWorld({
    callback: (parameters) => {
      parameters.delete('code');
      parameters.set('error', 'access_denied');
    },
  });
  await expect(declined.login()).rejects.toThrow(/did not grant access \(access_denied\)/);
});

test('login() answers nobody but the login that is under way', async () => {
  await using world = await createWorld();
  const forged = async (url: URL): Promise<void> => {
    const callback = url.searchParams.get('redirect_uri') ?? '';
    const guess = await fetch(`${callback}?code=stolen&state=guess&iss=${world.issuer.issuer}`);
    expect(guess.status).toBe(400);
    await agree(url);
  };
  expect((await world.login({}, forged)).renewable).toBe(true);
  expect(world.issuer.seen.filter(({ path }) => path === '/token')).toHaveLength(1);
});

test('login() of a client that acts for itself only tries; a server of an issuer with a path is found', async () => {
  await using world = await createWorld({ clients: [GATEWAY_CLIENT], issuerPath: '/tenant' });
  const { issuer } = world.issuer;
  expect(issuer).toMatch(/\/tenant$/);
  const settings = {
    ...(ownConnector(world, world.issuer).transport as { oauth: OAuthSettings }).oauth,
  };
  expect(await world.login(settings)).toMatchObject({ issuer, renewable: true });
  expect(await world.logout(settings)).toMatchObject({ removed: 0, revoked: 0 });
  expect((await world.login()).issuer).toBe(issuer);
});

test('logout() forgets what its server does not take back, and says why', async () => {
  await using world = await createWorld({
    intercept: ({ path }, response) => {
      if (path !== '/revoke') return false;
      response.writeHead(503).end();
      return true;
    },
  });
  await world.login();
  expect(await world.logout()).toMatchObject({
    removed: 1,
    revoked: 0,
    problems: [expect.stringContaining('did not revoke it (status 503)')],
  });
  await using none = await createWorld({
    metadata: ({ revocation_endpoint: _none, ...rest }) => rest,
  });
  await none.login();
  expect(await none.logout()).toMatchObject({ removed: 1, revoked: 0, problems: [] });
});
