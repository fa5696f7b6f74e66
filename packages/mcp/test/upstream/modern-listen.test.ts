import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import {
  SIGNAL,
  definitionFor,
  json,
  open,
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
  acknowledgement,
  listAwhile,
  listTools,
  modernServer,
} from './notification-stream-fixture.ts';

const LISTEN = 'subscriptions/listen';
const listens = (wire: Wire): number => wire.methods().filter((method) => method === LISTEN).length;
const listening = ({ upstream }: Opened): boolean => upstream.isListening;

const HONOURED = { toolsListChanged: true, promptsListChanged: true };

const acknowledge: Answer = (seen, response) => {
  sse(response, acknowledgement(seen.message['id'], HONOURED));
};

test('one subscriptions/listen follows the first list and asks for what was announced', async () => {
  const capabilities = {
    tools: { listChanged: true },
    prompts: {},
    resources: { listChanged: true },
  };
  await using wire = await startWire(modernServer(acknowledge, capabilities));
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL);
  await run(opened.upstream, toolCall('modern'));
  expect(listens(wire)).toBe(0);
  await Promise.all([listTools(opened), listTools(opened)]);
  await waitUntil(() => listening(opened), { describe: 'the stream is open' });
  await listTools(opened);
  const seen = wire.seen.filter(({ message }) => message['method'] === LISTEN);
  expect(seen).toHaveLength(1);
  expect(seen[0]?.headers).toMatchObject({
    accept: 'application/json, text/event-stream',
    'mcp-method': LISTEN,
    'mcp-protocol-version': '2026-07-28',
  });
  expect(seen[0]?.headers['mcp-name']).toBeUndefined();
  expect(seen[0]?.body).toBe(
    '{"jsonrpc":"2.0","id":"listen-1","method":"subscriptions/listen","params":{' +
      '"notifications":{"toolsListChanged":true,"resourcesListChanged":true},' +
      '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
      '"io.modelcontextprotocol/clientInfo":{"name":"gateway","version":"9.9.9"},' +
      '"io.modelcontextprotocol/clientCapabilities":{}}}}',
  );
  expect(opened.notifications).toEqual([]);
});

test('changes reach the events; anything else on the stream belongs to nobody', async () => {
  await using wire = await startWire(
    modernServer((seen, response) => {
      const frame = acknowledgement(seen.message['id'], HONOURED);
      sse(response, frame, frame, TOOLS_CHANGED, '{nonsense', PROMPTS_CHANGED);
      sse(response, { jsonrpc: '2.0', method: 'notifications/message', params: {} });
      sse(response, { jsonrpc: '2.0', id: 1, method: 'ping' });
      sse(response, { jsonrpc: '2.0', id: 'other', result: {} });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await listTools(opened);
  await expect.poll(() => opened.upstream.ignoredMessages).toBe(4);
  expect(opened.notifications.map(({ text }) => text)).toEqual([TOOLS_CHANGED, PROMPTS_CHANGED]);
  expect(opened.upstream.isListening).toBe(true);
});

function rpcError(code: number, status: number): Answer {
  return (seen, response) => {
    json(
      response,
      { jsonrpc: '2.0', id: seen.message['id'], error: { code, message: 'no' } },
      status,
    );
  };
}

const result = (seen: { message: Record<string, unknown> }): object => ({
  jsonrpc: '2.0',
  id: seen.message['id'],
  result: { resultType: 'complete' },
});

const DECLINING: readonly (readonly [string, Answer])[] = [
  ['404', (_seen, response) => void response.writeHead(404).end()],
  ['404 and -32601', rpcError(-32_601, 404)],
  ['-32601', rpcError(-32_601, 200)],
  ['-32602', rpcError(-32_602, 200)],
  ['401', (_seen, response) => void response.writeHead(401).end()],
  ['a result at once', (seen, response) => json(response, result(seen))],
  [
    'a result at once, as an event',
    (seen, response) => (sse(response, result(seen)), void response.end()),
  ],
  [
    'an acknowledgement of nothing',
    (seen, response) => {
      sse(response, acknowledgement(seen.message['id'], {}), result(seen));
      response.end();
    },
  ],
];

test.for(DECLINING)('%s says that there is no stream', async ([, listen]) => {
  const answered = Promise.withResolvers<void>();
  await using wire = await startWire(
    modernServer((seen, response) => {
      response.on('close', () => {
        answered.resolve();
      });
      return listen(seen, response);
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await answered.promise;
  await listAwhile(opened);
  expect(listens(wire)).toBe(1);
  expect(opened.losses).toEqual([]);
  expect(opened.notifications).toEqual([]);
});

test('a server at its limit, one that ends gracefully and one that is cut are asked again with a new id', async () => {
  const turns: Answer[] = [
    rpcError(-32_603, 200),
    (seen, response) => {
      void acknowledge(seen, response);
      // What follows the end, even in one batch with it, is not read.
      sse(response, [result(seen), { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }]);
      response.end();
    },
    (seen, response) => {
      void acknowledge(seen, response);
      response.write(': cut', () => response.socket?.resetAndDestroy());
    },
    (_seen, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    (_seen, response) => void response.writeHead(202).end(),
    acknowledge,
  ];
  await using wire = await startWire(
    modernServer((seen, response) => turns.shift()?.(seen, response)),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => listens(wire) === 6 && listening(opened), { describe: 'the sixth stream' });
  const ids = wire.seen
    .filter(({ message }) => message['method'] === LISTEN)
    .map(({ message }) => message['id']);
  expect(ids).toEqual([1, 2, 3, 4, 5, 6].map((turn) => `listen-${turn}`));
  // Supposed at the second, third and sixth: those that were acknowledged.
  expect(opened.notifications.map(({ text }) => text)).toEqual(
    [0, 1, 2].flatMap(() => [TOOLS_CHANGED, PROMPTS_CHANGED]),
  );
});

test.for([
  ['headers', () => undefined],
  [
    'events',
    (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  ],
] as [string, (response: Parameters<Answer>[1]) => void][])(
  'a stream without acknowledgement is dropped in time: after its %s',
  async ([, begin]) => {
    const closed: number[] = [];
    let turn = 0;
    await using wire = await startWire(
      modernServer((seen, response) => {
        turn += 1;
        if (turn > 1) return acknowledge(seen, response);
        const atMs = performance.now();
        response.on('close', () => closed.push(performance.now() - atMs));
        begin(response);
        return undefined;
      }),
    );
    await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
    await listTools(opened);
    await waitUntil(() => listening(opened), { describe: 'the second stream is open' });
    await expect.poll(() => closed.length).toBe(1);
    expect(closed[0]).toBeGreaterThan(QUICK.acknowledgeTimeoutMs - 20);
    expect(listens(wire)).toBe(2);
  },
);

test('close() while the stream is not acknowledged yet ends it, and nothing follows', async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using wire = await startWire(
    modernServer((_seen, response) => {
      response.on('close', () => {
        gone.resolve();
      });
      arrived.resolve();
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await arrived.promise;
  await opened.upstream.close();
  await gone.promise;
  expect(listens(wire)).toBe(1);
  expect(opened.losses).toEqual([]);
});
