import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { Fetch } from '../../src/live/gateway-fetch.ts';
import { createLiveFeed, type FeedState, type LiveFeed } from '../../src/live/live-feed.ts';
import { createStore, type Store } from '../../src/live/store.ts';
import type { Overview } from '../../src/model/overview.ts';
import { fixtureOverview } from '../fixture/fixture-overview.ts';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listen(listener: RequestListener): Promise<Server & { readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(server, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
}

interface Watched {
  readonly feed: LiveFeed;
  readonly overview: Store<Overview | undefined>;
  /** Every state there was. */
  readonly states: FeedState[];
}

function watch(url: string, silenceMs = 5000): Watched {
  const overview = createStore<Overview | undefined>(undefined);
  const state = createStore<FeedState>({ kind: 'connecting' });
  const states: FeedState[] = [];
  state.watch(() => states.push(state.get()));
  const fetch: Fetch = (path, init) => globalThis.fetch(url + path, init);
  const feed = createLiveFeed({ fetch, overview, state, random: () => 0, silenceMs });
  open.push(() => {
    feed.stop();
  });
  feed.start();
  return { feed, overview, states };
}

function document(startedAt: number): string {
  const facts = { startedAt, now: startedAt + 1000, more: 0, isDown: false };
  return `event: overview\ndata: ${JSON.stringify(fixtureOverview(facts))}\n\n`;
}

function kinds(states: readonly FeedState[]): readonly string[] {
  return states.map((one) => one.kind);
}

test('the feed shows the overview, and moves it with beats', async () => {
  const { url } = await listen((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(document(1000));
    response.write(`event: beat\ndata: {"at":9000,"connectors":{"weather":{"inFlight":7}}}\n\n`);
  });
  const { overview, states } = watch(url);
  await vi.waitFor(() => {
    expect(overview.get()?.connectors[0]?.inFlight).toBe(7);
  });
  expect(overview.get()?.service.startedAt).toBe(1000);
  expect(kinds(states)).toEqual(['live']);
});

test('the feed connects again when the gateway closes, and keeps what it knew meanwhile', async () => {
  let streams = 0;
  const { url } = await listen((_request, response) => {
    streams += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(document(streams));
    if (streams === 1) response.end('event: closing\ndata: {}\n\n');
  });
  const { overview, states } = watch(url);
  await vi.waitFor(() => {
    expect(kinds(states)).toContain('reconnecting');
  });
  expect(overview.get()?.service.startedAt).toBe(1);
  await vi.waitFor(() => {
    expect(overview.get()?.service.startedAt).toBe(2);
  });
  expect(kinds(states)).toEqual(['live', 'reconnecting', 'live']);
});

test('the feed gives up a stream on which nothing comes, and tries again', async () => {
  let streams = 0;
  const { url } = await listen((_request, response) => {
    streams += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (streams > 1) response.write(document(streams));
    else response.flushHeaders();
  });
  const { overview } = watch(url, 150);
  await vi.waitFor(() => {
    expect(overview.get()?.service.startedAt).toBe(2);
  }, 3000);
});

test('the feed waits when it is refused for want of a key, until it is told to connect', async () => {
  let status = 401;
  const { url } = await listen((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/event-stream' });
    if (status === 200) response.write(document(5));
    else response.end();
  });
  const { feed, overview, states } = watch(url);
  await vi.waitFor(() => {
    expect(kinds(states)).toEqual(['locked']);
  });
  status = 200;
  feed.reconnect();
  await vi.waitFor(() => {
    expect(overview.get()?.service.startedAt).toBe(5);
  });
});

test('the feed asks for the document when the gateway has no stream left', async () => {
  const { url } = await listen((request, response) => {
    if (request.url === '/page/api/events') {
      response.writeHead(503).end();
      return;
    }
    const facts = { startedAt: 8, now: 9, more: 0, isDown: false };
    response.end(JSON.stringify(fixtureOverview(facts)));
  });
  const { overview, states } = watch(url);
  await vi.waitFor(() => {
    expect(kinds(states)).toEqual(['polling']);
  });
  expect(overview.get()?.service.startedAt).toBe(8);
});

test('the feed says when it tries again, tries then, and not after it was stopped', async () => {
  vi.useFakeTimers();
  open.push(() => vi.useRealTimers());
  let asked = 0;
  const fetch: Fetch = async () => {
    asked += 1;
    return Promise.reject(new TypeError('refused'));
  };
  const state = createStore<FeedState>({ kind: 'connecting' });
  const overview = createStore<Overview | undefined>(undefined);
  const feed = createLiveFeed({ fetch, overview, state, random: () => 0, now: () => 1000 });
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(state.get()).toEqual({ kind: 'reconnecting', since: 1000, nextAt: 1375 });
  await vi.advanceTimersByTimeAsync(375);
  expect(asked).toBe(2);
  feed.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(2);
});
