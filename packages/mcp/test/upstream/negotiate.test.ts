import { expect, test } from 'vitest';
import { createEraMemory } from '../../src/upstream/streamable-http/era-memory.ts';
import { readRefusal } from '../../src/upstream/streamable-http/http-refusal.ts';
import type { PostOutcome } from '../../src/upstream/streamable-http/http-request.ts';
import { judgeDiscover } from '../../src/upstream/streamable-http/negotiate.ts';
import {
  DISCOVERED,
  INITIALIZED,
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  modernAnswer,
  open,
  run,
  sse,
  startWire,
  toolCall,
  type Answer,
} from './http-fixture.ts';

const WHERE = { connectorId: 'alpha', phase: 'handshake' } as const;
const refused = (status: number, error?: object): PostOutcome => ({
  kind: 'refused',
  refusal: readRefusal(
    status,
    {},
    error === undefined ? '' : JSON.stringify({ jsonrpc: '2.0', error, id: 0 }),
  ),
});
const result = (value: unknown): PostOutcome => ({
  kind: 'answer',
  answer: { kind: 'result', id: 0, text: JSON.stringify(value) },
  headers: {},
});
const rpcError = (code: number, data: unknown): PostOutcome => ({
  kind: 'answer',
  answer: { kind: 'error', id: 0, text: JSON.stringify({ code, data }), code, message: '' },
  headers: {},
});

test.for([
  ['a discover result', result(DISCOVERED), 'modern'],
  ['a bare discover result', result({ supportedVersions: ['2099-01-01', '2026-07-28'] }), 'modern'],
  ['a result of other versions', result({ supportedVersions: ['2099-01-01'] }), 'legacy'],
  ['a result that is no discover result', result({ tools: [] }), 'legacy'],
  ['a result that is no object', result(5), 'legacy'],
  ['an unknown method', rpcError(-32_601, undefined), 'legacy'],
  [
    'an unsupported version without a common one',
    rpcError(-32_022, { supported: ['2099-01-01'] }),
    'legacy',
  ],
  ['an unsupported version without a list', rpcError(-32_022, undefined), 'legacy'],
  [
    'an unsupported version that is listed',
    rpcError(-32_022, { supported: ['2026-07-28'] }),
    'contradictory',
  ],
  ['400 with an error', refused(400, { code: -32_000, message: 'no session' }), 'legacy'],
  ['400', refused(400), 'legacy'],
  ['404', refused(404), 'legacy'],
  ['405', refused(405), 'legacy'],
  ['406', refused(406), 'legacy'],
  ['415', refused(415), 'legacy'],
  ['401', refused(401), 'undecided'],
  ['403', refused(403, { code: -32_000, message: 'x' }), 'undecided'],
  ['429', refused(429), 'undecided'],
  ['302', refused(302), 'undecided'],
  ['500 with an error', refused(500, { code: -32_603, message: 'x' }), 'undecided'],
  ['202 and no answer', { kind: 'accepted', headers: {} }, 'undecided'],
] as [string, PostOutcome, string][])('judgeDiscover(): %s is %s', ([, outcome, kind]) => {
  expect(judgeDiscover(outcome, WHERE).kind).toBe(kind);
});

test.for([
  [401, 'UNAUTHORIZED'],
  [403, 'UNAUTHORIZED'],
  [500, 'HTTP_STATUS'],
  [503, 'HTTP_STATUS'],
] as const)(
  'connect() decides nothing on %i: the next attempt asks again',
  async ([status, code]) => {
    let broken = true;
    await using wire = await startWire((seen, response) => {
      if (broken) response.writeHead(status).end();
      else json(response, { jsonrpc: '2.0', id: seen.message['id'], result: DISCOVERED });
    });
    await using opened = open(definitionFor(wire.url));
    const failure = { code, httpStatus: status, phase: 'handshake' };
    await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject(failure);
    expect(opened.upstream.phase).toBe('handshake');
    broken = false;
    expect((await opened.upstream.connect(SIGNAL)).era).toBe('modern');
    expect(wire.methods()).toEqual(['server/discover', 'server/discover']);
  },
);

