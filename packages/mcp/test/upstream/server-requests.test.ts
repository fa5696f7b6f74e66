import { expect, test } from 'vitest';
import { ServerRequests, type AskableCall } from '../../src/upstream/server-requests.ts';
import type { RefusedQuestion, ServerRequest } from '../../src/upstream/upstream.ts';

interface Rig {
  readonly requests: ServerRequests;
  readonly sent: string[];
  readonly refused: RefusedQuestion[];
}

function rig(): Rig {
  const sent: string[] = [];
  const refused: RefusedQuestion[] = [];
  const requests = new ServerRequests({
    send: (text) => {
      sent.push(text);
      return undefined;
    },
    refused: (why) => void refused.push(why),
  });
  return { requests, sent, refused };
}

interface Client extends AskableCall {
  readonly asked: ServerRequest[];
}

let lastId = 0;

function call(callerId: string, method: string = 'tools/call'): Client {
  lastId += 1;
  const asked: ServerRequest[] = [];
  return {
    id: lastId,
    callerId,
    method,
    asked,
    ask: (request) => void asked.push(request),
    undelivered: () => expect.unreachable('every answer is delivered here'),
  };
}

const sampling = (id: number | string) =>
  ({ id, method: 'sampling/createMessage', paramsText: '{"n": 1.0}' }) as const;

test('a request goes to the call on whose stream it came, and the first answer goes back', () => {
  const { requests, sent } = rig();
  const [one, two] = [call('a'), call('b')];
  requests.join(one);
  requests.join(two);
  requests.take(sampling('x'), two);
  expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
  const [question] = two.asked;
  expect(question).toMatchObject({ method: 'sampling/createMessage', paramsText: '{"n": 1.0}' });
  expect(requests.pending).toBe(1);
  question?.respond({ kind: 'result', text: '{"r": 1.0}' });
  question?.respond({ kind: 'error', text: '{}' });
  expect(sent).toEqual(['{"jsonrpc":"2.0","id":"x","result":{"r": 1.0}}']);
  expect(requests.pending).toBe(0);
});

test.for([
  ['one client', ['a'], 0],
  ['the latest of two calls of one client', ['a', 'a'], 1],
  ['one request of a client without session', [''], 0],
  ['two clients', ['a', 'b'], undefined],
  ['two requests without session', ['', ''], undefined],
  ['a session and a request without one', ['a', ''], undefined],
  ['nobody', [], undefined],
] as const)(
  'on a shared stream a request is relayed only when one client is meant: %s',
  ([, callers, index]) => {
    const { requests, sent, refused } = rig();
    const calls = callers.map((id) => call(id));
    for (const one of calls) requests.join(one);
    requests.take(sampling(1));
    expect(calls.map(({ asked }) => asked.length)).toEqual(
      calls.map((_, at) => (at === index ? 1 : 0)),
    );
    expect(refused).toEqual(index === undefined ? ['unattributed'] : []);
    expect(sent.map((text) => text.includes('"code":-32600'))).toEqual(
      index === undefined ? [true] : [],
    );
  },
);

test('lists, pings and subscriptions are nobody who could be meant', () => {
  const { requests } = rig();
  const meant = call('a');
  for (const method of ['tools/list', 'ping', 'logging/setLevel', 'resources/subscribe']) {
    requests.join(call('b', method));
  }
  requests.join(meant);
  requests.take(sampling(1));
  expect(meant.asked).toHaveLength(1);
});

test('ping is answered, what concerns no client is an unknown method', () => {
  const { requests, sent, refused } = rig();
  const one = call('a');
  requests.join(one);
  requests.take({ id: 1, method: 'ping', paramsText: undefined }, one);
  requests.take({ id: 2, method: 'tasks/get', paramsText: undefined }, one);
  expect(sent).toEqual([
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found: tasks/get"}}',
  ]);
  expect([one.asked.length, refused]).toEqual([0, ['unsupported']]);
});

test('a modern server can ask nobody', () => {
  const { requests, sent } = rig();
  requests.relays = false;
  const one = call('a');
  requests.join(one);
  requests.take(sampling(1), one);
  expect(one.asked).toEqual([]);
  expect(sent[0]).toContain('"code":-32601');
});

test('notifications/cancelled reaches the client once, and nothing is answered any more', () => {
  const { requests, sent } = rig();
  const one = call('a');
  requests.join(one);
  requests.take(sampling(7), one);
  const [question] = one.asked;
  let cancelled = 0;
  const note = (): void => {
    cancelled += 1;
  };
  question?.onCancelled(note);
  requests.cancelled('7');
  expect(cancelled).toBe(0);
  requests.cancelled(7);
  requests.cancelled(7);
  question?.onCancelled(note);
  question?.respond({ kind: 'result', text: '{}' });
  expect([cancelled, sent]).toEqual([2, []]);
});

