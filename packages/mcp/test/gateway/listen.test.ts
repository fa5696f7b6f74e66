import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CatalogCell } from '../../src/catalog/catalog.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { Interests } from '../../src/gateway/listen/interests.ts';
import { ListenRouter, type ListenOptions } from '../../src/gateway/listen/listen.ts';
import type { Reply } from '../../src/gateway/reply/reply.ts';
import { parseMessage } from '../../src/protocol/json-rpc.ts';
import { OWN_CALLER, type UpstreamAccess } from '../../src/upstream/upstream.ts';

const TAG = 'io.modelcontextprotocol/subscriptionId';
const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: {},
  resources: { listChanged: true },
};

/** A client's end of one request: collects what it is sent. */
class CollectingReply implements Reply {
  readonly sent: unknown[] = [];
  answered: unknown;
  status: number | undefined;
  comments = 0;
  aborted = false;
  taken: 'sent' | 'dropped';
  constructor(taken: 'sent' | 'dropped') {
    this.taken = taken;
  }
  #gone: () => void = () => undefined;

  notify(text: string): 'sent' | 'slow' | 'dropped' {
    if (this.taken === 'sent') this.sent.push(JSON.parse(text));
    return this.taken;
  }
  answer(status: number, body: Buffer | string): void {
    this.status = status;
    this.answered = JSON.parse(body.toString());
  }
  keepAlive(): void {
    this.comments += 1;
  }
  abort(): void {
    this.aborted = true;
  }
  onGone(listener: () => void): void {
    this.#gone = listener;
  }
  leave(): void {
    this.#gone();
  }
  answerParts(): never {
    throw new Error('a listen has no parts');
  }
  open(): never {
    throw new Error('a listen is never opened');
  }
  chunk(): never {
    throw new Error('a listen has no chunks');
  }
  end(): void {
    // Nothing was opened.
  }
  drop(): void {
    // Nothing is dropped.
  }
  onDrain(): void {
    // Nothing waits.
  }
}

function setUp(more: Partial<ListenOptions> = {}) {
  const catalog = new CatalogCell<UpstreamAccess>();
  const interests = new Interests(catalog);
  const router = new ListenRouter({
    interests,
    profile: () => ({ capabilities: CAPABILITIES, serverInfo: { name: 'us' } }),
    findResource: async () => undefined,
    findTask: async () => undefined,
    ...more,
  });
  return { router, interests };
}

function listen(
  router: ListenRouter,
  notifications: unknown,
  { id = 'L1', taken = 'sent' }: { id?: string; taken?: 'sent' | 'dropped' } = {},
) {
  const reply = new CollectingReply(taken);
  const params = { notifications };
  const message = parseMessage(
    JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }),
  );
  if (message.kind !== 'request') throw new Error('not a request');
  const request = {
    id,
    params: message.params,
    connectorId: undefined,
    principal: ANONYMOUS,
    caller: OWN_CALLER,
  };
  return { reply, done: router.serve(request, reply) };
}

const changed = (...kinds: ('tools' | 'prompts' | 'resources' | 'resourceTemplates')[]) => ({
  all: new Set(kinds),
  connectors: new Map(),
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('ListenRouter acknowledges first, and only what the endpoint can tell', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { toolsListChanged: true, promptsListChanged: true });
  await done;
  expect(reply.sent).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true }, _meta: { [TAG]: 'L1' } },
    },
  ]);
});

test('ListenRouter tells what was asked for, tagged, one notification for both kinds of resources', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { resourcesListChanged: true, toolsListChanged: false });
  await done;
  router.announce(changed('tools', 'resources', 'resourceTemplates'));
  expect(reply.sent.slice(1)).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/resources/list_changed',
      params: { _meta: { [TAG]: 'L1' } },
    },
  ]);
});

test('ListenRouter keeps what happens before the acknowledgement for after it', async () => {
  const found = Promise.withResolvers<undefined>();
  const { router } = setUp({ findResource: async () => await found.promise });
  const { reply, done } = listen(router, {
    toolsListChanged: true,
    resourceSubscriptions: ['x://1'],
  });
  router.announce(changed('tools'));
  expect(reply.sent).toEqual([]);
  found.resolve(undefined);
  await done;
  expect(reply.sent.map((message) => Reflect.get(Object(message), 'method'))).toEqual([
    'notifications/subscriptions/acknowledged',
    'notifications/tools/list_changed',
  ]);
});

test('ListenRouter ends at once when nothing can be told', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { promptsListChanged: true });
  await done;
  expect(reply.answered).toMatchObject({ id: 'L1', result: { resultType: 'complete' } });
  expect(router.size).toBe(0);
});

test.each([
  [undefined],
  [[]],
  [{ toolsListChanged: 'yes' }],
  [{ resourceSubscriptions: 'x://1' }],
  [{ resourceSubscriptions: [1] }],
  [{ resourceSubscriptions: Array.from({ length: 1_001 }, (_, i) => `x://${i}`) }],
])('ListenRouter refuses the filter %j with -32602', async (filter) => {
  const { router } = setUp();
  await expect(listen(router, filter).done).rejects.toMatchObject({ rpcCode: -32_602 });
  expect(router.size).toBe(0);
});

test('ListenRouter refuses more clients than it has room for', async () => {
  const { router } = setUp({ limits: { maxListens: 1 } });
  await listen(router, { toolsListChanged: true }).done;
  const { reply, done } = listen(router, { toolsListChanged: true });
  await done;
  expect(reply.answered).toMatchObject({ error: { code: -32_603 } });
});

test('ListenRouter forgets a client that has gone, and its timer with the last one', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { toolsListChanged: true });
  await done;
  vi.advanceTimersByTime(15_000);
  expect(reply.comments).toBe(1);
  reply.leave();
  expect([router.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('ListenRouter answers a client that takes no stream with an error, and forgets it', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { toolsListChanged: true }, { taken: 'dropped' });
  await done;
  expect(reply.aborted).toBe(false);
  expect(reply.status).toBe(406);
  expect(reply.answered).toMatchObject({ id: 'L1', error: { code: -32600 } });
  expect(router.size).toBe(0);
});

test('ListenRouter cuts off a client that reads nothing', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { toolsListChanged: true });
  await done;
  reply.taken = 'dropped';
  router.announce(changed('tools'));
  expect(reply.aborted).toBe(true);
});

test('ListenRouter ends every stream with an empty result when it closes', async () => {
  const { router } = setUp();
  const { reply, done } = listen(router, { toolsListChanged: true });
  await done;
  router.close();
  expect(reply.answered).toEqual({
    jsonrpc: '2.0',
    id: 'L1',
    result: {
      resultType: 'complete',
      _meta: { [TAG]: 'L1', 'io.modelcontextprotocol/serverInfo': { name: 'us' } },
    },
  });
});
