import { expect, test } from 'vitest';
import { createEraMemory } from '../../src/upstream/streamable-http/era-memory.ts';
import { doubtsModern } from '../../src/upstream/http-modern/modern-http.ts';
import {
  CLIENT,
  DISCOVERED,
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
} from './http-fixture.ts';

const OWN_META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientInfo":{"name":"gateway","version":"9.9.9"},' +
  '"io.modelcontextprotocol/clientCapabilities":{}}';

test('connect() asks a modern server once and reports what it says of itself', async () => {
  await using wire = await startWire(modernAnswer(() => undefined));
  await using opened = open(definitionFor(wire.url));
  expect(opened.upstream.phase).toBe('connect');
  const info = await opened.upstream.connect(SIGNAL);
  expect(info).toEqual({
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: DISCOVERED.capabilities,
    serverInfo: { name: 'm', version: '1' },
    instructions: 'hello',
  });
  expect(opened.upstream.info).toBe(info);
  expect(opened.upstream.phase).toBe('ready');
  expect(wire.methods()).toEqual(['server/discover']);
  expect(wire.seen[0]?.body).toBe(
    `{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{${OWN_META}}}`,
  );
});

test('forward() sends exactly these headers and bytes for a modern client', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  const headers = { Authorization: 'Bearer t', 'X-Team': 'a b' };
  await using opened = open(definitionFor(`${wire.url}?k=1`, { headers }));
  await opened.upstream.connect(SIGNAL);
  const request = toolCall('modern', {
    name: 'écho',
    paramHeaders: { 'mcp-param-region': 'eu', 'x-other': 'never', 'mcp-param-bad': 'a\r\nb' },
  });
  const { outcome } = await run(opened.upstream, request);
  expect(outcome).toEqual({
    kind: 'whole',
    body: '{"jsonrpc":"2.0","id":"c-7","result":{}}',
    inPieces: false,
  });
  const seen = wire.seen[1];
  expect(seen?.url).toBe('/mcp?k=1');
  const { host } = new URL(wire.url);
  expect(seen?.rawHeaders).toEqual(
    [
      ['host', host],
      ['connection', 'keep-alive'],
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ['accept-encoding', 'identity'],
      ['authorization', 'Bearer t'],
      ['x-team', 'a b'],
      ['user-agent', `${CLIENT.name}/${CLIENT.version}`],
      ['mcp-protocol-version', '2026-07-28'],
      ['mcp-method', 'tools/call'],
      ['mcp-name', '=?base64?w6ljaG8=?='],
      ['mcp-param-region', 'eu'],
      ['content-length', String(Buffer.byteLength(seen?.body ?? ''))],
    ].flat(),
  );
  expect(seen?.body).toBe(
    '{"jsonrpc":"2.0","id":"c-7","method":"tools/call","params":{"name":"echo",' +
      '"arguments":{"message":"hi","n":1.0},"_meta":{' +
      '"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
      '"io.modelcontextprotocol/clientInfo":{"name":"c","version":"3"},' +
      '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}',
  );
});

test('forward() wraps a legacy client in an envelope of ours and hands the result over as text', async () => {
  const result = '{"content":[],"n":1.0,"big":9007199254740993}';
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, `{"result":${result},"jsonrpc":"2.0","id":${String(seen.message['id'])}}`);
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const meta = [{ key: 'progressToken', text: '"p"' }];
  const { outcome } = await run(opened.upstream, toolCall('legacy', { meta }));
  expect(outcome).toEqual({ kind: 'result', text: result, era: 'modern' });
  expect(wire.seen[1]?.body).toContain(`"_meta":{"progressToken":"p",${OWN_META.slice(9)}`);
  expect(wire.seen[1]?.message['id']).toBe(1);
});

test('request() returns the raw result and names what it asks for in Mcp-Name', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { a: 1 } });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const params = [
    { key: 'uri', text: '"file:///a"' },
    { key: '_meta', text: '{"traceparent":"00-1"}' },
  ];
  const options = { signal: SIGNAL, timeoutMs: 5_000 };
  expect(await opened.upstream.request('resources/read', params, options)).toBe('{"a":1}');
  expect(wire.seen[1]?.headers['mcp-name']).toBe('file:///a');
  expect(wire.seen[1]?.body).toContain('"_meta":{"traceparent":"00-1","io.model');
});

test('a remembered modern verdict costs no handshake', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  const eraMemory = createEraMemory();
  {
    await using first = open(definitionFor(wire.url), { eraMemory });
    await first.upstream.connect(SIGNAL);
  }
  await using second = open(definitionFor(wire.url), { eraMemory });
  const info = await second.upstream.connect(SIGNAL);
  expect(info.instructions).toBe('hello');
  await run(second.upstream, toolCall('modern'));
  expect(wire.methods()).toEqual(['server/discover', 'tools/call']);
});

