import { leastMs } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { isSessionLost } from '../../src/upstream/http-legacy/legacy-http.ts';
import {
  type Answer,
  definitionFor,
  json,
  legacyAnswer,
  open,
  recorder,
  run,
  SIGNAL,
  startWire,
  toolCall,
} from './http-fixture.ts';

const echoId: Answer = (seen, response) => {
  json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { ok: 1 } });
};

test('a lost session is opened anew once for all, and each rejected request runs once more', async () => {
  let valid = 's1';
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      if (seen.headers['mcp-session-id'] !== valid) {
        json(
          response,
          { jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null },
          404,
        );
      } else {
        void echoId(seen, response);
      }
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL);
  valid = 's2';
  const runs = await Promise.all(
    Array.from({ length: 10 }, async () => run(opened.upstream, toolCall('legacy'))),
  );
  for (const { outcome, sink } of runs) {
    expect(outcome).toEqual({ kind: 'result', text: '{"ok":1}', era: 'legacy' });
    expect(sink.endings).toBe(1);
  }
  const count = (method: string): number => wire.methods().filter((one) => one === method).length;
  expect(count('initialize')).toBe(2);
  expect(count('tools/call')).toBe(20);
  const ids = wire.seen.filter(({ message }) => message['method'] === 'tools/call');
  expect(new Set(ids.map(({ message }) => message['id'])).size).toBeGreaterThanOrEqual(10);
  expect(opened.losses.map(({ code }) => code)).toEqual(['SESSION_LOST']);
});

test('sessions that are lost again and again are opened at a floor, and the request fails', async () => {
  await using wire = await startWire(
    legacyAnswer((_seen, response) => {
      response.writeHead(404).end();
    }),
  );
  await using opened = open(definitionFor(wire.url), { random: () => 0.5 });
  await opened.upstream.connect(SIGNAL);
  const first = await run(opened.upstream, toolCall('legacy'));
  expect(first.outcome).toMatchObject({
    kind: 'fail',
    error: { code: 'SESSION_LOST', httpStatus: 404, unsent: true },
  });
  const startedAtMs = performance.now();
  await run(opened.upstream, toolCall('legacy'));
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(370);
  const opens = wire.methods().filter((method) => method === 'initialize');
  expect(opens.length).toBe(3);
});

test('close() ends the session, fails what is under way, and is final', async () => {
  const arrived = Promise.withResolvers<void>();
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      if (seen.method === 'DELETE') response.writeHead(200).end();
      else arrived.resolve();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = recorder();
  opened.upstream.forward(toolCall('legacy'), sink);
  await arrived.promise;
  await Promise.all([opened.upstream.close(), opened.upstream.close()]);
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { code: 'CLOSED' } });
  const ends = wire.seen.filter(({ method }) => method === 'DELETE');
  expect(ends.map(({ headers }) => headers['mcp-session-id'])).toEqual(['s1']);
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'CLOSED' });
  const late = await run(opened.upstream, toolCall('legacy'));
  expect(late.outcome).toMatchObject({ kind: 'fail', error: { code: 'CLOSED' } });
});

test('close() waits at most a second for a server that does not answer', async () => {
  await using wire = await startWire(legacyAnswer(() => undefined));
  const measure = async (): Promise<number> => {
    await using opened = open(definitionFor(wire.url));
    await opened.upstream.connect(SIGNAL);
    const startedAtMs = performance.now();
    await opened.upstream.close();
    return performance.now() - startedAtMs;
  };
  expect(await leastMs(measure, { belowMs: 1_500 })).toBeLessThan(1_500);
});

const rpc = (code: number, message: string): { code: number; message: string; text: string } => ({
  code,
  message,
  text: '',
});
test.for([
  ['404 with a session', 404, undefined, '', true, true],
  ['404 without a session', 404, undefined, '', false, false],
  ['404 of an unknown method', 404, rpc(-32_601, 'no'), '', true, false],
  [
    '400 of server-everything',
    400,
    rpc(-32_000, 'Bad Request: No valid session ID provided'),
    '',
    true,
    true,
  ],
  [
    '400 of a restarted SDK server',
    400,
    rpc(-32_000, 'Bad Request: Server not initialized'),
    '',
    false,
    true,
  ],
  ['400 in plain text', 400, undefined, 'Invalid session', true, true],
  ['400 about the request', 400, rpc(-32_602, 'bad arguments'), 'session', true, false],
  ['a version that is gone', 400, rpc(-32_022, 'unsupported'), '', true, true],
  ['500', 500, undefined, 'session', true, false],
] as const)('isSessionLost(): %s', ([, status, error, body, hasId, lost]) => {
  expect(isSessionLost(status, error, body, hasId)).toBe(lost);
});

test('sessions lost now and then, with answers between, are opened anew without a pause', async () => {
  let valid = 's1';
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      if (seen.headers['mcp-session-id'] === valid) void echoId(seen, response);
      else response.writeHead(404).end();
    }),
  );
  // A pause would last half an hour.
  await using opened = open(definitionFor(wire.url), { random: () => 7_200 });
  for (const session of ['s1', 's2', 's3', 's4']) {
    valid = session;
    const { outcome } = await run(opened.upstream, toolCall('legacy'));
    expect(outcome.kind).toBe('result');
  }
  expect(opened.losses).toHaveLength(3);
});
