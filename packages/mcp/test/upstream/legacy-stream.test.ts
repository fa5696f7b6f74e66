import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import {
  SIGNAL,
  definitionFor,
  json,
  open,
  recorder,
  run,
  sse,
  startWire,
  toolCall,
  type Answer,
  type Opened,
  type Wire,
} from './http-fixture.ts';
import {
  PROMPTS_CHANGED,
  QUICK,
  TOOLS_CHANGED,
  legacyServer,
  listAwhile,
  listTools,
} from './notification-stream-fixture.ts';

const gets = (wire: Wire): number => wire.methods().filter((method) => method === 'GET').length;
const listening = ({ upstream }: Opened): boolean => upstream.isListening;

const keepOpen: Answer = (_seen, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
};

test('the stream is opened after the first list, once, with the session and for events only', async () => {
  await using wire = await startWire(legacyServer(keepOpen));
  const headers = { Authorization: 'Bearer t' };
  await using opened = open(definitionFor(wire.url, { headers }));
  await opened.upstream.connect(SIGNAL);
  await run(opened.upstream, toolCall('legacy'));
  expect(gets(wire)).toBe(0);
  await Promise.all([listTools(opened), listTools(opened)]);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  await listTools(opened);
  const seen = wire.seen.filter(({ method }) => method === 'GET');
  expect(seen).toHaveLength(1);
  expect(seen[0]?.headers).toMatchObject({
    accept: 'text/event-stream',
    'accept-encoding': 'identity',
    authorization: 'Bearer t',
    'mcp-session-id': 's1',
    'mcp-protocol-version': '2025-11-25',
  });
  expect(seen[0]?.headers['content-type']).toBeUndefined();
  expect(opened.notifications).toEqual([]);
});

test('the stream waits for a list that succeeds, and for the lists under way', async () => {
  const release = Promise.withResolvers<void>();
  const server = legacyServer(keepOpen);
  await using wire = await startWire(async (seen, response) => {
    const { id, method } = seen.message;
    if (method === 'resources/list') {
      json(response, { jsonrpc: '2.0', id, error: { code: -32_603, message: 'no' } });
      return;
    }
    if (method === 'prompts/list') await release.promise;
    await server(seen, response);
  });
  await using opened = open(definitionFor(wire.url));
  const ask = async (method: string): Promise<string> =>
    opened.upstream.request(method, [], { signal: SIGNAL, timeoutMs: 5_000 });
  await expect(ask('resources/list')).rejects.toMatchObject({ rpcCode: -32_603 });
  await ask('ping');
  const slow = ask('prompts/list');
  await listTools(opened);
  await ask('ping');
  expect(gets(wire)).toBe(0);
  release.resolve();
  await slow;
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
});

test('a server that announced no change is not asked for a stream', async () => {
  await using wire = await startWire(legacyServer(keepOpen, { tools: {}, prompts: { x: 1 } }));
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  await run(opened.upstream, toolCall('legacy'));
  expect(gets(wire)).toBe(0);
});

