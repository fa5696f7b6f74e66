import { createHook } from 'node:async_hooks';
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

async function listTools(
  url: string,
  id: number,
  acceptEncoding: string,
  cursor?: string,
): Promise<Answered> {
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
  const params = { cursor, _meta: meta };
  sent.end(JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params }));
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

/** Counts what is compressed in this process from now on. */
function countCompressions(): { readonly count: number } & Disposable {
  let count = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'ZLIB') count += 1;
    },
  }).enable();
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => void hook.disable(),
  };
}

test('tools/list: each page of a list is compressed once', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 300 });
  await using gateway = await startGateway([connectorFor(upstream, 'one')], { listPageSize: 100 });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  using compressions = countCompressions();
  const pages: string[] = [];
  let cursor: string | undefined;
  do {
    const at = cursor;
    const plain = await listTools(gateway.url(), 7, 'identity', at);
    await waitUntil(
      async () => (await listTools(gateway.url(), 7, 'gzip', at)).encoding === 'gzip',
      { describe: 'the page is compressed' },
    );
    const small = await listTools(gateway.url(), 7, 'gzip', at);
    expect(small.bytes.length * 2).toBeLessThan(plain.bytes.length);
    const text = gunzipSync(small.bytes).toString();
    expect(ageless(text)).toBe(ageless(plain.bytes.toString()));
    pages.push(text);
    const next: unknown = JSON.parse(text).result.nextCursor;
    cursor = typeof next === 'string' ? next : undefined;
  } while (cursor !== undefined);
  expect(pages.length).toBeGreaterThanOrEqual(3);
  // Reading them here counts as well.
  const before = compressions.count;
  await listTools(gateway.url(), 7, 'gzip');
  expect(compressions.count).toBe(before);
});

test('tools/list: what is made for one request is not compressed (MCP_LIST_PREBUILT off)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 300 });
  await using gateway = await startGateway([connectorFor(upstream, 'one')], {
    listPrebuilt: false,
  });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  using compressions = countCompressions();
  for (let asked = 0; asked < 10; asked += 1) {
    expect((await listTools(gateway.url(), asked, 'gzip')).encoding).toBeUndefined();
  }
  expect(compressions.count).toBe(0);
});
