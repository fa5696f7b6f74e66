import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, send, type RawAnswer } from '../gateway/raw-client.ts';
import { startAskingServer, type AskingServer } from './asking-server.ts';
import { connector, connectorFor, startGateway, type TestGateway } from './gateway-fixture.ts';

let modern: HttpUpstream;
let asking: AskingServer;
let gateway: TestGateway;

beforeAll(async () => {
  modern = await startUpstream({ kind: 'modern-http' });
  asking = await startAskingServer();
  gateway = await startGateway([
    connectorFor(modern, 'm'),
    connector('asking', { kind: 'http', url: asking.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await asking[Symbol.asyncDispose]();
  await modern.close();
});

async function batch(
  messages: readonly unknown[] | string,
  version = '2025-03-26',
  more: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const { id } = await openSession(gateway.url(), version);
  const body =
    typeof messages === 'string'
      ? messages
      : JSON.stringify(messages.map((message) => ({ jsonrpc: '2.0', ...Object(message) })));
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': version, ...more };
  return await send(gateway.url(), { headers, body });
}

const echo = (id: number, message: string): object => ({
  id,
  method: 'tools/call',
  params: { name: 'm__echo', arguments: { message } },
});
const byId = (answers: unknown): Map<unknown, object> =>
  new Map((answers as { id: unknown }[]).map((answer) => [answer.id, answer]));

test('an array is answered with an array: calls, lists, pings and errors (2025-03-26, batching)', async () => {
  const answer = await batch([
    echo(1, 'one'),
    { id: 2, method: 'ping' },
    { method: 'notifications/initialized' },
    { id: 3, method: 'tools/list' },
    { id: 4, method: 'no/such' },
    echo(5, 'five'),
  ]);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
  const answers = byId(answer.json());
  expect(answers.size).toBe(5);
  expect(answers.get(1)).toMatchObject({ result: { content: [{ text: 'one' }] } });
  expect(answers.get(2)).toMatchObject({ result: {} });
  expect(answers.get(3)).toMatchObject({ result: { tools: expect.any(Array) as unknown } });
  expect(answers.get(4)).toMatchObject({ error: { code: -32_601 } });
  expect(answers.get(5)).toMatchObject({ result: { content: [{ text: 'five' }] } });
});

test('progress turns the answers of a batch into one stream', async () => {
  const slow = {
    id: 2,
    method: 'tools/call',
    params: { name: 'm__slow', arguments: { ms: 30, steps: 3 }, _meta: { progressToken: 'p' } },
  };
  const answer = await batch([echo(1, 'quick'), slow, echo(3, 'quick')]);
  expect(answer.headers['content-type']).toBe('text/event-stream');
  const events = [...answer.text.matchAll(/data: (.+)/g)].map(
    ([, data = '']) => JSON.parse(data) as { id?: number; method?: string },
  );
  expect(events.filter(({ method }) => method === 'notifications/progress')).toHaveLength(3);
  expect(events.flatMap(({ id }) => id ?? []).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  expect(events.at(-1)?.id).toBe(2);
});

test('a client without streams gets an array, progress or not', async () => {
  const slow = {
    id: 2,
    method: 'tools/call',
    params: { name: 'm__slow', arguments: { ms: 5, steps: 2 }, _meta: { progressToken: 'p' } },
  };
  const answer = await batch([slow, echo(1, 'x')], '2025-03-26', { accept: 'application/json' });
  expect(new Set(byId(answer.json()).keys())).toEqual(new Set([1, 2]));
});

test('notifications and responses alone are taken with 202', async () => {
  const answer = await batch([{ method: 'notifications/initialized' }, { id: 9, result: {} }]);
  expect([answer.status, answer.text]).toEqual([202, '']);
});

test('what cannot be read, and initialize, is refused in its place', async () => {
  const text = `[{"jsonrpc":"2.0","id":1,"method":"ping"},7,{"jsonrpc":"2.0","id":2,"method":"ping","method":"x"},
    {"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}]`;
  const answers = byId((await batch(text)).json());
  expect(answers.get(1)).toMatchObject({ result: {} });
  expect(answers.get(2)).toMatchObject({ error: { code: -32_600 } });
  expect(answers.get(3)).toMatchObject({
    error: { code: -32_600, message: expect.stringContaining('initialize') as unknown },
  });
  expect(answers.get(null)).toMatchObject({ error: { code: -32_600 } });
});

test('an id given twice is answered once and refused once', async () => {
  const answer = await batch([
    { id: 1, method: 'tools/call', params: { name: 'm__slow', arguments: { ms: 30, steps: 1 } } },
    echo(1, 'again'),
  ]);
  expect(answer.json()).toMatchObject([
    { id: 1, error: { code: -32_600 } },
    { id: 1, result: { content: [{ type: 'text' }] } },
  ]);
});

test.each([
  ['an empty batch', '[]', '2025-03-26', -32_600],
  ['more than 100 messages', `[${'{},'.repeat(100)}{}]`, '2025-03-26', -32_600],
  ['broken JSON', '[{', '2025-03-26', -32_700],
  ['thousands of levels', '['.repeat(9_000), '2025-03-26', -32_600],
  ['a batch of 2025-11-25', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', '2025-11-25', -32_600],
  ['a batch of 2024-11-05', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', '2024-11-05', -32_600],
])('%s is refused whole', async (_what, text, version, code) => {
  const before = modern.counts.requests;
  const answer = await batch(text, version);
  expect([answer.status, answer.json()]).toMatchObject([400, { id: null, error: { code } }]);
  expect(modern.counts.requests).toBe(before);
});

test('a batch for an unknown session is 404', async () => {
  const headers = { 'mcp-session-id': 'x' };
  expect((await send(gateway.url(), { headers, body: '[]' })).status).toBe(404);
});

test('a call that is cancelled leaves the others their answers', async () => {
  const { id } = await openSession(gateway.url('asking'), '2025-03-26');
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-03-26' };
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: {} } },
    { jsonrpc: '2.0', id: 2, method: 'ping' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  ];
  const answer = await send(gateway.url('asking'), { headers, body: JSON.stringify(messages) });
  expect(answer.json()).toEqual([{ jsonrpc: '2.0', id: 2, result: {} }]);
});
