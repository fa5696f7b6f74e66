import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { HOLD_BYTES } from '../../src/upstream/http-modern/modern-pass-through.ts';
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
  let isSlow = true;
  sink.onChunk = () => {
    if (isSlow) handle.pause();
    slow.resolve();
    return !isSlow;
  };
  const handle = opened.upstream.forward(toolCall('modern'), sink);
  await slow.promise;
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  expect(sink.opened).toBe(true);
  // What was held, and no piece after that.
  expect(Buffer.concat(sink.chunks).length).toBeLessThan(HOLD_BYTES + 2 * 65_536);
  isSlow = false;
  handle.resume();
  expect(await sink.outcome).toEqual({ kind: 'end' });
  const body = JSON.parse(Buffer.concat(sink.chunks).toString('utf8')) as { id: string };
  expect(body.id).toBe('c-7');
});

/** Sends a text in two pieces, the second one after the first has left. */
function inTwo(response: ServerResponse, text: string, cut: number): void {
  const length = Buffer.byteLength(text);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  response.write(text.slice(0, cut), () => {
    setImmediate(() => response.end(text.slice(cut)));
  });
}

test.each([
  ['a result of 100 KB', { result: { text: 'x'.repeat(102_400) } }, true],
  ['an error of 100 KB', { error: { code: -32_000, message: 'x'.repeat(102_400) } }, false],
  ['a small result', { result: { text: 'x' } }, false],
])(
  '%s that comes in pieces is put together only where that is asked for',
  async (_what, answer, inPieces) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 'c-7', ...answer });
    await using wire = await startWire(
      modernAnswer((_seen, response) => inTwo(response, text, 40)),
    );
    await using opened = open(definitionFor(wire.url));
    const { outcome, sink } = await run(opened.upstream, toolCall('modern'));
    expect(outcome).toEqual({ kind: 'whole', body: text, inPieces });
    expect(sink.endings).toBe(1);
  },
);

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
