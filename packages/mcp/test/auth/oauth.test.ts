import { createSign, generateKeyPairSync } from 'node:crypto';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { importJWK, exportSPKI, type CryptoKey } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { OAuthSettings } from '../../src/auth/oauth-settings.ts';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { ask, bearer, get, names, startGuarded, type GuardedGateway } from './guarded-gateway.ts';
import { RESOURCE, startIssuer, type TestIssuer } from './oauth-issuer.ts';

let upstream: HttpUpstream;
let issuer: TestIssuer;
let gateway: GuardedGateway;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());
beforeEach(async () => {
  issuer = await startIssuer();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

async function start(more: Partial<OAuthSettings> = {}): Promise<void> {
  const oauth: OAuthSettings = {
    issuer: issuer.issuer,
    resource: RESOURCE,
    requiredScopes: [],
    algorithms: ['RS256', 'ES256'],
    clockToleranceSec: 0,
    allowedHosts: [],
    grants: [],
    ...more,
  };
  const auth = { oauth, limits: { failuresPerMinute: 0 } };
  ({ gateway } = await startGuarded([connectorFor(upstream, 'm')], { auth }));
}

const status = async (token: string): Promise<number> =>
  (await ask(gateway.url(), token, 'tools/list')).status;
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a good token lets a client in, and no operator', async () => {
  await start();
  const token = await issuer.token();
  expect(await status(token)).toBe(200);
  expect((await get(`${gateway.origin}/status`, token)).status).toBe(403);
  expect(issuer.jwksRequests).toBe(1);
});

test('401 says where tokens come from (RFC 9728), and with which scope', async () => {
  await start({ requiredScopes: ['mcp:use'] });
  const { headers } = await get(gateway.url());
  expect(headers['www-authenticate']).toBe(
    'Bearer scope="mcp:use", resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/mcp"',
  );
  const missing = await ask(gateway.url(), await issuer.token(), 'tools/list');
  expect(missing.status).toBe(403);
  expect(missing.headers['www-authenticate']).toMatch(
    /error="insufficient_scope", scope="mcp:use"/,
  );
  expect(await status(await issuer.token({ scope: 'other mcp:use' }))).toBe(200);
  expect(await status(await issuer.token({ scp: ['mcp:use'] }))).toBe(200);
});

test('tokens that are wrong in any one way are refused', async () => {
  await start();
  const good = await issuer.token();
  const [head = '', body = '', signature = ''] = good.split('.');
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: issuer.issuer, aud: RESOURCE, sub: 'ann', exp: now + 300 };
  const pem = await exportSPKI((await importJWK({ ...issuer.publicJwk }, 'RS256')) as CryptoKey);
  const hs256 = await issuer.token({}, { alg: 'HS256', key: new TextEncoder().encode(pem) });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const foreign = (header: object): string => {
    const text = `${base64({ alg: 'RS256', typ: 'at+jwt', ...header })}.${base64(claims)}`;
    return `${text}.${createSign('sha256').update(text).sign(other.privateKey, 'base64url')}`;
  };
  const bad = {
    'wrong audience': await issuer.token({}, { audience: 'https://other.example/mcp' }),
    'no audience': await issuer.token({}, { audience: null }),
    'wrong issuer': await issuer.token({}, { issuer: 'https://other.example' }),
    'no exp': await issuer.token({}, { expires: null }),
    expired: await issuer.token({}, { expires: '-5m' }),
    'not yet': await issuer.token({ nbf: now + 600 }),
    'no subject': await issuer.token({ sub: '' }),
    'alg none': `${base64({ alg: 'none', typ: 'at+jwt' })}.${base64(claims)}.`,
    'alg none with signature': `${base64({ alg: 'none' })}.${body}.${signature}`,
    'HS256 with the public key': hs256,
    'other body': `${head}.${base64(claims)}.${signature}`,
    'own jwk in the header': foreign({ jwk: other.publicKey.export({ format: 'jwk' }) }),
    'own jku in the header': foreign({ jku: `${issuer.issuer}/elsewhere`, kid: 'key-0' }),
    'own x5u in the header': foreign({ x5u: 'http://169.254.169.254/', kid: 'key-0' }),
    'kid that walks folders': foreign({ kid: '../../../../etc/passwd' }),
    'kid that is a query': foreign({ kid: "' OR 1=1 --" }),
    'an identity token': await issuer.token({}, { header: { typ: 'id+jwt' } }),
    'critical header': await issuer.token({}, { header: { typ: 'dpop+jwt' } }),
  };
  const statuses = await Promise.all(
    Object.entries(bad).map(async ([name, token]) => [name, await status(token)]),
  );
  expect(statuses).toEqual(Object.keys(bad).map((name) => [name, 401]));
  expect(await status(good), 'control').toBe(200);
  expect(await status(await issuer.token({}, { header: { typ: 'JWT' } }))).toBe(200);
  expect(await status(await issuer.token({}, { audience: ['x', RESOURCE] }))).toBe(200);
});

