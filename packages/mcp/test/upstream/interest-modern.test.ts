import type { ServerResponse } from 'node:http';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import type { Interest } from '../../src/upstream/upstream.ts';
import { definitionFor, json, open, sse, startWire, type Wire } from './http-fixture.ts';
import { QUICK, acknowledgement, listTools, modernServer } from './notification-stream-fixture.ts';

const want = (...uris: readonly string[]): Interest => ({
  resources: new Set(uris),
  logLevel: undefined,
});

interface Subscription {
  readonly filter: Record<string, unknown>;
  readonly response: ServerResponse;
  closed: boolean;
}

interface Rig extends AsyncDisposable {
  readonly wire: Wire;
  readonly subscriptions: Subscription[];
  /** Resources that the server does not acknowledge. */
  readonly unknown: Set<string>;
}

async function rig(capabilities: object = { tools: { listChanged: true } }): Promise<Rig> {
  const subscriptions: Subscription[] = [];
  const unknown = new Set<string>();
  const wire = await startWire(
    modernServer((seen, response) => {
      const filter = Object(Object(seen.message['params'])['notifications']);
      const subscription: Subscription = { filter, response, closed: false };
      subscriptions.push(subscription);
      response.on('close', () => {
        subscription.closed = true;
      });
      const uris: unknown[] = filter.resourceSubscriptions ?? [];
      const granted = uris.filter((uri) => !unknown.has(String(uri)));
      const honoured = { ...filter, ...(uris.length > 0 && { resourceSubscriptions: granted }) };
      sse(response, acknowledgement(seen.message['id'], honoured));
    }, capabilities),
  );
  return {
    wire,
    subscriptions,
    unknown,
    [Symbol.asyncDispose]: async () => await wire[Symbol.asyncDispose](),
  };
}

const updated = (uri: string): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });
const openNow = ({ subscriptions }: Rig): Record<string, unknown>[] =>
  subscriptions.filter(({ closed }) => !closed).map(({ filter }) => filter);

test('setInterest() connects and listens for lists and resources together; updates reach the events', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url));
  await opened.upstream.setInterest(want('a://1'));
  const [first] = it.subscriptions;
  expect(first?.filter).toEqual({ toolsListChanged: true, resourceSubscriptions: ['a://1'] });
  await listTools(opened);
  expect(it.subscriptions).toHaveLength(1);
  expect(opened.upstream.isListening).toBe(true);
  if (first !== undefined) sse(first.response, updated('a://1'));
  await expect.poll(() => opened.notifications.map(({ text }) => text)).toEqual([updated('a://1')]);
});

test('another filter is opened before the old one is closed', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url));
  await listTools(opened);
  await waitUntil(() => opened.upstream.isListening, { describe: 'the lists are listened for' });
  const [lists] = it.subscriptions;
  let openWhenAsked = false;
  const before = it.wire.answer;
  it.wire.answer = (seen, response) => {
    openWhenAsked = lists?.closed === false;
    return before(seen, response);
  };
  await opened.upstream.setInterest(want('a://1'));
  expect(openWhenAsked).toBe(true);
  await waitUntil(() => lists?.closed === true, { describe: 'the old one is closed' });
  expect(openNow(it)).toEqual([{ toolsListChanged: true, resourceSubscriptions: ['a://1'] }]);
  expect(opened.notifications).toEqual([]);
});

test('changes that come together are one subscription; what nobody wants is let go', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url));
  await opened.upstream.setInterest(want('a://1'));
  await Promise.all([
    opened.upstream.setInterest(want('a://1', 'a://2')),
    opened.upstream.setInterest(want('a://1', 'a://2', 'a://3')),
  ]);
  expect(it.subscriptions).toHaveLength(2);
  await opened.upstream.setInterest(want('a://3'));
  await waitUntil(() => openNow(it).length === 1, { describe: 'one is left' });
  expect(openNow(it)).toEqual([{ toolsListChanged: true, resourceSubscriptions: ['a://3'] }]);
  await opened.upstream.setInterest(want('a://3'));
  expect(it.subscriptions).toHaveLength(3);
});

