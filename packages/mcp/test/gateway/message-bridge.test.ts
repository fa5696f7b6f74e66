import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { INITIALIZE, INITIALIZED, modern, request } from '../e2e/stdio-fixture.ts';
import { json, open, openSession, result, startService, type Got } from './bridge-fixture.ts';

test('a legacy session: messages keep their order, carry the session, and DELETE ends it', async () => {
  const service = startService();
  const rig = open([service]);
  rig.write(INITIALIZE, INITIALIZED, request(1, 'tools/list'));
  await rig.answerTo(1);
  const posts = service.got.filter(({ verb }) => verb === 'POST');
  expect(posts.map(({ message }) => message?.['method'])).toEqual([
    'initialize',
    'notifications/initialized',
    'tools/list',
  ]);
  expect(posts.map(({ headers }) => headers['mcp-session-id'])).toEqual([undefined, 's1', 's1']);
  expect(posts[2]?.headers['mcp-protocol-version']).toBe('2025-11-25');
  await rig.bridge.close();
  await rig.bridge.close();
  expect(service.methods().at(-1)).toBe('DELETE');
  rig.write(request(2, 'ping'));
  expect(rig.sent).toHaveLength(2);
  await service.target.close();
});

test('what the stream says reaches the client; its answers to the service carry the session', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  service.streams[0]?.write('id: 7\ndata: {"jsonrpc":"2.0","id":9,"method":"roots/list"}\n\n');
  await waitUntil(() => rig.sent.length === 2, { describe: 'the question is there' });
  rig.write({ jsonrpc: '2.0', id: 9, result: { roots: [] } });
  await waitUntil(() => service.methods().includes('response'), { describe: 'and its answer' });
  expect(service.got.at(-1)?.headers['mcp-session-id']).toBe('s1');
  service.streams[0]?.end();
  await waitUntil(() => service.streams.length === 2, { describe: 'it is opened again' });
  const gets = service.got.filter(({ verb }) => verb === 'GET');
  expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '7']);
});

test('a session that the service has forgotten is opened anew, unseen but for list_changed', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  rig.write(
    request(1, 'resources/subscribe', { uri: 'a://1' }),
    request(2, 'resources/subscribe', { uri: 'a://2' }),
    request(3, 'logging/setLevel', { level: 'debug' }),
  );
  await Promise.all([1, 2, 3].map(async (id) => await rig.answerTo(id)));
  rig.write(request(4, 'resources/unsubscribe', { uri: 'a://1' }));
  await rig.answerTo(4);
  const before = service.got.length;
  service.answer = (got, response) => {
    const known = got.headers['mcp-session-id'] !== 's1';
    if (known) json(response, result(got, { session: got.headers['mcp-session-id'] }));
    else json(response, { id: null, error: { code: -32_600, message: 'Session not found' } }, 404);
  };
  rig.write(request(5, 'tools/call', { name: 'x' }), request(6, 'tools/call', { name: 'y' }));
  expect(await rig.answerTo(5)).toMatchObject({ result: { session: 's2' } });
  expect(await rig.answerTo(6)).toMatchObject({ result: { session: 's2' } });
  const again = service.got.slice(before).map(({ message }) => message);
  expect(again.filter((one) => one?.['method'] === 'initialize')).toHaveLength(1);
  expect(again.filter((one) => one?.['method'] === 'resources/subscribe')).toMatchObject([
    { params: { uri: 'a://2' } },
  ]);
  expect(again.filter((one) => one?.['method'] === 'logging/setLevel')).toHaveLength(1);
  const told = rig.sent.filter((one) => 'method' in one).map((one) => one['method']);
  expect(told).toEqual(['notifications/tools/list_changed']);
  expect(rig.sent.filter(({ id }) => id === 'init')).toHaveLength(1);
});

test('a stream that answers 404 is noticed without a request of the client', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  service.forgetStream = true;
  service.streams[0]?.end();
  await waitUntil(() => rig.sent.some((one) => 'method' in one), { describe: 'it is told' });
  expect(service.methods().filter((method) => method === 'initialize')).toHaveLength(2);
});

test('sessionEnded() is told instead, when the client is to open the next session itself', async () => {
  const service = startService();
  let ended = 0;
  await using rig = await openSession([service], {
    sessionEnded: () => {
      ended += 1;
    },
  });
  service.answer = (_got, response) => response.writeHead(404).end();
  rig.write(request(1, 'tools/list'));
  expect(await rig.answerTo(1)).toMatchObject({ error: { data: { code: 'HTTP_STATUS' } } });
  expect(ended).toBe(1);
  rig.write(request(2, 'tools/list'));
  expect(await rig.answerTo(2)).toMatchObject({ error: { data: { code: 'UNAVAILABLE' } } });
});