/** Refuses modern requests with a list that has their version, the first `refusals` times. */
function contradicting(refusals: number, otherwise: Answer): Answer {
  let left = refusals;
  return (seen, response) => {
    const isModern = seen.headers['mcp-method'] !== undefined;
    if (!isModern || left === 0) return otherwise(seen, response);
    left -= 1;
    const error = { code: -32_022, message: 'no', data: { supported: ['2026-07-28'] } };
    return json(response, { jsonrpc: '2.0', error, id: seen.message['id'] }, 400);
  };
}

test('a server that refuses a version it lists is asked again, at once', async () => {
  await using wire = await startWire(
    contradicting(
      1,
      modernAnswer(() => undefined),
    ),
  );
  await using opened = open(definitionFor(wire.url));
  expect((await opened.upstream.connect(SIGNAL)).era).toBe('modern');
  expect(wire.methods()).toEqual(['server/discover', 'server/discover']);
});

test('one that goes on so is greeted as an older one, when it may be one', async () => {
  await using wire = await startWire(
    contradicting(
      9,
      legacyAnswer(() => undefined),
    ),
  );
  await using opened = open(definitionFor(wire.url));
  expect((await opened.upstream.connect(SIGNAL)).era).toBe('legacy');
  await using pinned = open(definitionFor(wire.url, { era: 'modern' }));
  const failure = { code: 'BAD_RESPONSE', rpcCode: -32_022 };
  await expect(pinned.upstream.connect(SIGNAL)).rejects.toMatchObject(failure);
});

test('one that speaks no older revision either is told of by its contradiction', async () => {
  await using wire = await startWire(
    contradicting(9, (seen, response) => {
      const error = { code: -32_601, message: 'no initialize' };
      json(response, { jsonrpc: '2.0', error, id: seen.message['id'] });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'BAD_RESPONSE',
    message: 'the server rejects a protocol version that it says it supports',
  });
});

test('connect() reads handshakes that come as event streams', async () => {
  await using wire = await startWire((seen, response) => {
    const { id, method } = seen.message;
    if (method === 'server/discover') {
      response.writeHead(405).end();
    } else if (method === 'initialize') {
      sse(response, { jsonrpc: '2.0', method: 'notifications/message', params: {} });
      sse(response, { jsonrpc: '2.0', id, result: INITIALIZED });
      response.end();
    } else {
      response.writeHead(202).end();
    }
  });
  await using opened = open(definitionFor(wire.url));
  expect((await opened.upstream.connect(SIGNAL)).era).toBe('legacy');
});

test('a remembered legacy verdict skips discover, and one the server contradicts is asked anew once', async () => {
  const eraMemory = createEraMemory();
  await using wire = await startWire(legacyAnswer(() => undefined));
  {
    await using first = open(definitionFor(wire.url), { eraMemory });
    await first.upstream.connect(SIGNAL);
  }
  wire.seen.length = 0;
  {
    await using second = open(definitionFor(wire.url), { eraMemory });
    await second.upstream.connect(SIGNAL);
  }
  expect(wire.methods()).toEqual(['initialize', 'notifications/initialized', 'DELETE']);
  wire.seen.length = 0;
  wire.answer = modernAnswer((seen, response) => {
    const error = { code: -32_022, message: 'no', data: { supported: ['2026-07-28'] } };
    json(response, { jsonrpc: '2.0', error, id: seen.message['id'] }, 400);
  });
  await using third = open(definitionFor(wire.url), { eraMemory });
  expect((await third.upstream.connect(SIGNAL)).era).toBe('modern');
  expect(wire.methods()).toEqual(['initialize', 'server/discover']);
});

test('a pinned era is never asked for', async () => {
  await using legacy = await startWire(legacyAnswer(() => undefined));
  await using one = open(definitionFor(legacy.url, { era: 'legacy' }));
  await one.upstream.connect(SIGNAL);
  expect(legacy.methods()).toEqual(['initialize', 'notifications/initialized']);
  await using two = open(definitionFor(legacy.url, { era: 'modern' }));
  await expect(two.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'BAD_RESPONSE',
    message: 'the server does not speak the modern revision',
  });
});

