import { request, type ClientRequest } from 'node:http';
import {
  cpuMs,
  startUpstream,
  waitUntil,
  type HttpUpstream,
  type StdioUpstream,
} from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connector, connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send, sendModern } from './raw-client.ts';

let web: HttpUpstream;
let child: StdioUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  web = await startUpstream({ kind: 'modern-http' });
  child = await startUpstream({ kind: 'legacy-stdio' });
  gateway = await startGateway([connectorFor(web, 'web'), connectorFor(child, 'child')]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await web.close();
  await child.close();
});

const inFlight = (): number =>
  (gateway.service.status()['clients'] as { callsInFlight: number }).callsInFlight;

/** A modern call whose answer is never read. */
function callWithoutReading(name: string, args: unknown): ClientRequest {
  const outgoing = request(gateway.url(), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...modernHeaders('tools/call', name),
    },
  });
  outgoing.on('error', () => undefined); // our own hanging up
  outgoing.on('response', (response) => response.pause());
  outgoing.end(modernBody('tools/call', { name, arguments: args }, { progressToken: 1 }));
  return outgoing;
}

test('a key that is slow to fold, and millions of keys or levels, cost milliseconds (S3, S13)', async () => {
  const marks = `a${'\u0301\u0316'.repeat(300_000)}`;
  const many = Array.from({ length: 200_000 }, (_, index) => `"k${index}":0`).join(',');
  const bodies = [
    `{"jsonrpc":"2.0","id":1,"method":"ping","${marks}":1}`,
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":{${many}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(1_500_000)}${']'.repeat(1_500_000)}}`,
    '['.repeat(4_000_000),
  ];
  for (const body of bodies) {
    const tookMs = await cpuMs(async () => {
      const answer = await send(gateway.url(), { body });
      expect([answer.status, answer.json()]).toMatchObject([400, { error: { code: -32_600 } }]);
    });
    expect(tookMs).toBeLessThan(1_000);
  }
});

test('ids that cannot be told apart are refused, not changed', async () => {
  const body = '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}';
  expect((await send(gateway.url(), { body })).json()).toMatchObject({ error: { code: -32_600 } });
});

test('a session takes no revision that we do not speak', async () => {
  const session = await openSession(gateway.url());
  const headers = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2099-01-01' };
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const answer = await send(gateway.url(), { headers, body });
  expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('2099-01-01')]);
});

test('an id that is in use by another request of the session is refused', async () => {
  const session = await openSession(gateway.url());
  const slow = { name: 'web__slow', arguments: { ms: 60_000, steps: 1 } };
  const first = session.send('tools/call', slow, 7);
  await waitUntil(() => inFlight() === 1, { describe: 'the first call is on its way' });
  const second = await session.send('tools/call', slow, 7);
  expect([second.status, second.json()]).toMatchObject([400, { id: 7, error: { code: -32_600 } }]);
  await session.notify('notifications/cancelled', { requestId: 7 });
  await first;
  expect(inFlight()).toBe(0);
});

test('a client that reads nothing holds up neither memory nor others, and its hanging up ends the call', async () => {
  const outgoing = callWithoutReading('web__big', { bytes: 8_000_000 });
  await waitUntil(() => inFlight() === 1, { describe: 'the call is on its way' });
  const other = await sendModern(gateway.url(), 'tools/call', {
    name: 'web__echo',
    arguments: { message: 'still here' },
  });
  expect(other.json()).toMatchObject({ result: { content: [{ text: 'still here' }] } });
  expect(inFlight()).toBe(1);
  outgoing.destroy();
  await waitUntil(() => inFlight() === 0, { describe: 'the call is over' });
});

test('a list that is slow to be read is sent from shared bytes', async () => {
  const answer = await sendModern(gateway.url(), 'tools/list');
  expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
  expect(answer.json()).toMatchObject({ result: { resultType: 'complete' } });
});

test('a call that was cancelled while the first list was waited for never reaches its tool', async () => {
  await using late = await startUpstream({ kind: 'modern-http', latencyMs: 400 });
  await using fresh = await startGateway([connectorFor(late, 'late')]);
  const gone = request(fresh.url(), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...modernHeaders('tools/call', 'late__echo') },
  });
  gone.on('error', () => undefined); // our own hanging up
  gone.end(modernBody('tools/call', { name: 'late__echo', arguments: { message: 'x' } }));
  const session = await openSession(fresh.url());
  const pending = session.send(
    'tools/call',
    { name: 'late__echo', arguments: { message: 'x' } },
    5,
  );
  await session.notify('notifications/cancelled', { requestId: 5 });
  gone.destroy();
  expect((await pending).text).toBe('');
  await fresh.service.manager.sync();
  await fresh.service.settled();
  expect(late.counts.byMethod['tools/call']).toBeUndefined();
  const works = await sendModern(fresh.url(), 'tools/call', {
    name: 'late__echo',
    arguments: { message: 'y' },
  });
  expect(works.json()).toMatchObject({ result: { content: [{ text: 'y' }] } });
});

test('a gateway that is closed while it starts listens to nothing', async () => {
  const { createGateway } = await import('../../src/index.ts');
  const early = await createGateway({ mcpServers: {} });
  const starting = early.start();
  await Promise.all([early.close(), expect(starting).rejects.toThrow('closed')]);
});

test('createGateway() refuses to listen where other machines reach it, as nothing authenticates them', async () => {
  const { createGateway } = await import('../../src/index.ts');
  await using open = await createGateway({ mcpServers: {}, settings: { host: '0.0.0.0' } });
  await expect(open.start()).rejects.toMatchObject({ code: 'CONFIG_BAD_VALUE' });
});

test('a connector whose command is missing costs its own calls milliseconds, and names itself', async () => {
  await using alone = await startGateway([
    connector('gone', { kind: 'stdio', command: '/no/such', args: [], env: {}, cwd: undefined }),
  ]);
  await alone.service.manager.sync();
  const answer = await sendModern(alone.url(), 'tools/call', { name: 'gone__x' });
  expect(answer.json()).toMatchObject({
    error: { code: -32_010, data: { connector: 'gone', phase: 'spawn', code: 'SPAWN_FAILED' } },
  });
});
