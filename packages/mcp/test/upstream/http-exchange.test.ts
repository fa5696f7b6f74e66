import { expect, test } from 'vitest';
import { createEraMemory } from '../../src/upstream/streamable-http/era-memory.ts';
import { leastMs, waitUntil } from '@cortex-os/testkit';
import {
  definitionFor,
  json,
  legacyAnswer,
  modernAnswer,
  open,
  recorder,
  run,
  SIGNAL,
  sse,
  startWire,
  toolCall,
  type Answer,
} from './http-fixture.ts';

test('a stream that stays open after its result is given up within about a second', async () => {
  let closedAtMs = 0;
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      response.on('close', () => {
        closedAtMs = performance.now();
      });
      sse(response, { jsonrpc: '2.0', id: 'c-7', result: {} });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await run(opened.upstream, toolCall('modern'));
  const answeredAtMs = performance.now();
  await waitUntil(() => closedAtMs > 0, { describe: 'the stream closed' });
  expect(closedAtMs - answeredAtMs).toBeGreaterThan(800);
});

test('cancel() reaches the server within 100 ms and the sink hears nothing more (T3)', async () => {
  let arrived = Promise.withResolvers<void>();
  let gone = Promise.withResolvers<number>();
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      response.on('close', () => {
        gone.resolve(performance.now());
      });
      arrived.resolve();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  let calls = 0;
  const measure = async (): Promise<number> => {
    [arrived, gone] = [Promise.withResolvers(), Promise.withResolvers()];
    calls += 1;
    const sink = recorder();
    const handle = opened.upstream.forward(toolCall('modern'), sink);
    await arrived.promise;
    const cancelledAtMs = performance.now();
    handle.cancel('client gone');
    handle.cancel('twice');
    const goneAtMs = await gone.promise;
    expect(sink.endings).toBe(0);
    return goneAtMs - cancelledAtMs;
  };
  expect(await leastMs(measure, { belowMs: 100 })).toBeLessThan(100);
  expect(wire.methods()).toEqual(['server/discover', ...Array(calls).fill('tools/call')]);
});

test('cancel() of a request that waits for a socket never sends it', async () => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  await using wire = await startWire(
    modernAnswer(async (seen, response) => {
      await release;
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  await using opened = open(definitionFor(wire.url), { connections: 1 });
  await opened.upstream.connect(SIGNAL);
  const first = recorder();
  opened.upstream.forward(toolCall('modern'), first);
  const second = recorder();
  opened.upstream.forward(toolCall('modern', { method: 'prompts/get' }), second).cancel('gone');
  resolve();
  await first.outcome;
  const third = await run(opened.upstream, toolCall('modern'));
  expect(third.outcome.kind).toBe('whole');
  expect(second.endings).toBe(0);
  expect(wire.methods()).toEqual(['server/discover', 'tools/call', 'tools/call']);
});

test('cancel() while the upstream still connects sends nothing', async () => {
  await using wire = await startWire(modernAnswer(() => undefined));
  await using opened = open(definitionFor(wire.url));
  const sink = recorder();
  const handle = opened.upstream.forward(toolCall('modern'), sink);
  handle.pause();
  handle.resume();
  handle.cancel('gone');
  await opened.upstream.connect(SIGNAL);
  expect(wire.methods()).toEqual(['server/discover']);
  expect(sink.endings).toBe(0);
});

test.for(['modern', 'legacy'] as const)(
  'an image of 2 MiB passes as one event of a %s answer (S13)',
  async (era) => {
    const data = 'A'.repeat(Math.ceil((2 * 1_048_576 * 4) / 3));
    const respond: Answer = (seen, response) => {
      const content = [{ type: 'image', mimeType: 'image/png', data }];
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: { content } });
      response.end();
    };
    await using wire = await startWire(
      era === 'modern' ? modernAnswer(respond) : legacyAnswer(respond),
    );
    await using opened = open(definitionFor(wire.url));
    const { outcome } = await run(opened.upstream, toolCall('legacy'));
    expect(outcome.kind === 'result' && outcome.text.length).toBeGreaterThan(data.length);
  },
);

test('an error page without an end is cut short', async () => {
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      response.writeHead(500, { 'content-type': 'text/html' });
      response.write('x'.repeat(100_000));
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'HTTP_STATUS', httpStatus: 500 } });
});

test('many requests under a wrong remembered verdict find the right era together', async () => {
  const eraMemory = createEraMemory();
  await using wire = await startWire(modernAnswer(() => undefined));
  {
    await using first = open(definitionFor(wire.url), { eraMemory });
    await first.upstream.connect(SIGNAL);
  }
  wire.seen.length = 0;
  wire.answer = legacyAnswer((seen, response) => {
    if (seen.headers['mcp-session-id'] === undefined) response.writeHead(400).end();
    else json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
  });
  await using opened = open(definitionFor(wire.url), { eraMemory });
  const runs = await Promise.all(
    Array.from({ length: 8 }, async () => run(opened.upstream, toolCall('modern'))),
  );
  expect(runs.map(({ outcome }) => outcome.kind)).toEqual(Array(8).fill('result'));
  expect(wire.methods().filter((method) => method === 'server/discover')).toHaveLength(1);
  expect(wire.methods().filter((method) => method === 'initialize')).toHaveLength(1);
});