test.for([
  ['an unknown version', { ...INITIALIZED, protocolVersion: '1999-01-01' }, {}, 'BAD_RESPONSE'],
  ['a modern version', { ...INITIALIZED, protocolVersion: '2026-07-28' }, {}, 'BAD_RESPONSE'],
  ['no object', 5, {}, 'BAD_RESPONSE'],
  ['an unusable session id', INITIALIZED, { 'mcp-session-id': 'a b' }, 'BAD_RESPONSE'],
] as const)('connect() refuses an initialize result with %s', async ([, value, headers, code]) => {
  await using wire = await startWire((seen, response) => {
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result: value }, 200, headers);
  });
  await using opened = open(definitionFor(wire.url, { era: 'legacy' }));
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({ code, phase: 'handshake' });
});

test('connect() reports an initialize that is rejected, accepted without an answer, or not completed', async () => {
  await using wire = await startWire((seen, response) => {
    const error = { code: -32_603, message: 'broken' };
    json(response, { jsonrpc: '2.0', error, id: seen.message['id'] });
  });
  await using opened = open(definitionFor(wire.url, { era: 'legacy' }));
  const { upstream } = opened;
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcCode: -32_603,
    rpcErrorText: '{"code":-32603,"message":"broken"}',
  });
  wire.answer = (_seen, response) => {
    response.writeHead(202).end();
  };
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
  wire.answer = legacyAnswer(() => undefined);
  const complete = wire.answer;
  wire.answer = (seen, response) => {
    if (seen.message['method'] === 'notifications/initialized') response.writeHead(500).end();
    else void complete(seen, response);
  };
  await expect(upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'HTTP_STATUS',
    httpStatus: 500,
  });
});

test('a server that changes to the modern revision while we run is found out by its refusals', async () => {
  await using wire = await startWire(legacyAnswer(() => undefined));
  await using opened = open(definitionFor(wire.url));
  await opened.upstream.connect(SIGNAL);
  wire.answer = modernAnswer((seen, response) => {
    if (seen.headers['mcp-method'] === undefined) {
      const error = { code: -32_022, message: 'no', data: { supported: ['2026-07-28'] } };
      json(response, { jsonrpc: '2.0', error, id: seen.message['id'] }, 400);
    } else {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }
  });
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome.kind).toBe('whole');
  expect(opened.upstream.info?.era).toBe('modern');
});

test('a remembered modern server that answers -32601 under 200 is asked anew, once', async () => {
  const eraMemory = createEraMemory();
  await using wire = await startWire(modernAnswer(() => undefined));
  {
    await using first = open(definitionFor(wire.url), { eraMemory });
    await first.upstream.connect(SIGNAL);
  }
  wire.seen.length = 0;
  const answer = modernAnswer((seen, response) => {
    const error = { code: -32_601, message: 'no such method' };
    json(response, { jsonrpc: '2.0', error, id: seen.message['id'] });
  });
  wire.answer = answer;
  await using opened = open(definitionFor(wire.url), { eraMemory });
  const { outcome, sink } = await run(opened.upstream, toolCall('legacy'));
  expect(outcome).toMatchObject({ kind: 'error', era: 'modern' });
  expect(sink.endings).toBe(1);
  expect(wire.methods()).toEqual(['tools/call', 'server/discover', 'tools/call']);
  // Confirmed by the server itself: the same answer is now believed.
  await run(opened.upstream, toolCall('legacy'));
  expect(wire.methods()).toHaveLength(4);
});
