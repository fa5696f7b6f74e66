import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { fetchManifest } from '../../src/connectors/manifest.ts';
import { definitionFor, json, modernAnswer, open, startWire } from './http-fixture.ts';

const SIGNAL = new AbortController().signal;
const OPTIONS = { signal: SIGNAL, timeoutMs: 5_000 };

test('connect() for lists asks a modern server for its tools beside its era: two round trips (S4-01)', async () => {
  await using server = await startUpstream({ kind: 'modern-http', toolCount: 2, latencyMs: 50 });
  await using opened = open(definitionFor(server.url));
  const info = await opened.upstream.connect(SIGNAL, 'lists');
  const manifest = await fetchManifest(opened.upstream, info, OPTIONS);
  expect(manifest.lists.tools.length).toBeGreaterThanOrEqual(2);
  expect(server.counts.byMethod).toMatchObject({
    'server/discover': 1,
    'tools/list': 1,
    'prompts/list': 1,
    'resources/list': 1,
  });
  expect(server.counts.roundTrips).toBe(2);
});

test('connect() for lists asks a legacy server in vain once, and sends it nothing else it does not know', async () => {
  await using server = await startUpstream({ kind: 'legacy-http-session', toolCount: 2 });
  await using opened = open(definitionFor(server.url));
  const info = await opened.upstream.connect(SIGNAL, 'lists');
  expect(info.era).toBe('legacy');
  await fetchManifest(opened.upstream, info, OPTIONS);
  expect(server.counts.byMethod).toMatchObject({
    'server/discover': 1,
    initialize: 1,
    'notifications/initialized': 1,
    'tools/list': 2,
  });
});

test('an early list that fails is asked for again', async () => {
  let asked = 0;
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      if (seen.message['method'] !== 'tools/list') return;
      asked += 1;
      if (asked === 1) response.writeHead(503).end();
      else json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { tools: [] } });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL, 'lists');
  expect(await opened.upstream.request('tools/list', [], OPTIONS)).toBe('{"tools":[]}');
  expect(asked).toBe(2);
});

test('an early list serves one request of ours, never a client', async () => {
  await using server = await startUpstream({ kind: 'modern-http', toolCount: 1 });
  await using opened = open(definitionFor(server.url));
  await opened.upstream.connect(SIGNAL, 'lists');
  await opened.upstream.request('tools/list', [], OPTIONS);
  await opened.upstream.request('tools/list', [], OPTIONS);
  expect(server.counts.byMethod['tools/list']).toBe(2);
});

test('close() while an early list hangs leaves nothing waiting', async () => {
  await using wire = await startWire(modernAnswer(() => undefined));
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL, 'lists');
  const waiting = opened.upstream.request('tools/list', [], OPTIONS);
  const [outcome] = await Promise.allSettled([waiting, opened.upstream.close()]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
});

test('connect() for lists still fails with what the server says to the question for its era', async () => {
  await using wire = await startWire((_seen, response) => {
    response.writeHead(401).end();
  });
  await using opened = open(definitionFor(wire.url));
  await expect(opened.upstream.connect(SIGNAL, 'lists')).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
    phase: 'handshake',
  });
});
