import { getEventListeners } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { startGreedyTcp } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import {
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  modernAnswer,
  open,
  recorder,
  run,
  sse,
  startWire,
  toolCall,
  type Answer,
} from './http-fixture.ts';

const ok: Answer = (seen, response) => {
  json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { ok: 1 } });
};

test('connect() is one attempt for all who wait, and answers at once when connected', async () => {
  await using wire = await startWire(modernAnswer(ok));
  await using opened = open(definitionFor(wire.url));
  const { upstream } = opened;
  const infos = await Promise.all(Array.from({ length: 20 }, async () => upstream.connect(SIGNAL)));
  expect(new Set(infos).size).toBe(1);
  const sinks = Array.from({ length: 5 }, () => recorder());
  for (const sink of sinks) upstream.forward(toolCall('modern'), sink);
  await Promise.all(sinks.map(async (sink) => sink.outcome));
  expect(wire.methods().filter((method) => method === 'server/discover')).toHaveLength(1);
});

test('connect() given up by one caller goes on for the others (M5)', async () => {
  const release = Promise.withResolvers<void>();
  await using wire = await startWire(async (seen, response) => {
    await release.promise;
    await modernAnswer(ok)(seen, response);
  });
  await using opened = open(definitionFor(wire.url));
  const impatient = new AbortController();
  const given = opened.upstream.connect(impatient.signal);
  const patient = opened.upstream.connect(SIGNAL);
  impatient.abort();
  await expect(given).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(opened.upstream.connect(impatient.signal)).rejects.toMatchObject({
    code: 'CANCELLED',
  });
  release.resolve();
  expect((await patient).era).toBe('modern');
  expect(getEventListeners(impatient.signal, 'abort')).toHaveLength(0);
});

test('connect() names the phase: nothing listens', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  await using opened = open(definitionFor(`http://127.0.0.1:${port}/mcp`));
  const refused = { code: 'CONNECT_FAILED', phase: 'connect', unsent: true };
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject(refused);
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toMatchObject({ kind: 'fail', error: refused });
});

test('connect() names the phase: the server is silent, or the name is unknown', async () => {
  await using silent = await startGreedyTcp();
  const timeouts = { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 200 };
  await using opened = open(definitionFor(`http://127.0.0.1:${silent.port}/mcp`, { timeouts }));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'TIMEOUT',
    phase: 'handshake',
  });
  expect(opened.upstream.phase).toBe('handshake');
  await using unknown = open(definitionFor('http://no-such-host.invalid/mcp'));
  await expect(unknown.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    phase: 'connect',
    unsent: true,
  });
});

test('request() ends with its deadline or its signal, tells the server, and leaves no listener', async () => {
  const aborted: string[] = [];
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      response.on('close', () => aborted.push(String(seen.message['method'])));
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { upstream } = opened;
  await upstream.connect(SIGNAL);
  const { signal } = new AbortController();
  await expect(upstream.request('tools/list', [], { signal, timeoutMs: 50 })).rejects.toMatchObject(
    {
      code: 'TIMEOUT',
      phase: 'list',
    },
  );
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const stop = new AbortController();
  const stopped = upstream.request('ping', [], { signal: stop.signal, timeoutMs: 5_000 });
  stop.abort();
  await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED', phase: 'ready' });
  await expect(
    upstream.request('ping', [], { signal: stop.signal, timeoutMs: 5_000 }),
  ).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect.poll(() => aborted[0]).toBe('tools/list');
});

test('request() rejects with the error the server answered', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      const error = { code: -32_602, message: 'bad cursor' };
      json(response, { jsonrpc: '2.0', error, id: seen.message['id'] });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const asked = opened.upstream.request('tools/list', [], { signal: SIGNAL, timeoutMs: 5_000 });
  await expect(asked).rejects.toMatchObject({
    code: 'RPC_ERROR',
    phase: 'list',
    rpcCode: -32_602,
    rpcErrorText: '{"code":-32602,"message":"bad cursor"}',
  });
});

test('close() while connecting fails the waiting and leaves no session behind', async () => {
  const arrived = Promise.withResolvers<void>();
  await using wire = await startWire((_seen, _response) => {
    arrived.resolve();
  });
  await using opened = open(definitionFor(wire.url));
  const connecting = opened.upstream.connect(SIGNAL);
  const sink = recorder();
  opened.upstream.forward(toolCall('modern'), sink);
  await arrived.promise;
  const closing = opened.upstream.close();
  await expect(connecting).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { code: 'CLOSED' } });
  await closing;
  expect(sink.endings).toBe(1);
});

test.for(['modern', 'legacy'] as const)(
  'odd answers of a %s server are named for what they are',
  async (era) => {
    let odd: Answer = ok;
    const answer: Answer = (seen, response) => odd(seen, response);
    await using wire = await startWire(
      era === 'modern' ? modernAnswer(answer) : legacyAnswer(answer),
    );
    await using opened = open(definitionFor(wire.url));
    await opened.upstream.connect(SIGNAL);
    const cases: [string, Answer, string][] = [
      [
        'HTML',
        (_seen, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
        'BAD_RESPONSE',
      ],
      ['no content type', (_seen, response) => response.writeHead(200).end('x'), 'BAD_RESPONSE'],
      ['202', (_seen, response) => void response.writeHead(202).end(), 'BAD_RESPONSE'],
      ['empty JSON', (_seen, response) => json(response, ''), 'BAD_RESPONSE'],
      [
        'invalid JSON',
        (_seen, response) => json(response, '{"jsonrpc":"2.0","id":'),
        'BAD_RESPONSE',
      ],
      [
        'a redirect',
        (_seen, response) => void response.writeHead(302, { location: '/x' }).end(),
        'HTTP_STATUS',
      ],
      [
        'an invalid event',
        (_seen, response) => (sse(response, '{nonsense'), void response.end()),
        'BAD_RESPONSE',
      ],
      [
        'an event too large',
        (_seen, response) => (sse(response, 'x'.repeat(10_500_000)), void response.end()),
        'TOO_LARGE',
      ],
      [
        'a stream without a result',
        (_seen, response) => (sse(response, { jsonrpc: '2.0', method: 'x' }), void response.end()),
        'STREAM_CUT',
      ],
      ['a reset', (_seen, response) => void response.destroy(), 'STREAM_CUT'],
      [
        'a reset within the body',
        (_seen, response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
          response.write('{"jsonrpc"', () => response.socket?.resetAndDestroy());
        },
        'STREAM_CUT',
      ],
      [
        'a long error page',
        (_seen, response) => response.writeHead(500).end('x'.repeat(500_000)),
        'HTTP_STATUS',
      ],
    ];
    for (const [name, one, code] of cases) {
      odd = one;
      for (const client of ['modern', 'legacy'] as const) {
        const { outcome, sink } = await run(opened.upstream, toolCall(client));
        expect.soft(outcome, name).toMatchObject({ kind: 'fail', error: { code, unsent: false } });
        expect(sink.endings).toBe(1);
      }
    }
    odd = ok;
    expect((await run(opened.upstream, toolCall('legacy'))).outcome.kind).toBe('result');
  },
);

test('a byte order mark before an answer is not passed on', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, `\uFEFF${JSON.stringify({ id: seen.message['id'], result: {} })}`);
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toEqual({ kind: 'whole', body: '{"id":"c-7","result":{}}', inPieces: false });
});
