import { request as httpRequest } from 'node:http';
import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send, sendModern } from './raw-client.ts';

let modern: HttpUpstream;
let legacy: HttpUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  modern = await startUpstream({ kind: 'modern-http', ttlMs: 60_000, cacheScope: 'public' });
  legacy = await startUpstream({ kind: 'legacy-http-session' });
  gateway = await startGateway([connectorFor(modern, 'm'), connectorFor(legacy, 'l')]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await modern.close();
  await legacy.close();
});

/** What reached the upstreams while `run` ran. */
async function upstreamRequests(run: () => Promise<unknown>): Promise<number> {
  const before = modern.counts.requests + legacy.counts.requests;
  await run();
  return modern.counts.requests + legacy.counts.requests - before;
}

describe('modern requests', () => {
  test('server/discover names the revision, the lists and us', async () => {
    const answer = await sendModern(gateway.url(), 'server/discover');
    expect(answer.json()).toMatchObject({
      id: 1,
      result: {
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {}, prompts: {}, resources: {} },
        resultType: 'complete',
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'cortex-mcp' } },
      },
    });
  });

  test('tools/list is answered from memory, with what is left of the time to live', async () => {
    const touched = await upstreamRequests(async () => {
      const answer = await sendModern(gateway.url('m'), 'tools/list');
      const { result } = answer.json() as { result: { ttlMs: number; cacheScope: string } };
      expect(result.cacheScope).toBe('public');
      expect(result.ttlMs).toBeGreaterThan(50_000);
      expect(result.ttlMs).toBeLessThanOrEqual(60_000);
    });
    expect(touched).toBe(0);
  });

  test.each([
    ['MCP-Protocol-Version', { 'mcp-method': 'tools/list' }],
    ['Mcp-Method', { 'mcp-protocol-version': '2026-07-28' }],
    ['Mcp-Method', { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }],
    ['MCP-Protocol-Version', { 'mcp-protocol-version': '2025-11-25', 'mcp-method': 'tools/list' }],
  ])('a missing or different %s header is refused with -32020', async (header, headers) => {
    const answer = await send(gateway.url(), { headers, body: modernBody('tools/list') });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({
      id: 1,
      error: { code: -32_020, data: { mismatch: { header } } },
    });
  });

  test('Mcp-Name must be the name of the body, decoded, or no upstream hears of it', async () => {
    const touched = await upstreamRequests(async () => {
      const body = modernBody('tools/call', { name: 'm__echo', arguments: { message: 'x' } });
      const wrong = modernHeaders('tools/call', 'm__add');
      expect((await send(gateway.url(), { headers: wrong, body })).json()).toMatchObject({
        error: { code: -32_020 },
      });
      const missing = modernHeaders('tools/call');
      expect((await send(gateway.url(), { headers: missing, body })).status).toBe(400);
    });
    expect(touched).toBe(0);
    const encoded = `=?base64?${Buffer.from('m__echo').toString('base64')}?=`;
    const answer = await send(gateway.url(), {
      headers: modernHeaders('tools/call', encoded),
      body: modernBody('tools/call', { name: 'm__echo', arguments: { message: 'x' } }),
    });
    expect(answer.json()).toMatchObject({ result: { content: [{ text: 'x' }] } });
  });

  test('an unknown revision is refused with -32022 and the ones we speak', async () => {
    const answer = await send(gateway.url(), {
      headers: { 'mcp-protocol-version': '2099-01-01', 'mcp-method': 'tools/list' },
      body: modernBody(
        'tools/list',
        {},
        { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' },
      ),
    });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({
      error: { code: -32_022, data: { supported: ['2026-07-28'], requested: '2099-01-01' } },
    });
  });

  test('a missing envelope is refused with -32602 and what it lacks', async () => {
    const answer = await send(gateway.url(), {
      headers: modernHeaders('tools/list'),
      body: JSON.stringify({ jsonrpc: '2.0', id: 4, method: 'tools/list', params: {} }),
    });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({
      id: 4,
      error: { code: -32_602, data: { envelope: { missing: expect.any(Array) as unknown } } },
    });
  });

  test('an unknown method is 404 with -32601, an unknown tool 200 with -32602', async () => {
    const method = await sendModern(gateway.url(), 'no/such');
    expect([method.status, method.json()]).toMatchObject([404, { error: { code: -32_601 } }]);
    const tool = await sendModern(gateway.url(), 'tools/call', { name: 'nope' });
    expect([tool.status, tool.json()]).toMatchObject([200, { error: { code: -32_602 } }]);
  });

  test('a legacy server’s result is given the modern members, one of a modern server is not touched', async () => {
    const args = { arguments: { message: 'x' } };
    const bridged = await sendModern(gateway.url(), 'tools/call', { name: 'l__echo', ...args });
    expect(bridged.json()).toMatchObject({ result: { resultType: 'complete' } });
    const direct = await send(modern.url, {
      headers: modernHeaders('tools/call', 'odd'),
      body: modernBody('tools/call', { name: 'odd', arguments: {} }),
    });
    const through = await send(gateway.url(), {
      headers: modernHeaders('tools/call', 'm__odd'),
      body: modernBody('tools/call', { name: 'm__odd', arguments: {} }),
    });
    expect(through.text).toBe(direct.text);
    expect(through.text).toContain('__proto__');
  });

  test('closing the request cancels the call upstream', async () => {
    const before = modern.counts.aborted;
    const body = modernBody('tools/call', { name: 'm__slow', arguments: { ms: 60_000, steps: 1 } });
    const outgoing = httpRequest(gateway.url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...modernHeaders('tools/call', 'm__slow'),
      },
    });
    outgoing.on('error', () => undefined); // our own hanging up
    outgoing.end(body);
    const calls = (): unknown => gateway.service.status()['clients'];
    await waitUntil(() => (calls() as { callsInFlight: number }).callsInFlight === 1, {
      describe: 'the call is on its way',
    });
    outgoing.destroy();
    await waitUntil(() => modern.counts.aborted === before + 1, {
      describe: 'the upstream sees the cancellation',
    });
    expect(calls()).toMatchObject({ callsInFlight: 0 });
  });
});

