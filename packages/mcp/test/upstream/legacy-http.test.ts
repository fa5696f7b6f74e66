import { expect, test } from 'vitest';
import { waitUntil } from '@cortex-os/testkit';
import {
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  open,
  recorder,
  run,
  sse,
  startWire,
  toolCall,
  type Answer,
} from './http-fixture.ts';

const echoId: Answer = (seen, response) => {
  json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { ok: 1 } });
};

test('connect() falls back to initialize, and later requests carry session and version', async () => {
  await using wire = await startWire(legacyAnswer(echoId));
  await using opened = open(definitionFor(wire.url));
  const info = await opened.upstream.connect(SIGNAL);
  expect(info).toEqual({
    era: 'legacy',
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'l', version: '1' },
    instructions: 'hi',
  });
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toEqual({ kind: 'result', text: '{"ok":1}', era: 'legacy' });
  const [, initialize, initialized, call] = wire.seen;
  expect(initialize?.body).toBe(
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",' +
      '"capabilities":{"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},' +
      '"roots":{"listChanged":true}},"clientInfo":{"name":"gateway","version":"9.9.9"}}}',
  );
  expect(initialize?.headers['mcp-protocol-version']).toBeUndefined();
  for (const seen of [initialized, call]) {
    expect(seen?.headers['mcp-session-id']).toBe('s1');
    expect(seen?.headers['mcp-protocol-version']).toBe('2025-11-25');
    expect(seen?.headers['mcp-method']).toBeUndefined();
  }
  // The modern envelope is not for legacy servers, and the id is ours.
  expect(call?.body).toBe(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",' +
      '"arguments":{"message":"hi","n":1.0}}}',
  );
});

function progress(token: number | string): string {
  const raw = JSON.stringify(token);
  return `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":${raw},"message":"for ${token}"}}`;
}

test('two clients with one progress token get their own progress, whichever stream carries it', async () => {
  const both = Promise.withResolvers<void>();
  const delivered = Promise.withResolvers<void>();
  let arrived = 0;
  await using wire = await startWire(
    legacyAnswer(async (seen, response) => {
      const id = seen.message['id'] as number;
      arrived += 1;
      if (arrived === 2) both.resolve();
      await both.promise;
      // The first stream carries the progress of both, and some of nobody.
      if (id === 1) sse(response, progress(1), progress(2), progress(99), progress('t'));
      await delivered.promise;
      sse(response, { jsonrpc: '2.0', id, result: { id } });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL);
  const sinks = [recorder(), recorder()];
  for (const sink of sinks) {
    const meta = [
      { key: 'progressToken', text: '"t"' },
      { key: 'x', text: '1.0' },
    ];
    opened.upstream.forward(toolCall('legacy', { id: 1, meta }), sink);
  }
  await expect.poll(() => opened.upstream.ignoredMessages).toBeGreaterThanOrEqual(2);
  delivered.resolve();
  await Promise.all(sinks.map(async (sink) => sink.outcome));
  for (const [index, sink] of sinks.entries()) {
    const id = index + 1;
    const call = wire.seen.find(({ message }) => message['id'] === id);
    expect(call?.body).toContain(`"_meta":{"progressToken":${id},"x":1.0}`);
    expect(sink.notifications).toEqual([
      progress(id).replace(`"progressToken":${id}`, '"progressToken":"t"'),
    ]);
  }
});

test('logs of a call reach it, list_changed reaches the events, other notifications nobody', async () => {
  const log =
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}';
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      sse(response, log, { jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
      sse(response, { jsonrpc: '2.0', method: 'notifications/odd' });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { sink } = await run(opened.upstream, toolCall('legacy'));
  expect(sink.notifications).toEqual([log]);
  expect(opened.notifications).toEqual([
    {
      method: 'notifications/tools/list_changed',
      text: '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    },
  ]);
  expect(opened.upstream.ignoredMessages).toBe(1);
});

test('ping is answered, requests that concern no client are unknown methods', async () => {
  await using wire = await startWire(
    legacyAnswer(async (seen, response) => {
      if (seen.message['method'] !== 'tools/call') {
        response.writeHead(202).end();
        return;
      }
      sse(response, { jsonrpc: '2.0', id: 'p', method: 'ping' });
      sse(response, { jsonrpc: '2.0', id: 8, method: 'tasks/list' });
      await expect
        .poll(() => wire.methods().filter((method) => method === 'response').length)
        .toBe(2);
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await run(opened.upstream, toolCall('legacy'));
  const replies = wire.seen.filter(({ message }) => message['method'] === undefined);
  expect(replies.map(({ body }) => body).toSorted()).toEqual([
    '{"jsonrpc":"2.0","id":"p","result":{}}',
    '{"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"Method not found: tasks/list"}}',
  ]);
  expect(replies[0]?.headers['mcp-session-id']).toBe('s1');
});

test('cancel() tells a legacy server by notification and closes the stream (T3)', async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      if (seen.message['method'] !== 'tools/call') {
        response.writeHead(202).end();
        return;
      }
      response.on('close', () => {
        gone.resolve();
      });
      arrived.resolve();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = recorder();
  const handle = opened.upstream.forward(toolCall('legacy'), sink);
  await arrived.promise;
  handle.cancel('user gave up');
  await gone.promise;
  const told = (): boolean => wire.methods().includes('notifications/cancelled');
  await waitUntil(told, { describe: 'the cancellation' });
  expect(wire.seen.at(-1)?.message['params']).toEqual({ requestId: 1, reason: 'user gave up' });
  expect(sink.endings).toBe(0);
});

test('a batch of the revision 2025-03-26 is read message by message', async () => {
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      const log = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
      json(response, [log, { jsonrpc: '2.0', id: seen.message['id'], result: { a: 1 } }]);
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome, sink } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome).toMatchObject({ kind: 'result', text: '{"a":1}' });
  expect(sink.notifications).toHaveLength(1);
});
