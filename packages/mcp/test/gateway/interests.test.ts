import { expect, test } from 'vitest';
import { EMPTY_VIEW, CatalogCell, type Catalog } from '../../src/catalog/catalog.ts';
import {
  Interests,
  type Subscriber,
  type SubscriptionTarget,
} from '../../src/gateway/listen/interests.ts';
import {
  OWN_CALLER,
  type Interest,
  type Upstream,
  type UpstreamAccess,
  type UpstreamInfo,
} from '../../src/upstream/upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';

const INFO: UpstreamInfo = {
  era: 'legacy',
  protocolVersion: '2025-11-25',
  capabilities: { resources: { subscribe: true }, logging: {} },
  serverInfo: undefined,
  instructions: undefined,
};

/** The end of the seam: notes what it is told, and refuses what it is set to refuse. */
class NotingUpstream implements Upstream {
  readonly connectorId = 'a';
  readonly info = INFO;
  readonly phase = 'ready';
  readonly told: { resources: string[]; logLevel: string | undefined }[] = [];
  refused: string | undefined;

  async connect(): Promise<UpstreamInfo> {
    return INFO;
  }
  async request(): Promise<string> {
    return '{}';
  }
  forward(): never {
    throw new Error('nothing is forwarded here');
  }
  async setInterest({ resources, logLevel }: Interest): Promise<void> {
    await Promise.resolve();
    if (this.refused !== undefined && resources.has(this.refused)) {
      throw new UpstreamError('RPC_ERROR', 'no', { connectorId: 'a', phase: 'ready' });
    }
    this.told.push({ resources: [...resources], logLevel });
  }
  notify(): void {
    // Nothing to say.
  }
  async close(): Promise<void> {
    // Nothing is open.
  }
}

function sharedAccess(upstream: Upstream): UpstreamAccess {
  return {
    callTimeouts: { idleTimeoutMs: 1, maxCallMs: 1 },
    acquire: () => upstream,
    release: () => undefined,
  };
}

function catalogOf(target: UpstreamAccess): Catalog<UpstreamAccess> {
  const servers = [{ connectorId: 'a', info: INFO, target }];
  return { generation: 1, all: { ...EMPTY_VIEW, servers }, connectors: new Map(), warnings: [] };
}

const NO_CHANGE = { all: new Set<never>(), connectors: new Map() };

const toOf =
  (target: UpstreamAccess) =>
  (upstreamName: string): SubscriptionTarget => ({ connectorId: 'a', target, upstreamName });

function setUp() {
  const upstream = new NotingUpstream();
  const target = sharedAccess(upstream);
  const cell = new CatalogCell<UpstreamAccess>();
  cell.swap(catalogOf(target), NO_CHANGE);
  return { upstream, cell, to: toOf(target), interests: new Interests(cell) };
}

function subscriber(id = ''): Subscriber & { readonly texts: string[] } {
  const texts: string[] = [];
  return { caller: { ...OWN_CALLER, id }, texts, updated: (text) => void texts.push(text) };
}

const update = (uri: string, meta?: object): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/resources/updated',
    params: { uri, ...(meta && { _meta: meta }) },
  });

test('Interests asks a server once for a resource that several clients want', async () => {
  const { upstream, to, interests } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  await interests.subscribe(to('x://1'), 'x://1', one);
  await interests.subscribe(to('x://1'), 'x://1', two);
  await interests.unsubscribe(to('x://1'), one);
  expect(upstream.told).toEqual([{ resources: ['x://1'], logLevel: undefined }]);
  await interests.unsubscribe(to('x://1'), two);
  expect(upstream.told.at(-1)?.resources).toEqual([]);
  expect(interests.size).toBe(0);
});

test('Interests delivers an update to its subscribers only, and of what lies below', async () => {
  const { to, interests } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  await interests.subscribe(to('x://1'), 'x://1', one);
  await interests.subscribe(to('x://12'), 'x://12', two);
  interests.resourceUpdated('a', undefined, update('x://1'));
  interests.resourceUpdated('a', undefined, update('x://1/page'));
  interests.resourceUpdated('b', undefined, update('x://12'));
  expect(one.texts).toEqual([update('x://1'), update('x://1/page')]);
  expect(two.texts).toEqual([]);
});

test("Interests takes the tag of our own stream off an update, and leaves the server's members", async () => {
  const { to, interests } = setUp();
  const one = subscriber();
  await interests.subscribe(to('x://1'), 'x://1', one);
  const tag = { 'io.modelcontextprotocol/subscriptionId': 'listen-1' };
  interests.resourceUpdated('a', undefined, update('x://1', { ...tag, odd: 1 }));
  interests.resourceUpdated('a', undefined, update('x://1', tag));
  expect(one.texts.map((text) => JSON.parse(text).params)).toEqual([
    { uri: 'x://1', _meta: { odd: 1 } },
    { uri: 'x://1' },
  ]);
});

test('Interests forgets a subscription that the server refuses, and says so', async () => {
  const { upstream, to, interests } = setUp();
  upstream.refused = 'x://no';
  const one = subscriber();
  await expect(interests.subscribe(to('x://no'), 'x://no', one)).rejects.toMatchObject({
    code: 'RPC_ERROR',
  });
  expect(interests.size).toBe(0);
  await interests.subscribe(to('x://yes'), 'x://yes', one);
  expect(upstream.told).toEqual([{ resources: ['x://yes'], logLevel: undefined }]);
});

