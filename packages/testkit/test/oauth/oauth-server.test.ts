import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { startOAuthServer, type OAuthTestServer } from '../../src/index.ts';

const CLIENT = { clientId: 'app', clientSecret: 'shh', redirectUris: ['http://127.0.0.1/cb'] };
const VERIFIER = randomBytes(32).toString('base64url');
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

interface TokenAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function post(
  server: OAuthTestServer,
  path: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const answer = await fetch(`${server.issuer}${path}`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  });
  return { status: answer.status, body: (await answer.json()) as TokenAnswer['body'] };
}

const asApp = { client_id: 'app', client_secret: 'shh' };

/** Goes through the login page, which says yes. @returns the address a browser is sent to. */
async function authorize(
  server: OAuthTestServer,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly query: URLSearchParams }> {
  const query = new URLSearchParams({
    client_id: 'app',
    redirect_uri: 'http://127.0.0.1/cb',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    scope: 'read write',
    state: 'mine',
    resource: 'http://there/mcp',
    ...more,
  });
  const answer = await fetch(`${server.issuer}/authorize?${query.toString()}`, {
    redirect: 'manual',
  });
  await answer.text();
  const location = answer.headers.get('location');
  return {
    status: answer.status,
    query: location === null ? new URLSearchParams() : new URL(location).searchParams,
  };
}

const codeForm = (code: string, more: Readonly<Record<string, string>> = {}) => ({
  ...asApp,
  grant_type: 'authorization_code',
  code,
  redirect_uri: 'http://127.0.0.1/cb',
  code_verifier: VERIFIER,
  ...more,
});

test('its metadata names its own endpoints, below the path of the issuer (RFC 8414)', async () => {
  await using server = await startOAuthServer({ issuerPath: '/tenant', scopes: ['read'] });
  const url = `${server.origin}/.well-known/oauth-authorization-server/tenant`;
  expect(await (await fetch(url)).json()).toMatchObject({
    issuer: `${server.origin}/tenant`,
    token_endpoint: `${server.origin}/tenant/token`,
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['read'],
  });
  expect((await fetch(`${server.origin}/nothing`)).status).toBe(404);
  expect(server.count('/nothing')).toBe(1);
});

test('metadata, intercept and callback let a test lie', async () => {
  await using server = await startOAuthServer({
    clients: [CLIENT],
    metadata: (truth) => ({ ...truth, issuer: 'http://elsewhere' }),
    callback: (parameters) => parameters.delete('iss'),
    intercept: ({ path }, response) => {
      if (path !== '/token') return false;
      response.writeHead(503).end('{}');
      return true;
    },
  });
  const metadata = await fetch(`${server.origin}/.well-known/oauth-authorization-server`);
  expect(await metadata.json()).toMatchObject({ issuer: 'http://elsewhere' });
  const { query } = await authorize(server);
  expect(query.get('iss')).toBe(null);
  expect((await post(server, '/token', codeForm(query.get('code') ?? ''))).status).toBe(503);
});

test('a login gives a code once, and a token for its verifier, redirect and client only (RFC 7636)', async () => {
  await using server = await startOAuthServer({ clients: [CLIENT], lifetimeSec: 60 });
  const login = async (): Promise<string> => {
    const { status, query } = await authorize(server);
    expect([status, query.get('state'), query.get('iss')]).toEqual([302, 'mine', server.issuer]);
    return query.get('code') ?? '';
  };
  const code = await login();
  const given = await post(server, '/token', codeForm(code));
  expect(given).toMatchObject({ status: 200, body: { expires_in: 60, scope: 'read write' } });
  const token = String(given.body['access_token']);
  expect(server.grants.access.get(token)).toMatchObject({
    clientId: 'app',
    scopes: ['read', 'write'],
    resource: 'http://there/mcp',
  });
  expect(server.grants.everything).toEqual(expect.arrayContaining([code, token, 'shh']));
  const refused = { status: 400, body: { error: 'invalid_grant' } };
  expect(await post(server, '/token', codeForm(code))).toEqual(refused);
  const wrong = { code_verifier: 'another' };
  expect(await post(server, '/token', codeForm(await login(), wrong))).toEqual(refused);
  const elsewhere = { redirect_uri: 'http://127.0.0.1/other' };
  expect(await post(server, '/token', codeForm(await login(), elsewhere))).toEqual(refused);
});