test('a cancellation names the request of its own stream when ids repeat', () => {
  const { requests } = rig();
  const [one, two] = [call('a'), call('b')];
  const cancelled: string[] = [];
  for (const each of [one, two]) {
    requests.join(each);
    requests.take(sampling(0), each);
    each.asked[0]?.onCancelled(() => void cancelled.push(each.callerId));
  }
  requests.cancelled(0);
  expect(cancelled).toEqual([]);
  requests.cancelled(0, two);
  expect(cancelled).toEqual(['b']);
});

test('when a call is over, the server and the client are told', () => {
  const { requests, sent } = rig();
  const one = call('a');
  requests.join(one);
  requests.take(sampling(1), one);
  let cancelled = false;
  one.asked[0]?.onCancelled(() => {
    cancelled = true;
  });
  requests.leave(one);
  requests.leave(one);
  one.asked[0]?.respond({ kind: 'result', text: '{}' });
  expect(cancelled).toBe(true);
  expect(sent).toEqual([
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"The call this belonged to is over"}}',
  ]);
  requests.take(sampling(2));
  expect(one.asked).toHaveLength(1);
});

test('a call has at most 16 requests waiting, and an id is not asked twice', () => {
  const { requests, sent, refused } = rig();
  const one = call('a');
  requests.join(one);
  for (let id = 1; id <= 16; id += 1) requests.take(sampling(id), one);
  requests.take(sampling(3), one);
  expect([one.asked.length, sent.length, refused]).toEqual([16, 0, ['excess']]);
  requests.take(sampling(17), one);
  expect([one.asked.length, refused]).toEqual([16, ['excess', 'excess']]);
  expect(sent[0]).toContain('"id":17,"error":{"code":-32600');
  one.asked[0]?.respond({ kind: 'result', text: '{}' });
  requests.take(sampling(18), one);
  expect(one.asked).toHaveLength(17);
});

test('abandon() cancels what waits and sends nothing', () => {
  const { requests, sent } = rig();
  const one = call('a');
  requests.join(one);
  requests.take(sampling(1), one);
  let cancelled = false;
  one.asked[0]?.onCancelled(() => {
    cancelled = true;
  });
  requests.abandon();
  one.asked[0]?.respond({ kind: 'result', text: '{}' });
  requests.leave(one);
  expect([cancelled, sent, requests.pending]).toEqual([true, [], 0]);
});

test.for(['[1]', '5', 'null', '"text"'])(
  'a request whose params is %s, which is no object, is refused and shown to nobody',
  (paramsText) => {
    const { requests, sent, refused } = rig();
    const one = call('a');
    requests.join(one);
    requests.take({ id: 4, method: 'roots/list', paramsText }, one);
    expect(one.asked).toEqual([]);
    expect(refused).toEqual(['malformed']);
    expect(sent).toEqual([
      '{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"roots/list: params is no object"}}',
    ]);
  },
);

const about = (taskId: string, id: number) => ({
  id,
  method: 'roots/list',
  paramsText: `{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${taskId}"}}}`,
});

test('a question about a task goes to the call that waits for it, and to no other client', () => {
  const { requests, sent, refused } = rig();
  const one = { ...call('a', 'tasks/result'), taskId: 't0' };
  const two = { ...call('b', 'tasks/result'), taskId: 't1' };
  requests.join(one);
  requests.join(two);
  requests.take(about('t1', 1));
  expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
  requests.leave(two);
  requests.take(about('t1', 2));
  expect([one.asked.length, refused]).toEqual([0, ['unattributed']]);
  expect(sent.at(-1)).toContain('"id":2,"error"');
});

test('progress of the client reaches the server before its answer, and not after', async () => {
  const sent: string[] = [];
  const slow = Promise.withResolvers<void>();
  const requests = new ServerRequests({
    send: (text, from) => {
      sent.push(text);
      return from === undefined ? slow.promise : undefined;
    },
    refused: () => expect.unreachable('it is asked'),
  });
  const one = call('a');
  requests.join(one);
  requests.take({ id: 1, method: 'roots/list', paramsText: undefined }, one);
  const [question] = one.asked;
  question?.progress?.('{"progress":1}');
  question?.respond({ kind: 'result', text: '{}' });
  question?.progress?.('{"progress":2}');
  expect(sent).toEqual(['{"progress":1}']);
  slow.resolve();
  await expect.poll(() => sent.length).toBe(2);
  expect(sent[1]).toContain('"result"');
});
