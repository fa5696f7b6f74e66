import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { bearer, get, startGuarded, statusOf, type GuardedGateway } from './guarded-gateway.ts';

let upstream: HttpUpstream;
let gateway: GuardedGateway;
let client: string;
let operator: string;
let nothing: string;
let metrics: string;
let partial: string;

const ISSUER = 'https://issuer.example';

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  const started = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [
      { scopes: ['client'] },
      { scopes: ['operator'] },
      { scopes: [] },
      { scopes: ['metrics:read'] },
      { scopes: ['client'], tools: { allow: ['m__echo'] } },
    ],
    settings: { sse: true },
    auth: {
      oauth: {
        issuer: ISSUER,
        resource: 'https://gateway.example/mcp',
        requiredScopes: [],
        algorithms: ['ES256'],
        clockToleranceSec: 30,
        allowedHosts: [],
        grants: [],
      },
      limits: { failuresPerMinute: 0 },
    },
    more: {
      registry: {
        stateFolder: '/nonexistent/never-written',
        memoryCache: true,
        tools: false,
        http: true,
        apiKey: undefined,
        lasting: false,
      },
    },
  });
  ({ gateway } = started);
  [client = '', operator = '', nothing = '', metrics = '', partial = ''] = started.keys;
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

/** The real table: what the running service was built with. */
function table() {
  return gateway.service.routes;
}

const isOpen = (path: string): boolean =>
  ['/livez', '/readyz', '/startupz', '/', '/page/'].includes(path) ||
  path.startsWith('/.well-known/');
const concrete = (path: string): string => (path.endsWith('/') && path !== '/' ? `${path}m` : path);

test('S4: every route has an auth class, and only probes, the page without its data and /.well-known are open', () => {
  const routes = [...table()];
  expect(routes.length).toBeGreaterThan(12);
  expect(routes.filter(([, { auth }]) => auth === 'open').map(([path]) => path)).toEqual(
    routes.map(([path]) => path).filter(isOpen),
  );
});

test('S4: without a key every other route answers 401, whatever the method', async () => {
  const answers: [path: string, status: number, challenge: string][] = [];
  for (const [path] of table()) {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS']) {
      const { status, headers } = await send(gateway.origin + concrete(path), { method });
      answers.push([path, status, String(headers['www-authenticate'])]);
    }
  }
  const open = answers.filter(([path]) => isOpen(path));
  expect(open.filter(([, status]) => status === 401)).toEqual([]);
  const closed = answers.filter(([path]) => !isOpen(path));
  expect(closed.length).toBeGreaterThan(40);
  expect(closed.filter(([, status]) => status !== 401)).toEqual([]);
  const metadata = 'resource_metadata="https://gateway.example/.well-known/';
  expect(closed.filter(([, , challenge]) => !challenge.includes(metadata))).toEqual([]);
});

test('S4: a key without the scope gets 403, one with it does not', async () => {
  for (const [path, route] of table()) {
    if (isOpen(path)) continue;
    const url = gateway.origin + concrete(path);
    const wrong = route.auth === 'client' ? operator : client;
    const right = route.auth === 'client' ? client : operator;
    const without = await get(url, nothing);
    expect([path, without.status]).toEqual([path, 403]);
    expect(without.headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect([path, await statusOf(url, wrong)]).toEqual([path, 403]);
    expect([path, [401, 403].includes(await statusOf(url, right))]).toEqual([path, false]);
  }
});

test('S4: keys count in headers only, never in the address', async () => {
  const url = `${gateway.origin}/status`;
  for (const name of ['key', 'api_key', 'access_token', 'token', 'apikey']) {
    expect((await get(`${url}?${name}=${operator}`)).status).toBe(401);
  }
  expect((await get(url, operator)).status).toBe(200);
  expect((await send(url, { method: 'GET', headers: { 'x-api-key': operator } })).status).toBe(200);
  const basic = Buffer.from(`x:${operator}`).toString('base64');
  const given = await send(url, { method: 'GET', headers: { authorization: `Basic ${basic}` } });
  expect(given.status).toBe(401);
});

test('metrics:read opens /metrics and nothing else', async () => {
  const allowed: string[] = [];
  for (const [path] of table()) {
    if (isOpen(path)) continue;
    const status = await statusOf(gateway.origin + concrete(path), metrics);
    if (status !== 403) allowed.push(path);
  }
  expect(allowed).toEqual(['/metrics']);
});

test('a key that sees a part gets nothing that shows the whole', async () => {
  const seen: string[] = [];
  for (const [path, { auth }] of table()) {
    if (auth !== 'client') continue;
    const status = await statusOf(gateway.origin + concrete(path), partial);
    if (status === 403) seen.push(path);
  }
  expect(seen.toSorted()).toEqual(['/v0.1/', '/v1/connectors/service-map']);
});

test('RFC 9728: the metadata name what is configured, whatever Host and forwarding headers say', async () => {
  for (const path of ['', '/mcp', '/mcp/m']) {
    const url = `${gateway.origin}/.well-known/oauth-protected-resource${path}`;
    const answer = await get(url, undefined, {
      'x-forwarded-host': 'evil.test',
      origin: 'https://inspector.example',
    });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      resource: 'https://gateway.example/mcp',
      authorization_servers: [ISSUER],
      bearer_methods_supported: ['header'],
    });
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  }
});

test('writes of the registry need registry:write', async () => {
  const url = `${gateway.origin}/v0.1/publish`;
  const publish = async (key: string) =>
    (await send(url, { headers: bearer(key), body: '{}' })).status;
  expect(await publish(client)).toBe(403);
  expect(await publish(partial)).toBe(403);
  expect([401, 403]).not.toContain(await publish(operator));
});
