import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernBody, modernHeaders } from '../gateway/raw-client.ts';
import { MAX_STALL_MS, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { requestBytes, sendBytes } from './wire-bytes.ts';

// CVE-2025-66414 (TypeScript SDK), GHSA-46gc-mwh4-cc5r (docker/mcp-gateway), CVE-2026-42559 (rmcp), CVE-2026-33252 (go-sdk).

let upstream: HttpUpstream;
let gateway: AttackedGateway;
let naive: Server;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  gateway = await startAttacked({
    config: { sse: true, registry: { enabled: true }, mcpServers: servers({ m: upstream.url }) },
  });
  naive = createServer((_request, response) => response.end('at your service'));
  await new Promise<void>((resolve) => naive.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  naive.close();
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

const ROUTES = [
  'GET /livez',
  'GET /readyz',
  'GET /startupz',
  'GET /status',
  'GET /metrics',
  'POST /mcp',
  'GET /mcp',
  'DELETE /mcp',
  'POST /mcp/m',
  'GET /sse',
  'POST /messages',
  'GET /v1/connectors/service-map',
  'POST /v1/registry/changes',
  'GET /v0.1/servers',
  'POST /v0.1/publish',
  'GET /',
  'GET /nothing',
  'OPTIONS /mcp',
];
const FOREIGN_HOSTS = [
  'evil.test',
  'evil.test:PORT',
  'localhost.evil.test',
  '127.0.0.1.evil.test',
  '127.0.0.1@evil.test',
  'evil.test#127.0.0.1',
  'evil.test, 127.0.0.1',
  '127.0.0.2.nip.io',
  '0.0.0.0:PORT',
  '[::ffff:8.8.8.8]',
  'localhost\tevil.test',
  'xn--localhost-.test',
  '',
];
const FOREIGN_ORIGINS = [
  'https://evil.test',
  'http://evil.test:PORT',
  'null',
  'http://localhost.evil.test',
  'http://127.0.0.1.evil.test',
  'http://evil.test/http://127.0.0.1',
  'file://',
  'chrome-extension://abcdef',
  'localhost',
  'javascript:alert(1)//localhost',
  'http://user@evil.test',
  '',
];

async function statusOf(
  port: number,
  line: string,
  headers: Record<string, string>,
): Promise<number | undefined> {
  const all = { host: `127.0.0.1:${port}`, connection: 'close', ...headers };
  const filled = Object.entries(all).map(
    ([name, value]) => [name, value.replace('PORT', String(port))] as const,
  );
  const { statuses } = await sendBytes(port, requestBytes(`${line} HTTP/1.1`, filled), 2_000);
  return statuses[0];
}

const refused = (status: number | undefined): boolean => status === 403 || status === 400;

test.each(ROUTES)('S1: %s answers no foreign Host and no foreign Origin', async (line) => {
  const hosts = FOREIGN_HOSTS.map(
    async (host) => [host, await statusOf(gateway.port, line, { host })] as const,
  );
  const origins = FOREIGN_ORIGINS.map(
    async (origin) => [origin, await statusOf(gateway.port, line, { origin })] as const,
  );
  const wrongHosts = (await Promise.all(hosts)).filter(([, status]) => !refused(status));
  expect(wrongHosts).toEqual([]);
  const wrongOrigins = (await Promise.all(origins)).filter(([, status]) => !refused(status));
  // What may be read by everybody may be read by pages too; see foreign-origins.test.ts.
  const isPublicRead = line === 'GET /v0.1/servers';
  expect(isPublicRead ? [] : wrongOrigins).toEqual([]);
});

test('S1: two Host headers, one of them ours, are refused; so is a foreign name in the request line', async () => {
  const host = `127.0.0.1:${gateway.port}`;
  const twice = requestBytes('GET /livez HTTP/1.1', [
    ['host', host],
    ['host', 'evil.test'],
    ['connection', 'close'],
  ]);
  expect((await sendBytes(gateway.port, twice)).statuses).toEqual([400]);
  const absolute = await statusOf(gateway.port, 'GET http://evil.test/status', {});
  expect([400, 403, 404]).toContain(absolute);
});

test('S1: names of this machine are answered, without Origin and with its own', async () => {
  const own = ['localhost', 'LOCALHOST.:PORT', '[::1]:PORT', '127.0.0.1:1', '127.0.0.1'];
  for (const host of own) expect(await statusOf(gateway.port, 'GET /livez', { host })).toBe(200);
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1:PORT', 'http://[::1]:8080']) {
    expect(await statusOf(gateway.port, 'GET /livez', { origin })).toBe(200);
  }
});

test('S1: a page that rebound its name calls no tool (control: with our name the same request does)', async () => {
  const call = async (host: string): Promise<string> => {
    const body = modernBody('tools/call', { name: 'm__echo', arguments: { message: 'reached' } });
    const headers = {
      host,
      connection: 'close',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': String(Buffer.byteLength(body)),
      ...modernHeaders('tools/call', 'm__echo'),
    };
    const bytes = requestBytes('POST /mcp HTTP/1.1', Object.entries(headers), body);
    return (await sendBytes(gateway.port, bytes, 5_000)).text;
  };
  expect(await call(`127.0.0.1:${gateway.port}`)).toContain('reached');
  const before = upstream.counts.byMethod['tools/call'];
  expect(await call(`evil.test:${gateway.port}`)).toMatch(/^HTTP\/1\.1 403 /);
  expect(upstream.counts.byMethod['tools/call']).toBe(before);
});

test('S1 control: a server without these checks answers all of it', async () => {
  const { port } = naive.address() as AddressInfo;
  const hosts = FOREIGN_HOSTS.filter((host) => host !== '');
  for (const host of hosts) expect(await statusOf(port, 'GET /livez', { host })).toBe(200);
  for (const origin of FOREIGN_ORIGINS) {
    expect(await statusOf(port, 'GET /livez', { origin })).toBe(200);
  }
});

test('S1: nothing of this held the event loop', async () => {
  await gateway.probe(); // what was loaded for the first time
  for (const line of ROUTES) await statusOf(gateway.port, line, { host: 'evil.test' });
  const { heldMs } = await gateway.probe();
  expect(heldMs).toBeLessThan(MAX_STALL_MS);
});
