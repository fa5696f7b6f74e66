import { render } from 'preact';
import { createAnnouncer } from './live/announcer.ts';
import { createGatewayFetch, createKeyKeeper, type Access } from './live/gateway-fetch.ts';
import { createLiveFeed, type FeedState } from './live/live-feed.ts';
import { createMcpClient } from './live/mcp-client.ts';
import { createStore } from './live/store.ts';
import { readTheme } from './live/theme.ts';
import type { ToolList } from './live/tool-list.ts';
import type { Overview } from './model/overview.ts';
import { parseRoute } from './model/route.ts';
import { PageContext, type PageParts } from './parts/page-context.ts';
import { App } from './views/app.tsx';
import './styles/page.css';

function random(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

function createParts(): PageParts {
  const overview = createStore<Overview | undefined>(undefined);
  const feedState = createStore<FeedState>({ kind: 'connecting' });
  const access = createStore<Access>({ kind: 'open' });
  const clockSkewMs = createStore(0);
  const keys = createKeyKeeper(sessionStorage);
  const fetch = createGatewayFetch((path, init) => globalThis.fetch(path, init), keys, access);
  overview.watch(() => {
    const service = overview.get()?.service;
    if (service !== undefined) clockSkewMs.set(service.startedAt + service.uptimeMs - Date.now());
  });
  return {
    overview,
    feedState,
    access,
    clockSkewMs,
    keys,
    fetch,
    tools: createStore<ToolList>({ kind: 'none' }),
    announced: createAnnouncer(overview, feedState),
    route: createStore(parseRoute(location.hash)),
    client: createMcpClient(fetch, () => performance.now()),
    feed: createLiveFeed({ fetch, overview, state: feedState, random }),
  };
}

document.documentElement.dataset['theme'] = readTheme(localStorage);
const parts = createParts();
addEventListener('hashchange', () => {
  parts.route.set(parseRoute(location.hash));
});
addEventListener('online', () => {
  parts.feed.reconnect();
});
parts.feed.start();
const place = document.getElementById('page');
if (place !== null) {
  render(
    <PageContext.Provider value={parts}>
      <App />
    </PageContext.Provider>,
    place,
  );
}
