import { request } from 'node:http';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';

let upstream: HttpUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  gateway = await startGateway([connectorFor(upstream, 'm')]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

async function statusOf(
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<number> {
  const outgoing = request(`${gateway.origin}${path}`, { method, headers }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode ?? 0;
}

const ROUTES = ['/livez', '/readyz', '/status', '/mcp', '/mcp/m', '/nothing'];

test.each(ROUTES)('%s refuses a foreign Host and Origin, null included (S1)', async (path) => {
  expect(await statusOf(path, { host: 'evil.test' })).toBe(403);
  expect(await statusOf(path, { host: '127.0.0.1.evil.test' })).toBe(403);
  expect(await statusOf(path, { origin: 'https://evil.test' })).toBe(403);
  expect(await statusOf(path, { origin: 'null' })).toBe(403);
  expect(await statusOf(path, { origin: 'http://localhost.evil.test' })).toBe(403);
});

test.each([
  { host: 'localhost' },
  { host: 'LOCALHOST.:3024' },
  { host: '[::1]:3024' },
  { host: '127.0.0.1:1', origin: 'http://localhost:5173' },
  { origin: 'http://127.0.0.1:3024' },
])('requests that name this machine are answered: %o', async (headers) => {
  expect(await statusOf('/livez', headers)).toBe(200);
});

test('an unknown path is 404, another method on a probe 405', async () => {
  expect(await statusOf('/nothing', {})).toBe(404);
  expect(await statusOf('/mcp/', {})).toBe(404);
  expect(await statusOf('/livez', {}, 'POST')).toBe(405);
});

test('/readyz is 200 once the first pass is over', async () => {
  await gateway.service.manager.sync();
  await gateway.service.settled();
  expect(await statusOf('/readyz', {})).toBe(200);
});
