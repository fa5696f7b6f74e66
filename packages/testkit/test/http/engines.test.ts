import { describe, expect, test } from 'vitest';
import { startUpstream, waitUntil } from '../../src/index.ts';
import { modern, rawRequest } from '../raw-request.ts';
import { connectV2 } from '../tour.ts';
import { INITIALIZE, openSession } from './open-session.ts';

const LIST = { id: 1, method: 'tools/list', params: {} };

describe('legacy sessions', () => {
  test('are created by initialize, known by their id, ended by DELETE', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const headers = await openSession(upstream.url);
    expect(upstream.counts.sessions).toBe(1);
    expect(upstream.open.sessions).toBe(1);
    expect((await rawRequest(upstream.url, { ...LIST, headers })).status).toBe(200);
    expect((await rawRequest(upstream.url, LIST)).status).toBe(400);
    const end = await rawRequest(upstream.url, { httpMethod: 'DELETE', headers });
    expect(end.status).toBe(200);
    expect(upstream.open.sessions).toBe(0);
    expect((await rawRequest(upstream.url, { ...LIST, headers })).status).toBe(404);
    expect(upstream.counts.byMethod).toMatchObject({ initialize: 1, 'tools/list': 3, DELETE: 1 });
  });

  test('are forgotten by restart(), on the same port', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const { url } = upstream;
    const headers = await openSession(url);
    const stream = rawRequest(url, { httpMethod: 'GET', headers });
    await waitUntil(() => upstream.open.connections === 1, { describe: 'the stream is open' });
    await upstream.restart();
    expect((await stream).error).toBe('ECONNRESET');
    expect(upstream.url).toBe(url);
    expect((await rawRequest(url, { ...LIST, headers })).status).toBe(404);
    expect((await openSession(url))['mcp-session-id']).not.toBe(headers['mcp-session-id']);
  });

  test('session-404 and session-400 hit only messages that carry a session', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const headers = await openSession(upstream.url);
    upstream.setFaults([{ kind: 'session-404', times: 1 }]);
    expect((await rawRequest(upstream.url, INITIALIZE)).status).toBe(200);
    expect((await rawRequest(upstream.url, { ...LIST, headers })).status).toBe(404);
    expect((await rawRequest(upstream.url, { ...LIST, headers })).status).toBe(200);
    upstream.setFaults([{ kind: 'session-400' }]);
    const { status, body } = await rawRequest(upstream.url, { ...LIST, headers });
    expect(status).toBe(400);
    expect(body.toString()).toContain('Bad Request: No valid session ID provided');
  });

  test('a stateless server answers GET and DELETE with 405', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
    expect((await rawRequest(upstream.url, { httpMethod: 'GET' })).status).toBe(405);
    expect((await rawRequest(upstream.url, { httpMethod: 'DELETE' })).status).toBe(405);
  });
});

describe('setTools()', () => {
  test('replaces the generated tools and tells modern listeners', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 2 });
    let text = '';
    const gone = new AbortController();
    const listen = rawRequest(upstream.url, {
      ...modern('subscriptions/listen', { notifications: { toolsListChanged: true } }),
      signal: gone.signal,
      onData: (chunk) => {
        text += chunk.toString();
      },
    });
    await waitUntil(() => text.includes('acknowledged'), { describe: 'the subscription' });
    upstream.setTools(['alpha', 'beta']);
    await waitUntil(() => text.includes('tools/list_changed'), { describe: 'list_changed' });
    const { body } = await rawRequest(upstream.url, modern('tools/list'));
    expect(body.toString()).toContain('"alpha"');
    expect(body.toString()).not.toContain('"tool_0"');
    const call = modern('tools/call', { name: 'alpha', arguments: { value: 1 } });
    expect((await rawRequest(upstream.url, call)).body.toString()).toContain('alpha(');
    gone.abort();
    await listen;
  });

  test('tells legacy sessions on their GET stream', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-session' });
    const client = await connectV2(upstream, 'v2 legacy');
    let changed = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      changed += 1;
    });
    await waitUntil(() => upstream.counts.byMethod['GET'] === 1, { describe: 'the GET stream' });
    upstream.setTools(['alpha']);
    await waitUntil(() => changed === 1, { describe: 'list_changed' });
    expect((await client.listTools()).tools.at(-1)?.name).toBe('alpha');
    await client.close();
  });

  test('has no one to tell without sessions', async () => {
    await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
    upstream.setTools(['alpha']);
    expect((await rawRequest(upstream.url, LIST)).body.toString()).toContain('"alpha"');
  });
});
