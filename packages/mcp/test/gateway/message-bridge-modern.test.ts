import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { modern, request } from '../e2e/stdio-fixture.ts';
import { json, open, openSession, result, startService } from './bridge-fixture.ts';

function tool(name: string): object {
  const region = { type: 'string', 'x-mcp-header': 'Region' };
  return { name, inputSchema: { type: 'object', properties: { region } } };
}

function call(id: number, name: string): object {
  return modern(id, 'tools/call', { name, arguments: { region: 'eu' } });
}

test('modern requests carry the headers of their revision and need no session', async () => {
  const service = startService();
  await using rig = open([service]);
  rig.write(modern(1, 'resources/read', { uri: 'a://ü' }), modern(2, 'tools/list'));
  await Promise.all([rig.answerTo(1), rig.answerTo(2)]);
  const read = service.got.find(({ message }) => message?.['id'] === 1);
  expect(read?.headers).toMatchObject({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'resources/read',
    'mcp-name': '=?base64?YTovL8O8?=',
  });
  expect(read?.headers).not.toHaveProperty('mcp-session-id');
  expect(service.methods()).not.toContain('initialize');
});

test('headers that a tool wants are looked up when the service asks for them, and remembered', async () => {
  const service = startService();
  await using rig = open([service]);
  service.answer = (got, response) => {
    const { method, params } = got.message ?? {};
    if (method === 'tools/list') {
      const isFirst = params?.['cursor'] === undefined;
      const page = isFirst ? { tools: [tool('a')], nextCursor: '2' } : { tools: [tool('b')] };
      json(response, result(got, page));
    } else if (got.headers['mcp-param-region'] === 'eu') json(response, result(got));
    else json(response, { id: got.message?.['id'], error: { code: -32_020, message: 'no' } }, 400);
  };
  rig.write(call(1, 'b'));
  expect(await rig.answerTo(1)).toHaveProperty('result');
  const before = service.got.length;
  rig.write(call(2, 'b'));
  expect(await rig.answerTo(2)).toHaveProperty('result');
  expect(service.got.length - before).toBe(1);
  rig.write(call(3, 'unknown'));
  expect(await rig.answerTo(3)).toMatchObject({ error: { code: -32_020 } });
});

test('a subscription is opened again when it is cut, and acknowledged once', async () => {
  const service = startService();
  await using rig = open([service]);
  const streams: ServerResponse[] = [];
  service.answer = (_got, response) => {
    streams.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const method = 'notifications/subscriptions/acknowledged';
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method })}\n\n`);
  };
  rig.write(modern('l', 'subscriptions/listen', { notifications: { toolsListChanged: true } }));
  await waitUntil(() => rig.sent.length === 1, { describe: 'it is acknowledged' });
  await rig.bridge.drain(10_000);
  streams[0]?.destroy();
  await waitUntil(() => streams.length === 2, { describe: 'it is opened again' });
  const method = 'notifications/tools/list_changed';
  streams[1]?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method })}\n\n`);
  await waitUntil(() => rig.sent.length === 2, { describe: 'the change is told' });
  expect(rig.sent[1]).toMatchObject({ method });
  const closed = new Promise((resolve) => streams[1]?.once('close', resolve));
  rig.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'l' } });
  await closed;
  expect(streams).toHaveLength(2);
});

test('cancelled: a modern call is hung up, a legacy one is passed on; neither is answered', async () => {
  const service = startService();
  await using rig = await openSession([service]);
  const held: ServerResponse[] = [];
  service.answer = (_got, response) => void held.push(response);
  rig.write(request('l', 'tools/call', { name: 'x' }), modern('m', 'tools/call', { name: 'x' }));
  await waitUntil(() => held.length === 2, { describe: 'both are under way' });
  const hungUp = Promise.race(
    held.map(async (one) => new Promise((done) => one.once('close', done))),
  );
  for (const requestId of ['m', 'l', 'nobody']) {
    rig.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
  }
  await hungUp;
  const cancellations = () =>
    service.got.filter(({ message }) => message?.['method'] === 'notifications/cancelled');
  await waitUntil(() => cancellations().length === 2, { describe: 'the legacy ones are told' });
  for (const one of held) one.writeHead(204).end();
  await rig.bridge.drain(5_000);
  expect(rig.sent.filter(({ id }) => id === 'l' || id === 'm')).toEqual([]);
});

test('drain() waits for calls, and no longer than it is told to', async () => {
  const service = startService();
  await using rig = open([service]);
  const held: ServerResponse[] = [];
  service.answer = (_got, response) => void held.push(response);
  await rig.bridge.drain(10_000);
  rig.write(modern(1, 'tools/call', { name: 'x' }));
  const startedAtMs = performance.now();
  await rig.bridge.drain(50);
  expect(performance.now() - startedAtMs).toBeGreaterThan(45);
  const drained = rig.bridge.drain(10_000);
  await waitUntil(() => held.length === 1, { describe: 'it is under way' });
  held[0]?.writeHead(200, { 'content-type': 'application/json' });
  held[0]?.end('{"jsonrpc":"2.0",\n"id":1,\r\n"result":{}}');
  await drained;
  expect(rig.sent).toHaveLength(1);
});