test('a key the issuer made meanwhile is fetched when a token names it', async () => {
  await start();
  // The first fetch is far enough away for the next: none has been made.
  await issuer.rotate();
  expect(await status(await issuer.token())).toBe(200);
  expect(issuer.jwksRequests).toBe(1);
});

test('while the issuer is away the keys it gave are used; without any, 503 asks to come back', async () => {
  await start();
  const token = await issuer.token();
  issuer.up = false;
  const unavailable = await ask(gateway.url(), token, 'tools/list');
  expect([unavailable.status, unavailable.headers['retry-after']]).toEqual([503, '5']);
  await gateway[Symbol.asyncDispose]();
  issuer.up = true;
  await start();
  expect(await status(token)).toBe(200);
  issuer.up = false;
  expect(await status(await issuer.token({ sub: 'bob' }))).toBe(200);
});

test('keys on another origin than the issuer are used only when they are configured', async () => {
  const other = await startIssuer();
  issuer.metadata = { jwks_uri: `${other.issuer}/jwks` };
  await start();
  expect(await status(await issuer.token())).toBe(503);
  expect(other.jwksRequests).toBe(0);
  await gateway[Symbol.asyncDispose]();
  await start({ jwksUrl: `${issuer.issuer}/jwks` });
  expect(await status(await issuer.token())).toBe(200);
  await other[Symbol.asyncDispose]();
});

test('S6: metadata of another issuer are not believed, private addresses not asked', async () => {
  issuer.metadata = { issuer: 'https://evil.example' };
  await start();
  expect(await status(await issuer.token())).toBe(503);
  await gateway[Symbol.asyncDispose]();
  await start({ issuer: 'https://10.0.0.1', jwksUrl: 'https://169.254.169.254/jwks' });
  expect(await status(await issuer.token())).toBe(503);
  expect(issuer.jwksRequests).toBe(0);
});

test('scopes and claims decide what a token may see and do', async () => {
  await start({
    grants: [
      { scope: 'mcp:echo', scopes: ['client'], tools: { allow: ['m__echo'] } },
      { scope: 'mcp:all', scopes: ['client'] },
      { claim: 'realm_access.roles', value: 'admin', scopes: ['operator'] },
      { claim: 'blocked', value: 'yes', scopes: [], tools: { deny: ['m__echo'] } },
    ],
  });
  const echo = await issuer.token({ scope: 'mcp:echo' });
  expect(await names(gateway.url(), echo)).toEqual(['m__echo']);
  const all = await issuer.token({ scope: 'mcp:echo mcp:all' });
  expect((await names(gateway.url(), all)).length).toBeGreaterThan(3);
  expect(await status(await issuer.token())).toBe(403);
  const admin = await issuer.token({ realm_access: { roles: ['user', 'admin'] } });
  expect((await get(`${gateway.origin}/status`, admin)).status).toBe(200);
  expect(await status(admin)).toBe(403);
  const blocked = await issuer.token({ scope: 'mcp:all', blocked: 'yes' });
  expect(await names(gateway.url(), blocked)).not.toContain('m__echo');
});

test('a session belongs to the subject: another token of it may go on, another subject may not', async () => {
  await start();
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '0' },
    },
  });
  const opened = await send(gateway.url(), { headers: bearer(await issuer.token()), body });
  const ping = async (token: string) => {
    const headers = {
      ...bearer(token),
      'mcp-session-id': String(opened.headers['mcp-session-id']),
    };
    return (
      await send(gateway.url(), { headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })
    ).status;
  };
  expect(await ping(await issuer.token({ jti: 'renewed' }))).toBe(200);
  expect(await ping(await issuer.token({ sub: 'bob' }))).toBe(404);
});
