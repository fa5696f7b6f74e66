import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { ELICIT, answers, asked, asking, caller, forward } from './asking-server.ts';
import {
  INITIALIZED,
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  open,
  sse,
  startWire,
  type Answer,
} from './http-fixture.ts';

/** A legacy server that answers `initialize` in its own way. */
function greeting(onInitialize: Answer): Answer {
  const usual = legacyAnswer(() => undefined);
  return (seen, response) =>
    seen.message['method'] === 'initialize' ? onInitialize(seen, response) : usual(seen, response);
}

const result =
  (value: unknown): Answer =>
  (seen, response) =>
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result: value });

const refused = (status: number): Answer => {
  return (_seen, response) => void response.writeHead(status).end();
};

test.for([
  ['no version', result({}), /version none/],
  ['a version of another kind', result({ protocolVersion: 7 }), /version 7/],
  ['a version we do not speak', result({ protocolVersion: '1999-01-01' }), /"1999-01-01"/],
  ['a result that is no object', result(['2025-11-25']), /not an object/],
  ['an acceptance', refused(202), /without answering it|was not answered/],
] as const)(
  'a handshake that is answered with %s fails with BAD_RESPONSE',
  async ([, answer, why]) => {
    await using wire = await startWire(greeting(answer));
    await using opened = open(definitionFor(wire.url, { era: 'legacy' }));
    await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      phase: 'handshake',
      message: expect.stringMatching(why),
    });
  },
);

test('an initialize that is answered with an error fails with it', async () => {
  await using wire = await startWire(
    greeting((seen, response) => {
      const error = { code: -32_602, message: 'no', data: { a: 1 } };
      json(response, { jsonrpc: '2.0', id: seen.message['id'], error });
    }),
  );
  await using opened = open(definitionFor(wire.url, { era: 'legacy' }));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: -32_602,
    rpcErrorText: '{"code":-32602,"message":"no","data":{"a":1}}',
  });
});

test('an initialize, or an initialized, that is refused fails with the status', async () => {
  await using first = await startWire(greeting(refused(503)));
  await using one = open(definitionFor(first.url, { era: 'legacy' }));
  await expect(one.upstream.connect(SIGNAL)).rejects.toMatchObject({ httpStatus: 503 });
  const usual = legacyAnswer(() => undefined);
  await using second = await startWire((seen, response) =>
    seen.message['method'] === 'notifications/initialized'
      ? refused(500)(seen, response)
      : usual(seen, response),
  );
  await using two = open(definitionFor(second.url, { era: 'legacy' }));
  await expect(two.upstream.connect(SIGNAL)).rejects.toMatchObject({
    httpStatus: 500,
    phase: 'handshake',
  });
});

test('a server that says nothing usable of itself is taken as it is', async () => {
  const { protocolVersion } = INITIALIZED;
  const odd = { protocolVersion, capabilities: [], serverInfo: 'me', instructions: 7 };
  await using wire = await startWire(greeting(result(odd)));
  await using opened = open(definitionFor(wire.url, { era: 'legacy' }));
  expect(await opened.upstream.connect(SIGNAL)).toEqual({
    era: 'legacy',
    protocolVersion,
    capabilities: {},
    serverInfo: undefined,
    instructions: undefined,
  });
});

test('an answer of a client that left and was not acknowledged is not sent again', async () => {
  await using wire = await startWire(
    asking(async (seen, response) => {
      sse(response, ELICIT);
      await waitUntil(() => answers(wire.seen).length > 0, { describe: 'the answer is here' });
      sse(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
      response.end();
    }),
  );
  const usual = wire.answer;
  wire.answer = (seen, response) =>
    answers([seen]).length > 0 ? void response.destroy() : usual(seen, response);
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'result' });
  expect(answers(wire.seen)).toHaveLength(1);
});

test('a server that is gone when its question is answered fails the call', async () => {
  const held: { end(): void }[] = [];
  const wire = await startWire(
    asking((_seen, response) => {
      sse(response, ELICIT);
      held.push(response);
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const sink = forward(opened, caller('a'));
  await asked(sink);
  // No new connection is taken, and the call's own goes on.
  wire.server.close();
  wire.server.closeIdleConnections();
  sink.requests[0]?.respond({ kind: 'result', text: '{}' });
  expect(await sink.outcome).toMatchObject({ kind: 'fail', error: { code: 'CONNECT_FAILED' } });
  for (const response of held) response.end();
  wire.server.closeAllConnections();
});

test('messages that nobody waits for are dropped beyond 64 at a time', async () => {
  let notices = 0;
  await using wire = await startWire(
    legacyAnswer((seen) => {
      if (seen.message['method'] === 'notifications/roots/list_changed') notices += 1;
    }),
  );
  await using opened = open(definitionFor(wire.url), { connections: 100 });
  await opened.upstream.connect(SIGNAL);
  const text = '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}';
  for (let count = 0; count < 80; count += 1) opened.upstream.notify?.(text);
  await waitUntil(() => notices >= 64, { describe: 'sixty-four have come' });
  await opened.upstream.close();
  expect(notices).toBe(64);
});