test('it asks for a known client, its redirect and S256', async () => {
  await using server = await startOAuthServer({ clients: [CLIENT] });
  for (const more of [
    { client_id: 'nobody' },
    { redirect_uri: 'http://evil/cb' },
    { code_challenge_method: 'plain' },
  ]) {
    expect((await authorize(server, more)).status).toBe(400);
  }
});

test('clients prove themselves by form, Basic or an assertion', async () => {
  await using server = await startOAuthServer({ clients: [CLIENT] });
  const grant = { grant_type: 'client_credentials', scope: 'read' };
  const basic = { authorization: `Basic ${Buffer.from('app:shh').toString('base64')}` };
  const wrong = { authorization: `Basic ${Buffer.from('app:no').toString('base64')}` };
  expect((await post(server, '/token', { ...grant, ...asApp })).status).toBe(200);
  expect((await post(server, '/token', grant, basic)).status).toBe(200);
  expect((await post(server, '/token', grant, wrong)).status).toBe(401);
  const assertion = { ...grant, client_id: 'app', client_assertion: 'a.b.c' };
  expect((await post(server, '/token', assertion)).status).toBe(200);
  const odd = await post(server, '/token', { ...asApp, grant_type: 'password' });
  expect(odd.body).toEqual({ error: 'unsupported_grant_type' });
});

test.each([
  [true, 'invalid_grant'],
  [false, undefined],
])('with rotates %s a second use of a refresh token answers %s', async (rotates, error) => {
  await using server = await startOAuthServer({ clients: [CLIENT], rotates });
  const { query } = await authorize(server);
  const first = await post(server, '/token', codeForm(query.get('code') ?? ''));
  const refresh = {
    ...asApp,
    grant_type: 'refresh_token',
    refresh_token: String(first.body['refresh_token']),
  };
  const second = await post(server, '/token', refresh);
  expect(typeof second.body['access_token']).toBe('string');
  expect((await post(server, '/token', refresh)).body['error']).toBe(error);
});

test('refreshes false gives none; revoked and expired tokens are gone', async () => {
  await using server = await startOAuthServer({ clients: [CLIENT], refreshes: false });
  const { query } = await authorize(server);
  const { body } = await post(server, '/token', codeForm(query.get('code') ?? ''));
  expect(body['refresh_token']).toBe(undefined);
  const token = String(body['access_token']);
  await post(server, '/revoke', { token });
  expect(server.grants.access.has(token)).toBe(false);
  await post(server, '/token', { ...asApp, grant_type: 'client_credentials' });
  expect(server.grants.access.size).toBe(1);
  server.grants.expireAll();
  expect(server.grants.access.size).toBe(0);
});

test.each([
  ['none', false],
  ['client_secret_basic', true],
])('a client that registers with %s gets a secret: %s (RFC 7591)', async (method, hasSecret) => {
  await using server = await startOAuthServer();
  const answer = await fetch(`${server.issuer}/register`, {
    method: 'POST',
    body: JSON.stringify({
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: method,
    }),
  });
  const client = (await answer.json()) as Record<string, unknown>;
  expect(answer.status).toBe(201);
  expect('client_secret' in client).toBe(hasSecret);
  expect(server.clients.get(String(client['client_id']))?.redirectUris).toEqual([
    'http://127.0.0.1/cb',
  ]);
});

test('a request that cannot be read ends its connection, and no more', async () => {
  await using server = await startOAuthServer();
  const broken = fetch(`${server.issuer}/register`, { method: 'POST', body: '{' });
  await expect(broken).rejects.toThrow('fetch failed');
  const large = fetch(`${server.issuer}/register`, { method: 'POST', body: 'x'.repeat(200_000) });
  await expect(large).rejects.toThrow('fetch failed');
  expect((await fetch(`${server.origin}/nothing`)).status).toBe(404);
});
