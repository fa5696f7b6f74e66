import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Access, Fetch, KeyKeeper } from '../live/gateway-fetch.ts';
import type { FeedState, LiveFeed } from '../live/live-feed.ts';
import type { McpClient } from '../live/mcp-client.ts';
import type { Store } from '../live/store.ts';
import type { ToolList } from '../live/tool-list.ts';
import type { Overview } from '../model/overview.ts';
import type { Route } from '../model/route.ts';

/** What every view can reach. */
export interface PageParts {
  readonly overview: Store<Overview | undefined>;
  readonly feedState: Store<FeedState>;
  readonly feed: LiveFeed;
  readonly access: Store<Access>;
  readonly keys: KeyKeeper;
  readonly tools: Store<ToolList>;
  readonly announced: Store<string>;
  readonly route: Store<Route>;
  /** The gateway's time less the browser's. */
  readonly clockSkewMs: Store<number>;
  readonly client: McpClient;
  readonly fetch: Fetch;
}

export const PageContext = createContext<PageParts | undefined>(undefined);

/** @throws when it is used outside of the page */
export function usePage(): PageParts {
  const parts = useContext(PageContext);
  if (parts === undefined) throw new Error('There is no page around this.');
  return parts;
}
