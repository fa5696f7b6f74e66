import { expect, test } from 'vitest';
import type { Caller } from '../../src/upstream/upstream.ts';
import {
  call,
  listen,
  never,
  open,
  parsed,
  received,
  type Heard,
  type Rig,
} from './fixtures-stdio/rig.ts';

const ASK = { do: 'ask', method: 'elicitation/create', with: { message: 'name?' } };

function forward({ upstream }: Rig, params: object, id: string): Heard {
  const caller: Caller = { id, capabilities: { elicitation: {} }, envelope: [] };
  const heard = listen();
  upstream.forward(call(params, { caller }), heard.sink);
  return heard;
}

test('a request of a process reaches the only client with a call, and its answer goes back', async () => {
  const rig = open([]);
  await rig.upstream.connect(never);
  const heard = forward(rig, ASK, 'a');
  await expect.poll(() => heard.requests.length).toBe(1);
  const [question] = heard.requests;
  expect(question).toMatchObject({
    method: 'elicitation/create',
    paramsText: '{"message":"name?"}',
  });
  question?.respond({ kind: 'result', text: '{"action":"accept"}' });
  question?.respond({ kind: 'error', text: '{}' });
  const [kind, text] = await heard.outcome;
  expect([kind, parsed(String(text))['result']]).toEqual(['result legacy', { action: 'accept' }]);
  const lines = await received(rig.upstream);
  expect(lines.filter((line) => line.includes('"action"'))).toHaveLength(1);
});

test('with calls of two clients under way it reaches neither (contract: isolation)', async () => {
  const refused: string[] = [];
  const rig = open([], {
    events: {
      notification: () => undefined,
      closed: () => undefined,
      refused: (why) => void refused.push(why),
    },
  });
  await rig.upstream.connect(never);
  const other = forward(rig, { do: 'never' }, 'b');
  const heard = forward(rig, ASK, 'a');
  const [, text] = await heard.outcome;
  expect(parsed(String(text))['error']).toMatchObject({ code: -32600 });
  expect([heard.requests, other.requests]).toEqual([[], []]);
  expect(rig.upstream.counters.refusedRequests).toBe(1);
  expect(refused).toEqual(['unattributed']);
});

test('notifications/cancelled of the process reaches the client', async () => {
  const rig = open([]);
  await rig.upstream.connect(never);
  const heard = forward(rig, ASK, 'a');
  await expect.poll(() => heard.requests.length).toBe(1);
  let cancelled = 0;
  heard.requests[0]?.onCancelled(() => {
    cancelled += 1;
  });
  const id = (await received(rig.upstream))
    .map(parsed)
    .find(({ params }) => Object(params)['do'] === 'ask')?.['id'];
  const params = { requestId: `ask-${String(id)}` };
  const notice = { jsonrpc: '2.0', method: 'notifications/cancelled', params };
  forward(rig, { do: 'raw', text: `${JSON.stringify(notice)}\n` }, 'a');
  await expect.poll(() => cancelled).toBe(1);
  expect(rig.notifications).toEqual([]);
});

test('when a call is given up, the process gets an error for what it asked', async () => {
  const rig = open([]);
  await rig.upstream.connect(never);
  const caller: Caller = { id: 'a', capabilities: {}, envelope: [] };
  const heard = listen();
  const handle = rig.upstream.forward(call(ASK, { caller }), heard.sink);
  await expect.poll(() => heard.requests.length).toBe(1);
  handle.cancel('gone');
  const lines = await received(rig.upstream);
  expect(lines.filter((line) => line.includes('is over')).map(parsed)).toMatchObject([
    { error: { code: -32600 } },
  ]);
  expect(lines.some((line) => line.includes('notifications/cancelled'))).toBe(true);
});

test('a process that ends takes its requests along', async () => {
  const rig = open([]);
  await rig.upstream.connect(never);
  const heard = forward(rig, ASK, 'a');
  await expect.poll(() => heard.requests.length).toBe(1);
  let cancelled = false;
  heard.requests[0]?.onCancelled(() => {
    cancelled = true;
  });
  const last = forward(rig, { do: 'exit', code: 3 }, 'a');
  expect((await heard.outcome)[0]).toBe('fail');
  await last.outcome;
  expect(cancelled).toBe(true);
});

test('a modern process can ask nobody', async () => {
  const rig = open(['--era=modern']);
  await rig.upstream.connect(never);
  const heard = forward(rig, ASK, 'a');
  const [, text] = await heard.outcome;
  expect(parsed(String(text))['error']).toMatchObject({ code: -32601 });
  expect(heard.requests).toEqual([]);
});

test('a process of one client is greeted as that client, and tells it what names no request', async () => {
  const client = {
    clientInfo: { name: 'desktop', version: '1', title: 'Desktop' },
    capabilities: { roots: { listChanged: true } },
    sole: true,
  };
  const rig = open([], { client });
  const log = { jsonrpc: '2.0', method: 'notifications/message', params: { data: 1 } };
  const text = `${JSON.stringify(log)}\n{"jsonrpc":"2.0","id":$ID,"result":{}}\n`;
  await forward(rig, { do: 'raw', text }, 'a').outcome;
  expect(rig.notifications).toEqual([['notifications/message', JSON.stringify(log)]]);
  rig.upstream.notify?.('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
  const lines = await received(rig.upstream);
  expect(lines.map(parsed).find(({ method }) => method === 'initialize')?.['params']).toEqual({
    protocolVersion: '2025-11-25',
    capabilities: client.capabilities,
    clientInfo: client.clientInfo,
  });
  expect(lines).toContain('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
});