test('a remembered modern verdict that proves wrong is dropped, and the request runs once on legacy', async () => {
  const remembered = await startWire(modernAnswer(() => undefined));
  const eraMemory = createEraMemory();
  {
    await using first = open(definitionFor(remembered.url), { eraMemory });
    await first.upstream.connect(SIGNAL);
  }
  await remembered[Symbol.asyncDispose]();
  const { port } = new URL(remembered.url);
  await using wire = await startWire(
    legacyAnswer((seen, response) => {
      if (seen.headers['mcp-session-id'] === undefined) {
        const error = { code: -32_000, message: 'Bad Request: Server not initialized' };
        json(response, { jsonrpc: '2.0', error, id: null }, 400);
      } else {
        json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { ok: 1 } });
      }
    }),
  );
  // The same address, now with another server behind it.
  await new Promise((resolve) => {
    wire.server.close(resolve);
  });
  await new Promise<void>((resolve) => {
    wire.server.listen(Number(port), '127.0.0.1', resolve);
  });
  await using opened = open(definitionFor(remembered.url), { eraMemory });
  const { outcome, sink } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toEqual({ kind: 'result', text: '{"ok":1}', era: 'legacy' });
  expect(sink.endings).toBe(1);
  expect(wire.methods()).toEqual([
    'tools/call',
    'server/discover',
    'initialize',
    'notifications/initialized',
    'tools/call',
  ]);
  expect(opened.upstream.info?.era).toBe('legacy');
});

test('an event stream gives notifications, then the result; requests of the server are not allowed', async () => {
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      sse(
        response,
        {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: 'é', progress: 1 },
        },
        { jsonrpc: '2.0', id: 5, method: 'sampling/createMessage', params: {} },
        { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
        { jsonrpc: '2.0', id: 'other', result: {} },
        { jsonrpc: '2.0', id: 'other', error: { code: 1, message: '' } },
        { jsonrpc: '2.0', id: 'c-7', result: { ok: true } },
        {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: 'é', progress: 2 },
        },
      );
      response.end();
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome, sink } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toEqual({ kind: 'result', text: '{"ok":true}', era: 'modern' });
  expect(sink.notifications).toEqual([
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"é","progress":1}}',
  ]);
  expect(opened.upstream.ignoredMessages).toBe(3);
  expect(opened.refused).toEqual(['unsupported']);
  expect(opened.notifications.map(({ method }) => method)).toEqual([
    'notifications/tools/list_changed',
  ]);
});

test.for([
  ['a JSON-RPC error of the server under 404 is its answer', 404, -32_601],
  ['-32602 under 400 is its answer', 400, -32_602],
  ['-32020 under 400 is its answer', 400, -32_020],
] as const)('%s', async ([, status, code]) => {
  const error = `{"code":${code},"message":"no","data":{"x":1.0}}`;
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      json(response, `{"jsonrpc":"2.0","error":${error},"id":"c-7"}`, status);
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const { outcome } = await run(opened.upstream, toolCall('modern'));
  expect(outcome).toEqual({ kind: 'error', text: error, era: 'modern' });
  expect(wire.methods()).toEqual(['server/discover', 'tools/call']);
});

test('other statuses fail with the code that says what to do', async () => {
  let status = 401;
  await using wire = await startWire(
    modernAnswer((_seen, response) => {
      response.writeHead(status, { 'retry-after': '2', 'content-type': 'text/plain' });
      response.end('secret');
    }),
  );
  await using opened = open(definitionFor(wire.url));
  const unauthorized = await run(opened.upstream, toolCall('modern'));
  expect(unauthorized.outcome).toMatchObject({
    kind: 'fail',
    error: {
      code: 'UNAUTHORIZED',
      httpStatus: 401,
      message: expect.stringContaining('Authorization'),
    },
  });
  status = 503;
  const busy = await run(opened.upstream, toolCall('modern'));
  expect(busy.outcome).toMatchObject({
    kind: 'fail',
    error: {
      code: 'HTTP_STATUS',
      httpStatus: 503,
      retryAfterMs: 2_000,
      phase: 'ready',
      unsent: false,
    },
  });
});

test.for([
  [400, -32_000, true, true],
  [400, undefined, true, true],
  [404, -32_601, false, true],
  [404, -32_601, true, false],
  [400, -32_022, true, true],
  [400, -32_602, false, false],
  [200, -32_601, false, true],
  [200, -32_000, false, false],
  [500, undefined, false, false],
] as const)('doubtsModern(%s, %s, proven %s) is %s', ([status, code, proven, doubts]) => {
  expect(doubtsModern(status, code, proven)).toBe(doubts);
});
