import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { ELICIT, answers, asked, caller, forward } from './asking-server.ts';
import { definitionFor, json, open, recorder, run, startWire, toolCall } from './http-fixture.ts';
import {
  cutAfterOne,
  data,
  events,
  lastEventId,
  resumable,
  retryAfterOne,
} from './legacy-resume-fixture.ts';
import { QUICK, legacyServer, listTools } from './notification-stream-fixture.ts';

const progress = (token: unknown, step: number): string =>
  data({ method: 'notifications/progress', params: { progressToken: token, progress: step } });
const META = [{ key: 'progressToken', text: '"t"' }];

test('an answer that is cut after an event is taken up again by Last-Event-ID, as often as it is cut', async () => {
  let id: unknown;
  await using wire = await startWire(
    resumable(
      (seen, response) => {
        id = seen.message['id'];
        events(response, 'id: e1\nretry: 1\ndata:', `id: e2\n${progress(id, 1)}`);
        response.end();
      },
      (seen, response) => {
        if (lastEventId(seen) === 'e2') {
          events(response, `id: e3\n${progress(id, 2)}`);
          response.write(':\n\n', () => response.destroy());
        } else {
          events(response, `id: e4\n${data({ id, result: { done: 1 } })}`);
          response.end();
        }
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome, sink } = await run(opened.upstream, toolCall('legacy', { meta: META }));
  expect(outcome).toEqual({ kind: 'result', text: '{"done":1}', era: 'legacy' });
  expect(sink.notifications.map((text) => text.includes('"progressToken":"t"'))).toEqual([
    true,
    true,
  ]);
  expect(sink.endings).toBe(1);
  const resumes = wire.seen.filter((seen) => lastEventId(seen) !== undefined);
  expect(resumes.map((seen) => [lastEventId(seen), seen.headers['mcp-session-id']])).toEqual([
    ['e2', 's1'],
    ['e3', 's1'],
  ]);
  expect(resumes[0]?.headers.accept).toBe('text/event-stream');
  expect(wire.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
});

test('the wait before a resume is the server’s retry, never below the floor, and the sink is told', async () => {
  const cutAtMs: number[] = [];
  const resumedAtMs: number[] = [];
  let id: unknown;
  await using wire = await startWire(
    resumable(
      (seen, response) => {
        id = seen.message['id'];
        events(response, 'id: e1\nretry: 400\ndata:');
        response.end();
        cutAtMs.push(performance.now());
      },
      (_seen, response) => {
        resumedAtMs.push(performance.now());
        events(response, `id: e2\n${data({ id, result: {} })}`);
        response.end();
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const told: number[] = [];
  const sink = Object.assign(recorder(), { suspended: (ms: number) => void told.push(ms) });
  opened.upstream.forward(toolCall('legacy'), sink);
  await sink.outcome;
  const [waitedMs] = resumedAtMs.map((ms, index) => ms - (cutAtMs[index] ?? 0));
  expect(waitedMs).toBeGreaterThanOrEqual(390);
  expect(waitedMs).toBeLessThan(2_000);
  expect(told).toEqual([400]);
});

test('without an event id a cut answer fails at once, and nothing is asked for', async () => {
  await using wire = await startWire(
    resumable(
      (_seen, response) => {
        events(response, 'data:', 'id:\ndata:', progress('t', 1));
        response.end();
      },
      () => undefined,
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT' } });
  expect(wire.methods()).not.toContain('GET');
});

test.for([
  ['405', 405],
  ['404 of a lost session', 404],
])('a server that answers a resume with %s fails the call at once', async ([, status]) => {
  await using wire = await startWire(
    resumable(cutAfterOne, (_seen, response) => void response.writeHead(Number(status)).end()),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT', unsent: false } });
  // It was executed: never sent again.
  expect(wire.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
  expect(wire.seen.filter((seen) => lastEventId(seen) !== undefined)).toHaveLength(1);
});

test.for([
  ['ends without an event', cutAfterOne, (to: ServerResponse) => (events(to), to.end()), 3],
  ['is accepted without one', cutAfterOne, (to: ServerResponse) => to.writeHead(202).end(), 3],
  ['says 503', cutAfterOne, (to: ServerResponse) => to.writeHead(503).end(), 3],
  ['breaks off, retry having been sent,', retryAfterOne, (to: ServerResponse) => to.destroy(), 3],
  ['breaks off, retry not having been sent,', cutAfterOne, (to: ServerResponse) => to.destroy(), 1],
] as const)(
  'a resume that %s is tried as often as it may bring something',
  async ([, onCall, how, times]) => {
    await using wire = await startWire(
      resumable(onCall, (_seen, response) => {
        how(response);
      }),
    );
    await using opened = open(definitionFor(wire.url));
    const { outcome } = await run(opened.upstream, toolCall('legacy'));
    expect(outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT' } });
    expect(wire.seen.filter((seen) => lastEventId(seen) === 'e1')).toHaveLength(times);
  },
);

test('cancel() while an answer is being waited for ends the wait and tells the server', async () => {
  const resumed: (string | undefined)[] = [];
  await using wire = await startWire(
    resumable(
      (seen, response) => {
        events(response, `id: of-${String(seen.message['id'])}\nretry: 300\ndata:`);
        response.end();
      },
      (seen, response) => {
        resumed.push(lastEventId(seen));
        events(response, `id: e2\n${data({ id: 2, result: {} })}`);
        response.end();
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const told = Promise.withResolvers<void>();
  const sink = Object.assign(recorder(), { suspended: () => told.resolve() });
  const handle = opened.upstream.forward(toolCall('legacy'), sink);
  await told.promise;
  handle.cancel('gone');
  // Taken up after the one that was given up would have been.
  const { outcome } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome.kind).toBe('result');
  expect(resumed).toEqual(['of-2']);
  expect(wire.methods()).toContain('notifications/cancelled');
  expect(sink.endings).toBe(0);
});

test('what the server asks on a resumed stream belongs to the same call', async () => {
  let id: unknown;
  await using wire = await startWire(
    resumable(
      (seen, response) => {
        id = seen.message['id'];
        void cutAfterOne(seen, response);
      },
      async (_seen, response) => {
        events(response, `id: e2\ndata: ${JSON.stringify(ELICIT)}`);
        await waitUntil(() => answers(wire.seen).length > 0, { describe: 'the answer is here' });
        events(response, `id: e3\n${data({ id, result: {} })}`);
        response.end();
      },
    ),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
});

test('the GET stream is opened again with the last event id, and without one the server has forgotten', async () => {
  const ids: (string | undefined)[] = [];
  await using wire = await startWire(
    legacyServer((seen, response) => {
      ids.push(lastEventId(seen));
      if (ids.length === 2) {
        json(response, { error: 'unknown event' }, 409);
        return;
      }
      events(response, `id: g${ids.length}\ndata:`);
      if (ids.length < 4) response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url), { streamPolicy: QUICK });
  await listTools(opened);
  await waitUntil(() => ids.length === 4, { describe: 'the stream is opened four times' });
  expect(ids).toEqual([undefined, 'g1', undefined, 'g3']);
});