describe('legacy sessions', () => {
  test('initialize answers with the client’s revision and opens a session', async () => {
    const session = await openSession(gateway.url(), '2025-03-26');
    expect(session.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(session.initialize).toMatchObject({
      result: {
        protocolVersion: '2025-03-26',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'cortex-mcp' },
      },
    });
    expect((await session.send('ping')).json()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });

  test('a legacy list has none of the modern members', async () => {
    const session = await openSession(gateway.url());
    const { result } = (await session.send('tools/list')).json() as { result: object };
    expect(Object.keys(result)).toEqual(['tools']);
  });

  test('a modern server’s result loses its modern members and nothing else', async () => {
    const session = await openSession(gateway.url());
    const call = { name: 'm__echo', arguments: { message: 'x' } };
    const { result } = (await session.send('tools/call', call)).json() as { result: object };
    expect(result).not.toHaveProperty('resultType');
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'x' }] });
  });

  test('an unknown session is 404, a missing one 400, one of another endpoint 404', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/list' });
    const unknown = await send(gateway.url(), { headers: { 'mcp-session-id': 'x' }, body });
    expect([unknown.status, unknown.json()]).toMatchObject([404, { id: 9 }]);
    expect((await send(gateway.url(), { body })).status).toBe(400);
    const { id } = await openSession(gateway.url('m'));
    const elsewhere = await send(gateway.url(), { headers: { 'mcp-session-id': id }, body });
    expect(elsewhere.status).toBe(404);
  });

  test('DELETE ends a session', async () => {
    const session = await openSession(gateway.url());
    const headers = { 'mcp-session-id': session.id };
    expect((await send(gateway.url(), { method: 'DELETE', headers })).status).toBe(204);
    expect((await session.send('ping')).status).toBe(404);
  });

  test('notifications/cancelled cancels the call of that id, which is then not answered', async () => {
    const session = await openSession(gateway.url());
    const before = modern.counts.aborted;
    const call = { name: 'm__slow', arguments: { ms: 60_000, steps: 1 } };
    const pending = session.send('tools/call', call, 'slow-1');
    const inFlight = (): unknown => gateway.service.status()['clients'];
    await waitUntil(() => (inFlight() as { callsInFlight: number }).callsInFlight === 1, {
      describe: 'the call is on its way',
    });
    await session.notify('notifications/cancelled', { requestId: 'slow-1' });
    const answer = await pending;
    expect([answer.status, answer.text]).toEqual([200, '']);
    await waitUntil(() => modern.counts.aborted === before + 1, {
      describe: 'the upstream sees the cancellation',
    });
  });

  test('the GET stream tells of a list that changed, once, and is the only one of its session', async () => {
    const session = await openSession(gateway.url());
    const headers = { 'mcp-session-id': session.id, accept: 'text/event-stream' };
    const stream = await fetch(gateway.url(), { headers });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect((await send(gateway.url(), { method: 'GET', headers })).status).toBe(409);
    modern.setTools(['brand_new']);
    await gateway.service.manager.syncOne('m');
    await gateway.service.settled();
    const { result } = (await session.send('tools/list')).json() as {
      result: { tools: { name: string }[] };
    };
    expect(result.tools.map(({ name }) => name)).toContain('m__brand_new');
    // Ending the session ends the stream: what was read is all there was.
    await send(gateway.url(), { method: 'DELETE', headers: { 'mcp-session-id': session.id } });
    expect(await stream.text()).toBe(
      'id: 1-0\nretry: 1000\ndata: \n\nid: 1-1\n' +
        'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n',
    );
  });

  test('GET and DELETE without a session are 405: the modern revision has neither', async () => {
    expect((await send(gateway.url(), { method: 'GET' })).status).toBe(405);
    expect((await send(gateway.url(), { method: 'DELETE' })).status).toBe(405);
    expect((await send(gateway.url(), { method: 'PUT' })).status).toBe(405);
  });
});

describe('bad requests touch no upstream', () => {
  test.each([
    ['broken JSON', '{', 400, -32_700],
    [
      'a duplicate key',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
      400,
      -32_600,
    ],
    ['an array', '[]', 400, -32_600],
  ])('%s', async (_what, body, status, code) => {
    const touched = await upstreamRequests(async () => {
      const answer = await send(gateway.url(), { body });
      expect([answer.status, answer.json()]).toMatchObject([status, { error: { code } }]);
    });
    expect(touched).toBe(0);
  });

  test('a body over 4 MiB is 413, another content type 415, broken UTF-8 400', async () => {
    const big = await send(gateway.url(), { body: `"${'x'.repeat(4 * 1024 * 1024)}"` });
    expect(big.status).toBe(413);
    const headers = { 'content-type': 'text/plain' };
    expect((await send(gateway.url(), { headers, body: '{}' })).status).toBe(415);
    const broken = await fetch(gateway.url(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from([0x22, 0xff, 0x22]),
    });
    expect(broken.status).toBe(400);
  });

  test('an unknown connector is 404 and names it', async () => {
    const answer = await sendModern(gateway.url('nobody'), 'tools/list');
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('nobody')]);
  });

  test('a cursor we never gave is -32602', async () => {
    const answer = await sendModern(gateway.url(), 'tools/list', { cursor: 'x' });
    expect(answer.json()).toMatchObject({ error: { code: -32_602 } });
  });
});
