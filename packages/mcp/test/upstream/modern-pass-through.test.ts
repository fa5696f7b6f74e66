import { expect, test } from 'vitest';
import {
  definitionFor,
  json,
  modernAnswer,
  open,
  recorder,
  run,
  SIGNAL,
  startWire,
  toolCall,
} from './http-fixture.ts';

test('an answer above 256 KiB is streamed, and stops while the client is slow (T6)', async () => {
  const text = 'x'.repeat(3_000_000);
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { result: { text }, jsonrpc: '2.0', id: seen.message['id'] });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL);
  const sink = recorder();
  const slow = Promise.withResolvers<void>();
  sink.onChunk = () => {
    if (sink.chunks.length !== 1) return true;
    handle.pause();
    slow.resolve();
    return false;
  };
  const handle = opened.upstream.forward(toolCall('modern'), sink);
  await slow.promise;
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  expect(sink.opened).toBe(true);
  expect(sink.chunks.length).toBe(1);
  handle.resume();
  expect(await sink.outcome).toEqual({ kind: 'end' });
  const body = JSON.parse(Buffer.concat(sink.chunks).toString('utf8')) as { id: string };
  expect(body.id).toBe('c-7');
});

test('an answer above 10 MiB is cut off (S13)', async () => {
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const block = Buffer.alloc(1_048_576, 'x');
      response.write('{"jsonrpc":"2.0","id":"c-7","result":{"text":"');
      const more = (): void => {
        while (!response.destroyed && response.write(block));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  for (const era of ['modern', 'legacy'] as const) {
    const { outcome, sink } = await run(opened.upstream, toolCall(era));
    expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'TOO_LARGE' } });
    expect(sink.opened).toBe(era === 'modern');
  }
});

test('a compressed answer is refused, as identity was asked for (S13)', async () => {
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      json(response, '{}', 200, { 'content-encoding': 'gzip' });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'BAD_RESPONSE' } });
});

test('an answer with the id of another request never reaches a modern client', async () => {
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      json(response, '{"id":"c-7","result":{},"id":"c-8","jsonrpc":"2.0"}');
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'BAD_RESPONSE' } });
});

test('pause() before anything was sent holds the answer back until resume()', async () => {
  const answered = Promise.withResolvers<void>();
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, {
        jsonrpc: '2.0',
        id: seen.message['id'],
        result: { text: 'x'.repeat(3_000_000) },
      });
      answered.resolve();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = recorder();
  const handle = opened.upstream.forward(toolCall('modern'), sink);
  handle.pause();
  await answered.promise;
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  expect(sink.opened).toBe(false);
  handle.resume();
  expect(await sink.outcome).toEqual({ kind: 'end' });
});