test('without lists that change nothing stays open when nothing is wanted', async () => {
  await using it = await rig({ tools: {}, resources: { subscribe: true } });
  await using opened = open(definitionFor(it.wire.url));
  await opened.upstream.setInterest(want('a://1'));
  expect(openNow(it)).toEqual([{ resourceSubscriptions: ['a://1'] }]);
  await opened.upstream.setInterest(want());
  await waitUntil(() => openNow(it).length === 0, { describe: 'it is closed' });
  expect(opened.upstream.isListening).toBe(false);
});

test('what the server does not acknowledge is an RPC_ERROR; the rest is listened for', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url));
  it.unknown.add('a://bad');
  await expect(opened.upstream.setInterest(want('a://1', 'a://bad'))).rejects.toMatchObject({
    code: 'RPC_ERROR',
    rpcErrorText: expect.stringContaining('"code":-32602'),
  });
  expect(opened.upstream.isListening).toBe(true);
  await opened.upstream.setInterest(want('a://1', 'a://2'));
  expect(it.subscriptions.at(-1)?.filter['resourceSubscriptions']).toEqual(['a://1', 'a://2']);
});

test.for([
  ['-32602', 'RPC_ERROR', 'no such resource'],
  ['-32601', 'RPC_ERROR', 'no subscriptions'],
  ['-32603', 'RPC_ERROR', 'not now'],
] as const)(
  'a subscription answered with %s fails, and the old one stays',
  async ([code, kind, text]) => {
    await using it = await rig();
    await using opened = open(definitionFor(it.wire.url));
    await opened.upstream.setInterest(want('a://1'));
    const before = it.wire.answer;
    it.wire.answer = (seen, response) => {
      if (seen.message['method'] !== 'subscriptions/listen') return before(seen, response);
      const error = { code: Number(code), message: text };
      json(response, { jsonrpc: '2.0', id: seen.message['id'], error });
      return undefined;
    };
    await expect(opened.upstream.setInterest(want('a://1', 'a://2'))).rejects.toMatchObject({
      code: kind,
      rpcErrorText: JSON.stringify({ code: Number(code), message: text }),
    });
    expect(openNow(it)).toEqual([{ toolsListChanged: true, resourceSubscriptions: ['a://1'] }]);
    expect(opened.upstream.isListening).toBe(true);
  },
);

test('a subscription that is never acknowledged times out, and the old one stays', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url), { streamPolicy: QUICK });
  await opened.upstream.setInterest(want('a://1'));
  it.wire.answer = () => undefined;
  await expect(opened.upstream.setInterest(want('a://1', 'a://2'))).rejects.toMatchObject({
    code: 'TIMEOUT',
  });
  expect(opened.upstream.isListening).toBe(true);
});

test('a subscription that ends is asked for again, with its resources, which may have changed', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url), { streamPolicy: QUICK });
  await opened.upstream.setInterest(want('a://1'));
  it.subscriptions[0]?.response.end();
  await waitUntil(() => opened.notifications.length === 2, { describe: 'it is open again' });
  expect(opened.notifications.map(({ text }) => text)).toContain(updated('a://1'));
  expect(it.subscriptions[1]?.filter).toEqual(it.subscriptions[0]?.filter);
});

test('close() ends a subscription that is being asked for', async () => {
  await using it = await rig();
  await using opened = open(definitionFor(it.wire.url));
  await opened.upstream.setInterest(want('a://1'));
  const asked = Promise.withResolvers<void>();
  it.wire.answer = () => asked.resolve();
  const setting = opened.upstream.setInterest(want('a://1', 'a://2'));
  setting.catch(() => undefined);
  await asked.promise;
  await opened.upstream.close();
  await expect(setting).rejects.toMatchObject({ code: 'CLOSED' });
});