test('Interests tells no client what a server said to another one', async () => {
  const { upstream, to, interests } = setUp();
  upstream.refused = 'x://no';
  const [one, two] = [subscriber(), subscriber()];
  await interests.subscribe(to('x://1'), 'x://1', one);
  const refused = interests.subscribe(to('x://no'), 'x://no', one);
  const joined = interests.subscribe(to('x://1'), 'x://1', two);
  await expect(refused).rejects.toMatchObject({ code: 'RPC_ERROR' });
  await expect(joined).resolves.toBeUndefined();
});

test('Interests refuses all who asked for the same resource before the server answered', async () => {
  const { upstream, to, interests } = setUp();
  upstream.refused = 'x://no';
  const asked = [subscriber(), subscriber()].map(
    async (one) => await interests.subscribe(to('x://no'), 'x://no', one),
  );
  const settled = await Promise.allSettled(asked);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(interests.size).toBe(0);
});

test('Interests closes what was opened for a client that only followed, once it is gone', async () => {
  const { upstream, cell, interests } = setUp();
  const released: string[] = [];
  const target: UpstreamAccess = {
    ...sharedAccess(upstream),
    release: (id) => void released.push(id),
  };
  cell.swap(catalogOf(target), NO_CHANGE);
  const [one, two] = [subscriber('1'), subscriber('2')];
  await interests.subscribe(toOf(target)('x://1'), 'x://1', one);
  await interests.unsubscribe(toOf(target)('x://1'), one);
  interests.setLogLevel(one, undefined, 'info');
  interests.setLogLevel(two, undefined, 'info');
  expect(released).toEqual([]);
  interests.release(one);
  expect(released).toEqual(['1']);
});

test('Interests tells a connector that comes later the level, and the level falls with its client', async () => {
  const { upstream, cell, interests } = setUp();
  const [one, two] = [subscriber('1'), subscriber('2')];
  cell.swap({ ...catalogOf(sharedAccess(upstream)), all: EMPTY_VIEW }, NO_CHANGE);
  interests.setLogLevel(one, undefined, 'debug');
  interests.setLogLevel(two, undefined, 'error');
  cell.swap(catalogOf(sharedAccess(upstream)), NO_CHANGE);
  const level = (): string | undefined => upstream.told.at(-1)?.logLevel;
  await expect.poll(level).toBe('debug');
  interests.release(one);
  await expect.poll(level).toBe('error');
});

test('Interests lets go of everything of a client that is gone', async () => {
  const { upstream, to, interests } = setUp();
  const one = subscriber('s');
  await interests.subscribe(to('x://1'), 'x://1', one);
  interests.setLogLevel(one, undefined, 'debug');
  interests.release(one);
  await expect.poll(() => upstream.told.at(-1)).toEqual({ resources: [], logLevel: undefined });
  expect(interests.size).toBe(0);
});

test('Interests wants the most verbose level of all clients, of the connectors they see', async () => {
  const { upstream, interests } = setUp();
  const [one, two] = [subscriber('1'), subscriber('2')];
  const level = (): string | undefined => upstream.told.at(-1)?.logLevel;
  interests.setLogLevel(one, 'a', 'error');
  await expect.poll(level).toBe('error');
  interests.setLogLevel(two, undefined, 'info');
  await expect.poll(level).toBe('info');
  interests.setLogLevel(two, 'other', 'debug');
  await expect.poll(level).toBe('error');
});

test('Interests tells a replaced connector what the old one knew', async () => {
  const { to, cell, interests } = setUp();
  await interests.subscribe(to('x://1'), 'x://1', subscriber());
  const next = new NotingUpstream();
  cell.swap(catalogOf(sharedAccess(next)), NO_CHANGE);
  await expect.poll(() => next.told).toEqual([{ resources: ['x://1'], logLevel: undefined }]);
});

test('Interests keeps apart what two clients want of connections of their own', async () => {
  const { cell, interests } = setUp();
  const upstreams = new Map<string, NotingUpstream>();
  const target: UpstreamAccess = {
    ...sharedAccess(new NotingUpstream()),
    acquire: ({ id }) => {
      const upstream = upstreams.get(id) ?? new NotingUpstream();
      upstreams.set(id, upstream);
      return upstream;
    },
  };
  cell.swap(catalogOf(target), NO_CHANGE);
  const [one, two] = [subscriber('1'), subscriber('2')];
  await interests.subscribe(toOf(target)('x://1'), 'x://1', one);
  await interests.subscribe(toOf(target)('x://1'), 'x://1', two);
  interests.resourceUpdated('a', '1', update('x://1'));
  expect([one.texts.length, two.texts.length]).toEqual([1, 0]);
  expect([...upstreams.values()].map(({ told }) => told.length)).toEqual([1, 1]);
});

test('Interests gives a client the URI it knows, where the shared endpoint shows another than the server', async () => {
  const { upstream, to, interests } = setUp();
  const one = subscriber();
  await interests.subscribe(to('x://h/1'), 'x://h/a/1', one);
  interests.resourceUpdated('a', undefined, update('x://h/1/page'));
  expect(upstream.told.at(-1)?.resources).toEqual(['x://h/1']);
  expect(one.texts).toEqual([update('x://h/a/1/page')]);
});
