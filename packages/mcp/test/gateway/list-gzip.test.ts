import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectClient } from '../e2e/clients.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

interface Answered {
  readonly encoding: string | undefined;
  readonly length: string | undefined;
  readonly bytes: Buffer;
}

async function listTools(url: string, id: number, acceptEncoding: string): Promise<Answered> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const sent = request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'accept-encoding': acceptEncoding,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    },
  });
  sent.once('error', reject);
  sent.once('response', (response) => {
    const { 'content-encoding': encoding, 'content-length': length } = response.headers;
    buffer(response).then((bytes) => resolve({ encoding, length, bytes }), reject);
  });
  sent.end(JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params: { _meta: meta } }));
  return await promise;
}

/** What is left of the freshness differs from answer to answer. */
const ageless = (text: string): string => text.replace(/"ttlMs":\d+/, '"ttlMs":0');

test('tools/list: a client that takes gzip gets the same list in a fraction of the bytes', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 300 });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  const plain = await listTools(gateway.url(), 7, 'identity');
  expect(plain.encoding).toBeUndefined();
  await waitUntil(async () => (await listTools(gateway.url(), 1, 'gzip, br')).encoding === 'gzip', {
    describe: 'the list is compressed',
  });
  const small = await listTools(gateway.url(), 7, 'br, gzip');
  expect(small.encoding).toBe('gzip');
  expect(small.length).toBe(String(small.bytes.length));
  expect(small.bytes.length * 5).toBeLessThan(plain.bytes.length);
  expect(ageless(gunzipSync(small.bytes).toString())).toBe(ageless(plain.bytes.toString()));
});

test.each(['v1', 'v2 legacy', 'v2 pinned'] as const)(
  'tools/list: the official %s client reads the compressed list',
  async (mode) => {
    await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 300 });
    await using gateway = await startGateway([connectorFor(upstream, 'one')]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    await using client = await connectClient(gateway.url(), mode);
    const first = await client.listToolNames();
    expect(first.length).toBeGreaterThan(300);
    await waitUntil(async () => (await listTools(gateway.url(), 1, 'gzip')).encoding === 'gzip', {
      describe: 'the list is compressed',
    });
    expect(await client.listToolNames()).toEqual(first);
  },
);
