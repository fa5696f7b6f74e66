import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Secret } from '../../src/connectors/secret.ts';
import { startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';

const KEY = 'a-shared-key-of-some-length';
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway(
    [],
    { host: '0.0.0.0' },
    {
      auth: {
        settings: {
          apiKey: new Secret(KEY),
          allowedHosts: ['gateway.example', 'other.example:8443'],
          allowedOrigins: ['https://app.example'],
        },
        stateFolder: undefined,
        watch: false,
      },
    },
  );
});
afterAll(async () => await gateway[Symbol.asyncDispose]());

async function answer(
  path: string,
  headers: Record<string, string>,
  { method = 'GET', host = '127.0.0.1' } = {},
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers'] }> {
  const { port } = new URL(gateway.origin);
  const sent = request({ host, port, path, method, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode ?? 0, headers: response.headers };
}

const PATHS = [
  '/mcp',
  '/mcp/x',
  '/status',
  '/metrics',
  '/livez',
  '/readyz',
  '/startupz',
  '/v1/connectors/service-map',
  '/none',
];

test.each(PATHS)('S1: %s answers to names that are allowed, and to no other', async (path) => {
  const authorization = `Bearer ${KEY}`;
  const refused = async (headers: Record<string, string>) =>
    (await answer(path, { authorization, ...headers })).status === 403;
  for (const host of [
    'gateway.example',
    'GATEWAY.example.:3024',
    'other.example:8443',
    'localhost',
    '[::1]',
  ]) {
    expect([host, await refused({ host })]).toEqual([host, false]);
  }
  for (const host of [
    'evil.test',
    'other.example',
    'gateway.example.evil.test',
    'xgateway.example',
    '8.8.8.8',
  ]) {
    expect([host, await refused({ host })]).toEqual([host, true]);
  }
  for (const origin of ['https://app.example', 'http://localhost:5173']) {
    expect([origin, await refused({ origin })]).toEqual([origin, false]);
  }
  for (const origin of [
    'https://evil.test',
    'null',
    'http://app.example',
    'https://app.example.evil.test',
    'file://',
  ]) {
    expect([origin, await refused({ origin })]).toEqual([origin, true]);
  }
});

test('the address that was connected to is a name of the service', async () => {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  const host = own ?? '127.0.0.1';
  expect((await answer('/livez', { host: `${host}:3024` }, { host })).status).toBe(200);
  const other = own === undefined ? '10.0.0.1' : `${own}9`;
  expect((await answer('/livez', { host: other }, { host })).status).toBe(403);
});

test('scripts of an allowed origin may read answers, and learn it before they send a key', async () => {
  const origin = 'https://app.example';
  const asked = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization, Mcp-Param-City, x-evil',
  };
  const question = await answer('/mcp', asked, { method: 'OPTIONS' });
  expect([question.status, question.headers['access-control-allow-origin']]).toEqual([204, origin]);
  expect(question.headers['access-control-allow-headers']).toMatch(/authorization.*mcp-param-city/);
  expect(question.headers['access-control-allow-headers']).not.toContain('x-evil');
  const refused = await answer('/mcp', { origin });
  expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
  expect(refused.headers['access-control-expose-headers']).toContain('www-authenticate');
  const local = await answer(
    '/mcp',
    { ...asked, origin: 'http://localhost:5173' },
    { method: 'OPTIONS' },
  );
  expect([local.status, local.headers['access-control-allow-origin']]).toEqual([401, undefined]);
});

test('a service that other machines reach does not start without authentication', async () => {
  await expect(startGateway([], { host: '0.0.0.0' })).rejects.toThrow(
    /no authentication is configured.*cortex-mcp keys create.*MCP_API_KEY/,
  );
  const limitsOnly = { settings: { limits: {} }, stateFolder: undefined, watch: false };
  await expect(startGateway([], { host: '::' }, { auth: limitsOnly })).rejects.toThrow(
    /no authentication/,
  );
});

test('the shared key opens everything', async () => {
  const authorization = `Bearer ${KEY}`;
  const status = async (path: string) => (await answer(path, { authorization })).status;
  expect([await status('/status'), await status('/metrics'), await status('/mcp')]).toEqual([
    200, 200, 405,
  ]);
  expect((await answer('/status', { authorization: `${authorization}x` })).status).toBe(401);
  expect((await answer('/startupz', {})).status).toBe(200);
});
