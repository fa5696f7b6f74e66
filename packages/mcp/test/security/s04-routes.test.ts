import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGuarded } from '../auth/guarded-gateway.ts';
import { modernBody, modernHeaders } from '../gateway/raw-client.ts';
import { expectNoStall, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { requestBytes, sendBytes } from './wire-bytes.ts';

// CVE-2026-33032 (nginx-ui): the MCP route stood outside of what authenticates. The sweep over every scope is
// auth/sweep.test.ts; here the same table is tried against a running process, with paths that other parsers read otherwise.

let upstream: HttpUpstream;
let gateway: AttackedGateway;
let paths: readonly (readonly [path: string, isOpen: boolean])[];

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  const config = {
    sse: true,
    registry: { enabled: true, tools: true },
    mcpServers: servers({ m: upstream.url }),
    auth: { limits: { failuresPerMinute: 0, addressPerMinute: 0 } },
  };
  gateway = await startAttacked({ config, keys: [{}] });
  const { gateway: twin } = await startGuarded([], {
    settings: { sse: true },
    more: {
      registry: {
        stateFolder: '/nonexistent/never-written',
        memoryCache: true,
        tools: true,
        http: true,
        apiKey: undefined,
        lasting: false,
      },
    },
  });
  // The table as a service has it, and not as this file believes it to be.
  paths = [...twin.service.routes].map(([path, { auth }]) => [path, auth === 'open'] as const);
  await twin[Symbol.asyncDispose]();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

async function statusOf(port: number, line: string, body = ''): Promise<number | undefined> {
  const headers: [string, string][] = [
    ['host', `127.0.0.1:${port}`],
    ['connection', 'close'],
    ['content-type', 'application/json'],
    ['content-length', String(Buffer.byteLength(body))],
    ...Object.entries(modernHeaders('tools/call', 'm__echo')),
  ];
  return (await sendBytes(port, requestBytes(line, headers, body), 2_000)).statuses[0];
}

test('S4: without a key only probes, /.well-known and the page without its data answer, whatever the method', async () => {
  await gateway.probe();
  expect(paths.length).toBeGreaterThan(10);
  const open = paths.filter(([, isOpen]) => isOpen).map(([path]) => path);
  const probes = /^\/(|page\/|livez|readyz|startupz|\.well-known\/.*)$/;
  expect(open.filter((path) => !probes.test(path))).toEqual([]);
  for (const [path, isOpen] of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      // `/` leads to nothing but itself.
      const target = path.endsWith('/') && path !== '/' ? `${path}m` : path;
      const status = await statusOf(gateway.port, `${method} ${target} HTTP/1.1`);
      const asked = status === 401;
      expect([method, path, asked]).toEqual([method, path, !isOpen]);
    }
  }
  await expectNoStall(gateway);
});

/** Ways of writing `/mcp` and `/status` that some router takes for them, and some guard does not. */
const TRICKS = [
  '//mcp',
  '/./mcp',
  '/livez/../mcp',
  '/livez/..;/mcp',
  '/.well-known/../mcp',
  '/.well-known/%2e%2e/mcp',
  '/livez%2f..%2fmcp',
  '/%6dcp',
  '/MCP',
  '/mcp/',
  '/mcp;livez',
  '/mcp?x=/livez',
  '/mcp#/livez',
  '/mcp%00/livez',
  '/mcp%20',
  '\\mcp',
  '/livez?/../mcp',
  '/livez/mcp',
  'http://127.0.0.1/mcp',
  'http://127.0.0.1/livez/../mcp',
  '/status/',
  '//status',
  '/%73tatus',
  '/livez/../status',
  '*',
];

const CALL = modernBody('tools/call', { name: 'm__echo', arguments: { message: 'open' } });

test('S4: no way of writing a path gets past the key (CVE-2026-33032)', async () => {
  const before = upstream.counts.byMethod['tools/call'] ?? 0;
  for (const trick of TRICKS) {
    for (const method of ['POST', 'GET']) {
      const status = await statusOf(gateway.port, `${method} ${trick} HTTP/1.1`, CALL);
      // A probe stays a probe, whatever its query is.
      const harmless = trick.startsWith('/livez?') ? [200, 405] : [400, 401, 403, 404, 405];
      expect([method, trick, status]).toEqual([method, trick, expect.toBeOneOf(harmless)]);
    }
  }
  expect(upstream.counts.byMethod['tools/call'] ?? 0).toBe(before);
});

/** Asks for a key on some paths and normalises them afterwards, as products did that had this flaw. */
async function startNaive(): Promise<Server> {
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (/^\/(mcp|status)$/.test(url)) {
      response.writeHead(401).end();
      return;
    }
    const path = new URL(decodeURIComponent(url).toLowerCase(), 'http://x').pathname;
    response.writeHead(/^\/+(mcp|status)\/?$/.test(path) ? 200 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('S4 control: a guard that compares paths before they are normalised lets most of these in', async () => {
  const naive = await startNaive();
  const { port } = naive.address() as AddressInfo;
  expect(await statusOf(port, 'POST /mcp HTTP/1.1')).toBe(401);
  const statuses = await Promise.all(
    TRICKS.map(async (trick) => await statusOf(port, `POST ${trick} HTTP/1.1`, CALL)),
  );
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(5);
  naive.close();
});
