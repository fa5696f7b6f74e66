import { describeChanges } from '../model/connector-rows.ts';
import type { ConnectorFacts, Overview } from '../model/overview.ts';
import type { FeedState } from './live-feed.ts';
import { createStore, type Store } from './store.ts';

const PAUSE_MS = 1500;

/** Sentences about what changed, for a live region: at most one every 1.5 s, and none about what changed back. */
export function createAnnouncer(
  overview: Store<Overview | undefined>,
  feed: Store<FeedState>,
): Store<string> {
  const told = createStore('');
  let connectors: readonly ConnectorFacts[] | undefined;
  let wasLive = false;
  let isAway = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tell(): void {
    timer = undefined;
    const sentences: string[] = [];
    const { kind } = feed.get();
    if (kind === 'reconnecting' && wasLive && !isAway) {
      isAway = true;
      sentences.push('The connection to the gateway is lost. Reconnecting.');
    } else if (kind === 'live') {
      if (isAway) sentences.push('Live again.');
      isAway = false;
    }
    const now = overview.get()?.connectors;
    if (now !== undefined && connectors !== undefined) {
      sentences.push(describeChanges(connectors, now) ?? '');
    }
    connectors = now;
    const text = sentences.filter(Boolean).join(' ');
    if (text !== '') told.set(text);
  }

  const later = (): void => {
    // Also when it was live only for a moment.
    wasLive ||= feed.get().kind === 'live';
    // What is seen first is nothing new.
    connectors ??= overview.get()?.connectors;
    timer ??= setTimeout(tell, PAUSE_MS);
  };
  overview.watch(later);
  feed.watch(later);
  return told;
}
