import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAnnouncer } from '../../src/live/announcer.ts';
import type { FeedState } from '../../src/live/live-feed.ts';
import { createStore } from '../../src/live/store.ts';
import { readOverview, type Overview } from '../../src/model/overview.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function overviewOf(state: string): Overview | undefined {
  return readOverview({ service: {}, connectors: [{ id: 'weather', state }] });
}

function announcing() {
  const overview = createStore<Overview | undefined>(undefined);
  const feed = createStore<FeedState>({ kind: 'connecting' });
  const told = createAnnouncer(overview, feed);
  const sentences: string[] = [];
  told.watch(() => sentences.push(told.get()));
  return { overview, feed, sentences };
}

const away = { kind: 'reconnecting', since: 0, nextAt: 0 } as const;

test('createAnnouncer() says nothing of the first overview', () => {
  const { overview, feed, sentences } = announcing();
  feed.set({ kind: 'live' });
  overview.set(overviewOf('fresh'));
  vi.advanceTimersByTime(2000);
  expect(sentences).toEqual([]);
});

test('createAnnouncer() tells changes once, and none that changed back in between', () => {
  const { overview, sentences } = announcing();
  overview.set(overviewOf('fresh'));
  vi.advanceTimersByTime(2000);
  overview.set(overviewOf('stale'));
  overview.set(overviewOf('unavailable'));
  vi.advanceTimersByTime(2000);
  overview.set(overviewOf('fresh'));
  overview.set(overviewOf('unavailable'));
  vi.advanceTimersByTime(2000);
  expect(sentences).toEqual(['weather is now unavailable.']);
});

test('createAnnouncer() tells that the connection went and came, once each', () => {
  const { feed, sentences } = announcing();
  feed.set(away);
  vi.advanceTimersByTime(2000);
  feed.set({ kind: 'live' });
  vi.advanceTimersByTime(2000);
  feed.set(away);
  vi.advanceTimersByTime(2000);
  feed.set({ ...away });
  vi.advanceTimersByTime(2000);
  feed.set({ kind: 'live' });
  vi.advanceTimersByTime(2000);
  expect(sentences).toEqual([
    'The connection to the gateway is lost. Reconnecting.',
    'Live again.',
  ]);
});
