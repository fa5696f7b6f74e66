import { expect, test } from 'vitest';
import { definitionFor, open, recorder, startWire, toolCall } from './http-fixture.ts';
import { data, events, resumable, retryAfterOne } from './legacy-resume-fixture.ts';

test('a stream that breaks off fails the call at once, although events had ids, and nobody is suspended', async () => {
  await using wire = await startWire(
    resumable(
      (_seen, response) => {
        events(response, 'id: e1\ndata:');
        response.write(':\n\n', () => response.destroy());
      },
      () => undefined,
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const told: number[] = [];
  const sink = Object.assign(recorder(), { suspended: (ms: number) => void told.push(ms) });
  opened.upstream.forward(toolCall('legacy'), sink);
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT' } });
  expect(wire.methods()).not.toContain('GET');
  expect(told).toEqual([]);
});

test('a server that is gone when it is to be polled fails the call at the first try', async () => {
  const wire = await startWire(resumable(retryAfterOne, () => undefined));
  await using opened = open(definitionFor(wire.url));
  const gone = Promise.withResolvers<void>();
  const sink = Object.assign(recorder(), {
    suspended: () => {
      gone.resolve();
    },
  });
  opened.upstream.forward(toolCall('legacy'), sink);
  await gone.promise;
  await wire[Symbol.asyncDispose]();
  expect(await sink.outcome).toMatchObject({
    kind: 'fail',
    error: {
      code: 'STREAM_CUT',
      message: expect.stringMatching(
        /ended before the answer, and could not be taken up again: .*refused the connection/,
      ),
    },
  });
});

test('a client is suspended once, however often its server ends the stream', async () => {
  let id: unknown;
  let turn = 0;
  await using wire = await startWire(
    resumable(
      (seen, response) => {
        id = seen.message['id'];
        void retryAfterOne(seen, response);
      },
      (_seen, response) => {
        turn += 1;
        if (turn === 1) events(response);
        else if (turn === 2) events(response, 'id: e2\ndata:');
        else events(response, `id: e3\n${data({ id, result: {} })}`);
        response.end();
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const told: number[] = [];
  const sink = Object.assign(recorder(), { suspended: (ms: number) => void told.push(ms) });
  opened.upstream.forward(toolCall('legacy'), sink);
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
  expect(turn).toBe(3);
  expect(told).toHaveLength(1);
});
