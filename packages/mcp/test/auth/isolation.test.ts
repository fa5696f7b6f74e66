import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connector, connectorFor } from '../e2e/gateway-fixture.ts';
import { send, type RawAnswer } from '../gateway/raw-client.ts';
import { ask, bearer, startGuarded, type GuardedGateway } from './guarded-gateway.ts';

const COUNT = 200;
let upstream: HttpUpstream;
let gateway: GuardedGateway;
let keys: readonly string[];

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http', latencyMs: 2 });
  const started = await startGuarded([connectorFor(upstream, 'm')], {
    keys: Array.from({ length: COUNT }, (_, index) => ({ title: `client ${index}` })),
    settings: { sse: true },
  });
  ({ gateway, keys } = started);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '0' },
  },
});

async function open(key: string): Promise<string> {
  const { headers } = await send(gateway.url(), { headers: bearer(key), body: initialize });
  return String(headers['mcp-session-id']);
}

async function inSession(key: string | undefined, id: string, text: string): Promise<RawAnswer> {
  const headers = { ...bearer(key), 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  const params = { name: 'm__echo', arguments: { message: text } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  return await send(gateway.url(), { headers, body });
}

test('S2: 200 keys at the same time get their own answers only, in both eras (CVE-2026-25536)', async () => {
  const seen = await Promise.all(
    keys.map(async (key, index) => {
      const canary = `canary-${index}-${'x'.repeat(8)}`;
      const session = await open(key);
      const modern = ask(gateway.url(), key, 'tools/call', {
        name: 'm__echo',
        arguments: { message: `${canary}-modern` },
      });
      const answers = await Promise.all([modern, inSession(key, session, canary)]);
      return { own: canary, text: answers.map(({ text }) => text).join(' ') };
    }),
  );
  const foreign = seen.flatMap(({ own, text }) =>
    [...text.matchAll(/canary-\d+-x+/g)].map(([found]) => found).filter((found) => found !== own),
  );
  expect(foreign).toEqual([]);
  expect(seen.filter(({ own, text }) => text.split(own).length !== 3)).toEqual([]);
});

test('S2: a session of one key is unknown to every other, for all methods (CVE-2026-52869)', async () => {
  const [ann = '', bob = ''] = keys;
  const id = await open(ann);
  expect((await inSession(bob, id, 'x')).status).toBe(404);
  expect((await inSession(undefined, id, 'x')).status).toBe(401);
  for (const method of ['GET', 'DELETE']) {
    const headers = { ...bearer(bob), 'mcp-session-id': id };
    expect((await send(gateway.url(), { method, headers })).status).toBe(404);
  }
  expect((await inSession(ann, id, 'still there')).text).toContain('still there');
});

test('S2: a stream of /sse takes messages of its own key only', async () => {
  const [ann = '', bob = ''] = keys;
  const abort = new AbortController();
  const stream = await fetch(`${gateway.origin}/sse`, {
    headers: bearer(ann),
    signal: abort.signal,
  });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { value = '' } = (await reader?.read()) ?? {};
  const path = /data: (\/messages\S+)/.exec(value)?.[1] ?? '';
  const post = async (key: string) =>
    (await send(gateway.origin + path, { headers: bearer(key), body: initialize })).status;
  expect([await post(bob), await post(ann)]).toEqual([404, 202]);
  abort.abort();
});

test('S8: what clients show reaches no server', async () => {
  const seen: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    seen.push(JSON.stringify([incoming.url, incoming.rawHeaders]));
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    const onward = request(upstream.url, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/mcp`;
  const started = await startGuarded([connector('p', { kind: 'http', url, headers: {} })], {
    keys: [{}],
  });
  await using guarded = started.gateway;
  const [key = ''] = started.keys;
  const params = { name: 'p__echo', arguments: { message: 'arrived' } };
  const { text } = await ask(guarded.url(), key, 'tools/call', params);
  await send(guarded.url(), { headers: { 'x-api-key': key }, body: initialize });
  expect(text).toContain('arrived');
  expect(seen.length).toBeGreaterThan(0);
  expect(
    seen.filter((one) => one.includes(key.slice(-43)) || /authorization|x-api-key/i.test(one)),
  ).toEqual([]);
  expect(JSON.stringify(guarded.service.status())).not.toContain(key.slice(-43));
  proxy.closeAllConnections();
  proxy.close();
});
