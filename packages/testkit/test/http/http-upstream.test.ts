import { Agent } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  ODD_CONTENT_JSON,
  ODD_META_JSON,
  ODD_STRUCTURED_JSON,
  startUpstream,
  waitUntil,
  type HttpKind,
} from '../../src/index.ts';
import { modern, rawRequest } from '../raw-request.ts';
import { connectV1 } from '../tour.ts';
import { openSession } from './open-session.ts';

const KINDS: readonly HttpKind[] = [
  'modern-http',
  'dual-http',
  'legacy-http-session',
  'legacy-http-stateless',
];

interface ListPage {
  readonly tools: readonly { readonly name: string }[];
  readonly nextCursor?: string;
  readonly ttlMs: number;
  readonly cacheScope: string;
}

describe('an HTTP upstream', () => {
  test.each(KINDS)('%s keeps odd results byte for byte', async (kind) => {
    await using upstream = await startUpstream({ kind });
    const call = modern('tools/call', { name: 'odd', arguments: {} });
    const isModern = kind === 'modern-http' || kind === 'dual-http';
    const headers = kind === 'legacy-http-session' ? await openSession(upstream.url) : {};
    const legacy = { id: 1, method: 'tools/call', params: { name: 'odd', arguments: {} }, headers };
    const { body } = await rawRequest(upstream.url, isModern ? call : legacy);
    const text = body.toString();
    expect(text).toContain(`"content":${ODD_CONTENT_JSON.replace('\\u2028', '\u2028')}`);
    expect(text).toContain(`"structuredContent":${ODD_STRUCTURED_JSON}`);
    expect(text).toContain(ODD_META_JSON.slice(1, -1));
    expect(text).toContain('"x-vendor/result":{"kept":1.0}');
  });

  test('big answers as many bytes as asked', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const call = modern('tools/call', { name: 'big', arguments: { bytes: 1_000_000 } });
    const { body } = await rawRequest(upstream.url, call);
    expect(body.toString()).toContain(`"${'x'.repeat(1_000_000)}"`);
  });

  test.each([
    ['echo', {}],
    ['add', { a: 'one', b: 2 }],
    ['big', { bytes: 1e12 }],
  ])('%s refuses wrong arguments with -32602', async (name, args) => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const { body } = await rawRequest(
      upstream.url,
      modern('tools/call', { name, arguments: args }),
    );
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: -32_602 } });
  });

  test.each([
    ['prompts/get', { name: 'nope' }],
    ['prompts/get', { name: 'greet' }],
    ['resources/read', { uri: 'test://nope' }],
    ['tools/list', { cursor: 'nope' }],
  ])('%s of %o is refused with -32602', async (method, params) => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const { body } = await rawRequest(upstream.url, modern(method, params));
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: -32_602 } });
  });

  test('prompts/get answers a prompt without arguments', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const { body } = await rawRequest(upstream.url, modern('prompts/get', { name: 'summary' }));
    expect(body.toString()).toContain('Summarise');
    const text = modern('resources/read', { uri: 'test://static/text' });
    expect((await rawRequest(upstream.url, text)).body.toString()).toContain('static text');
  });

  test('a method no one has is refused with -32601', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
    const { body } = await rawRequest(upstream.url, { id: 1, method: 'x/y' });
    expect(body.toString()).toContain('-32601');
  });

  test('a body that is not JSON reaches the real server', async () => {
    for (const kind of KINDS) {
      await using upstream = await startUpstream({ kind });
      const { status, body } = await rawRequest(upstream.url, { body: '{"jsonrpc":' });
      expect(status).toBe(400);
      expect(body.toString()).toContain('-32700');
    }
  });

  test('another path is a 404', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const url = new URL('/.well-known/oauth-protected-resource', upstream.url).href;
    expect((await rawRequest(url, { httpMethod: 'GET' })).status).toBe(404);
  });

  test('latencyMs is added to every answer, and a client may leave during it', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 60 });
    const start = performance.now();
    expect((await rawRequest(upstream.url, modern('tools/list'))).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    const gone = new AbortController();
    const left = rawRequest(upstream.url, { ...modern('tools/list'), signal: gone.signal });
    await waitUntil(() => upstream.counts.requests === 2, { describe: 'the request arrived' });
    gone.abort();
    expect((await left).error).toBe('ABORT_ERR');
  });

  test('handshakeMs is added to the first answer of each connection alone', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', handshakeMs: 60 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const took = async (): Promise<number> => {
      const start = performance.now();
      const answer = await rawRequest(upstream.url, { ...modern('tools/list'), agent });
      expect(answer.status).toBe(200);
      return performance.now() - start;
    };
    try {
      expect(await took()).toBeGreaterThanOrEqual(59);
      const later = await Promise.all(Array.from({ length: 20 }, took));
      expect(upstream.counts.connections).toBe(1);
      // One after the other on one connection: twenty handshakes would take 1,200 ms.
      expect(Math.min(...later)).toBeLessThan(59);
    } finally {
      agent.destroy();
    }
  });

  test('pageSize splits the list, ttlMs and cacheScope are on every page', async () => {
    await using upstream = await startUpstream({
      kind: 'modern-http',
      toolCount: 10,
      pageSize: 7,
      ttlMs: 1234,
      cacheScope: 'public',
    });
    const names: string[] = [];
    const hints: unknown[] = [];
    let params: { cursor?: string } | undefined = {};
    let pages = 0;
    while (params !== undefined) {
      const { body } = await rawRequest(upstream.url, modern('tools/list', params));
      const { result }: { result: ListPage } = JSON.parse(body.toString());
      names.push(...result.tools.map((tool) => tool.name));
      hints.push([result.ttlMs, result.cacheScope]);
      params = result.nextCursor === undefined ? undefined : { cursor: result.nextCursor };
      pages += 1;
    }
    expect(new Set(hints.map(String))).toEqual(new Set(['1234,public']));
    expect(pages).toBe(3);
    expect(names).toHaveLength(18);
    expect(new Set(names).size).toBe(18);
  });

  test('slow is aborted when a modern client leaves', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const gone = new AbortController();
    const call = modern('tools/call', { name: 'slow', arguments: { ms: 600_000, steps: 2 } });
    const answer = rawRequest(upstream.url, { ...call, signal: gone.signal });
    await waitUntil(() => upstream.counts.requests === 1, { describe: 'the call arrived' });
    gone.abort();
    await answer;
    await waitUntil(() => upstream.counts.aborted === 1, { describe: 'the call was aborted' });
    expect(upstream.open.sessions).toBe(0);
  });

  test('slow is aborted when a legacy client cancels', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const client = await connectV1(upstream);
    const cancel = new AbortController();
    const call = client.callTool(
      { name: 'slow', arguments: { ms: 600_000, steps: 1 } },
      undefined,
      { signal: cancel.signal },
    );
    call.catch(() => 'asserted below');
    await waitUntil(() => upstream.counts.byMethod['tools/call'] === 1, { describe: 'the call' });
    cancel.abort();
    await expect(call).rejects.toThrow(/abort/iu);
    await waitUntil(() => upstream.counts.aborted === 1, { describe: 'the call was aborted' });
    await client.close();
  });
});