test('when the way leads nowhere another is asked for, once for all requests', async () => {
  const gone = startService('a');
  const next = startService('b');
  await using rig = await openSession([gone, next]);
  await gone.target.close();
  rig.write(request(1, 'tools/call', { name: 'x' }), modern(2, 'tools/list'));
  expect(await rig.answerTo(1)).toHaveProperty('result');
  expect(await rig.answerTo(2)).toHaveProperty('result');
  expect(rig.lost).toEqual([undefined, gone.target]);
  expect(next.methods().filter((method) => method === 'initialize')).toHaveLength(1);
});

test('without any service every request is told why, and the next one asks again', async () => {
  await using rig = open([]);
  rig.write(INITIALIZE, modern(1, 'tools/list'));
  const error = { code: -32_603, message: 'cortex-mcp: there is no service' };
  expect(await rig.answerTo('init')).toMatchObject({ error });
  expect(await rig.answerTo(1)).toMatchObject({ error });
  rig.write(modern(2, 'tools/list'));
  expect(await rig.answerTo(2)).toMatchObject({ error });
  expect(rig.lost.length).toBeGreaterThan(1);
});

test('a cut answer fails a call at once, and repeats a list', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  let cuts = 0;
  service.answer = (got, response) => {
    cuts += 1;
    if (cuts <= 2) response.destroy();
    else json(response, result(got));
  };
  rig.write(request(1, 'tools/call', { name: 'x' }));
  expect(await rig.answerTo(1)).toMatchObject({ error: { data: { code: 'STREAM_CUT' } } });
  rig.write(request(2, 'tools/list'));
  expect(await rig.answerTo(2)).toHaveProperty('result');
  expect(cuts).toBe(3);
});

test('an answer’s stream that is cut on purpose is taken up by GET (2025-11-25, polling)', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  let call: Got | undefined;
  service.answer = (got, response) => {
    call = got;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end('id: e1\nretry: 1\ndata:\n\n');
  };
  service.onResume = (got, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const answer = JSON.stringify({ jsonrpc: '2.0', id: call?.message?.['id'], result: {} });
    response.end(`id: e2\ndata: ${answer}\n\n`);
    expect(got.headers['mcp-session-id']).toBe('s1');
  };
  rig.write(request(1, 'tools/call', { name: 'x' }));
  expect(await rig.answerTo(1)).toHaveProperty('result');
});

test('batches go to the session as they are, and so do their answers', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  rig.write(JSON.stringify([request(1, 'ping'), request(2, 'ping')]));
  await waitUntil(() => service.got.some(({ message }) => Array.isArray(message)), {
    describe: 'the batch is there',
  });
  expect(service.got.at(-1)).toMatchObject({ headers: { 'mcp-session-id': 's1' } });
});

test.each([
  ['{nope', -32_700, null],
  ['{"jsonrpc":"2.0","id":4,"method":"a","Method":"b"}', -32_600, 4],
])('%s is answered here and touches no service', async (text, code, id) => {
  const service = startService();
  await using rig = open([service]);
  rig.write(text);
  expect(rig.sent).toMatchObject([{ id, error: { code } }]);
  expect(service.got).toEqual([]);
});

test('a refusal under another id, or without a message, is answered under the request’s own', async () => {
  const service = startService();
  await using rig = open([service]);
  const error = { code: -32_600, message: 'odd' };
  service.answer = (got, response) => {
    if (got.message?.['id'] === 1) json(response, { id: null, error }, 400);
    else response.writeHead(503).end('busy');
  };
  rig.write(modern(1, 'tools/list'), modern(2, 'tools/list'));
  expect(await rig.answerTo(1)).toMatchObject({ error });
  expect(await rig.answerTo(2)).toMatchObject({ error: { data: { code: 'HTTP_STATUS' } } });
});

test('requests of one client are bounded in number', async () => {
  const service = startService();
  await using rig = open([service]);
  service.answer = () => undefined;
  for (let id = 0; id < 1_000; id += 1) rig.write(modern(id, 'tools/call', { name: 'x' }));
  rig.write(modern('one too many', 'tools/list'));
  expect(await rig.answerTo('one too many')).toMatchObject({
    error: { data: { code: 'TOO_MANY_REQUESTS' } },
  });
});