test('changes reach the events, ping is answered, requests are refused, logs are dropped', async () => {
  await using wire = await startWire(
    legacyServer((_seen, response) => {
      sse(response, TOOLS_CHANGED, '{nonsense', { jsonrpc: '2.0', id: 'p', method: 'ping' });
      sse(response, { jsonrpc: '2.0', id: 8, method: 'sampling/createMessage', params: {} });
      sse(response, { jsonrpc: '2.0', method: 'notifications/message', params: { data: 1 } });
      sse(response, { jsonrpc: '2.0', id: 1, result: {} });
      sse(response, { jsonrpc: '2.0', method: 'notifications/resources/updated' });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  const replies = (): string[] =>
    wire.seen
      .filter(({ message }) => message['jsonrpc'] !== undefined && message['method'] === undefined)
      .map(({ body }) => body);
  await waitUntil(() => replies().length === 2, { describe: 'both requests are answered' });
  expect(replies().toSorted()).toEqual([
    '{"jsonrpc":"2.0","id":"p","result":{}}',
    '{"jsonrpc":"2.0","id":8,"error":{"code":-32600,"message":"sampling/createMessage is not passed on: ' +
      'it cannot be told which client is meant: not exactly one has a call under way"}}',
  ]);
  await expect
    .poll(() => opened.notifications.map(({ method }) => method))
    .toEqual(['notifications/tools/list_changed', 'notifications/resources/updated']);
  expect(opened.notifications[0]?.text).toBe(TOOLS_CHANGED);
  // The nonsense, the request, the log and the answer to nothing.
  expect(opened.upstream.ignoredMessages).toBe(4);
  expect(opened.refused).toEqual(['unattributed']);
});

test('progress on the stream reaches the call it belongs to, with its own token', async () => {
  const answer = Promise.withResolvers<void>();
  const streams: ServerResponse[] = [];
  const server = legacyServer((seen, response) => {
    void keepOpen(seen, response);
    streams.push(response);
  });
  await using wire = await startWire(async (seen, response) => {
    if (seen.message['method'] !== 'tools/call') return await server(seen, response);
    for (const token of [seen.message['id'], 99]) {
      const params = { progressToken: token, progress: 1 };
      sse(streams[0] ?? response, { jsonrpc: '2.0', method: 'notifications/progress', params });
    }
    await answer.promise;
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
  });
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  const sink = recorder();
  const meta = [{ key: 'progressToken', text: '"mine"' }];
  opened.upstream.forward(toolCall('legacy', { meta }), sink);
  await expect.poll(() => sink.notifications.length).toBe(1);
  await expect.poll(() => opened.upstream.ignoredMessages).toBe(1);
  expect(sink.notifications[0]).toContain('"progressToken":"mine"');
  answer.resolve();
  await sink.outcome;
});

const DECLINING: readonly (readonly [string, Answer])[] = [
  ['405', (_seen, response) => void response.writeHead(405, { allow: 'POST' }).end()],
  ['401', (_seen, response) => void response.writeHead(401).end()],
  ['404 of a router', (_seen, response) => void response.writeHead(404).end('Cannot GET /mcp')],
  ['400', (_seen, response) => json(response, { error: 'no valid session' }, 400)],
  ['501', (_seen, response) => void response.writeHead(501).end()],
  [
    'a page',
    (_seen, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
  ],
  ['204', (_seen, response) => void response.writeHead(204).end()],
];

test.for(DECLINING)('%s says that there is no stream; the session lives on', async ([, get]) => {
  const answered = Promise.withResolvers<void>();
  await using wire = await startWire(
    legacyServer((seen, response) => {
      response.on('close', () => {
        answered.resolve();
      });
      return get(seen, response);
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await answered.promise;
  await listAwhile(opened);
  expect(gets(wire)).toBe(1);
  expect(opened.losses).toEqual([]);
  expect(opened.notifications).toEqual([]);
  expect(opened.upstream.isListening).toBe(false);
  expect(wire.methods().filter((method) => method === 'initialize')).toHaveLength(1);
});

test.for([409, 429, 500, 503])(
  '%i is asked again, and then a change is supposed',
  async (status) => {
    let turn = 0;
    await using wire = await startWire(
      legacyServer((seen, response) => {
        turn += 1;
        if (turn > 2) return keepOpen(seen, response);
        response.writeHead(status).end();
        return undefined;
      }),
    );
    await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
    await listTools(opened);
    await waitUntil(() => listening(opened), { describe: 'the stream is open' });
    expect(gets(wire)).toBe(3);
    expect(opened.notifications.map(({ text }) => text)).toEqual([TOOLS_CHANGED, PROMPTS_CHANGED]);
  },
);

test('a session that the stream finds lost is opened anew by the next list, with a stream of its own', async () => {
  let restarted = false;
  const streams: ServerResponse[] = [];
  await using wire = await startWire(
    legacyServer((seen, response) => {
      if (restarted && seen.headers['mcp-session-id'] === 's1') {
        const error = { code: -32_001, message: 'Session not found' };
        json(response, { jsonrpc: '2.0', error, id: null }, 404);
        return undefined;
      }
      streams.push(response);
      return keepOpen(seen, response);
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  restarted = true;
  streams[0]?.end();
  await waitUntil(() => opened.losses.length > 0, { describe: 'the loss is reported' });
  expect(opened.losses).toMatchObject([{ code: 'SESSION_LOST', httpStatus: 404 }]);
  expect(opened.upstream.isListening).toBe(false);
  await listTools(opened);
  await waitUntil(() => listening(opened), { describe: 'the new stream is open' });
  expect(wire.seen.findLast(({ method }) => method === 'GET')?.headers['mcp-session-id']).toBe(
    's2',
  );
  expect(opened.losses).toHaveLength(1);
  expect(opened.notifications).toEqual([]);
});

test('the stream ends with the session that a call finds lost', async () => {
  const closed = Promise.withResolvers<void>();
  const server = legacyServer((seen, response) => {
    response.on('close', () => {
      closed.resolve();
    });
    return keepOpen(seen, response);
  });
  await using wire = await startWire((seen, response) => {
    const isCall = seen.message['method'] === 'tools/call';
    if (!isCall || seen.headers['mcp-session-id'] !== 's1') return server(seen, response);
    response.writeHead(404).end();
    return undefined;
  });
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  const { outcome } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome.kind).toBe('result');
  await closed.promise;
  expect(opened.upstream.isListening).toBe(false);
  expect(gets(wire)).toBe(1);
});

test('close() ends the stream and the session at once', async () => {
  const gone: string[] = [];
  const server = legacyServer((seen, response) => {
    response.on('close', () => gone.push('stream'));
    return keepOpen(seen, response);
  });
  await using wire = await startWire((seen, response) => {
    if (seen.method === 'DELETE') gone.push('session');
    return server(seen, response);
  });
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  await opened.upstream.close();
  await expect.poll(() => gone.toSorted()).toEqual(['session', 'stream']);
  expect(opened.upstream.isListening).toBe(false);
  expect(opened.losses).toEqual([]);
});
