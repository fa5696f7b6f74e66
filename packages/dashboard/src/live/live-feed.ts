import { withBeat } from '../model/beat.ts';
import { parseJson } from '../model/json.ts';
import { readOverview, type Overview } from '../model/overview.ts';
import { backoffMs } from './backoff.ts';
import type { Fetch } from './gateway-fetch.ts';
import { createSseReader, type SseEvent } from './sse-reader.ts';
import type { Store } from './store.ts';

/** How the page is connected. */
export type FeedState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Shows what it last knew, known at `since`; tries again at `nextAt`. Both in the browser's time. */
  | { readonly kind: 'reconnecting'; readonly since: number; readonly nextAt: number }
  /** The gateway has no stream left for this page, so it asks now and then. */
  | { readonly kind: 'polling' }
  /** Waits for a key. */
  | { readonly kind: 'locked' };

export interface LiveFeedOptions {
  readonly fetch: Fetch;
  readonly overview: Store<Overview | undefined>;
  readonly state: Store<FeedState>;
  /** Evenly distributed in [0, 1). */
  readonly random: () => number;
  /** The stream is given up when nothing came for so long. Default: 10 s; the gateway sends every 2 s. */
  readonly silenceMs?: number;
  readonly now?: () => number;
}

export interface LiveFeed {
  start(): void;
  /** Connects at once, for instance with a new key. */
  reconnect(): void;
  stop(): void;
}

const EVENTS = '/page/api/events';
const OVERVIEW = '/page/api/overview';
const SILENCE_MS = 10_000;

type Ending = 'closed' | 'refused' | 'locked' | 'full';

class Feed implements LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #now: () => number;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #lastSeen = 0;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    this.reconnect();
  }

  reconnect(): void {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    void this.#run(abort);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #run(abort: AbortController): Promise<void> {
    let ending: Ending;
    try {
      ending = await this.#read(abort);
    } catch {
      // Not reachable, cut off, silent or unreadable: all of it means trying again.
      ending = 'refused';
    }
    if (this.#abort !== abort) return;
    abort.abort();
    if (ending === 'locked') {
      this.#options.state.set({ kind: 'locked' });
      return;
    }
    this.#failures += 1;
    const waitMs = backoffMs(this.#failures, this.#options.random);
    const now = this.#now();
    this.#options.state.set(
      ending === 'full'
        ? { kind: 'polling' }
        : { kind: 'reconnecting', since: this.#lastSeen || now, nextAt: now + waitMs },
    );
    this.#timer = setTimeout(() => {
      this.reconnect();
    }, waitMs);
  }

  /** Reads one stream to its end. */
  async #read(abort: AbortController): Promise<Ending> {
    const silenceMs = this.#options.silenceMs ?? SILENCE_MS;
    let alarm: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(alarm);
      alarm = setTimeout(() => {
        abort.abort();
      }, silenceMs);
    };
    heard();
    try {
      const { signal } = abort;
      const headers = { accept: 'text/event-stream' };
      const response = await this.#options.fetch(EVENTS, { headers, signal });
      if (response.status === 401 || response.status === 403) return 'locked';
      if (response.status === 503) return (await this.#poll(signal)) ? 'full' : 'refused';
      if (!response.ok || response.body === null) return 'refused';
      const reader = createSseReader();
      const decoder = new TextDecoder();
      const body = response.body.getReader();
      for (let part = await body.read(); !part.done; part = await body.read()) {
        heard();
        for (const event of reader.push(decoder.decode(part.value, { stream: true }))) {
          this.#take(event);
        }
      }
      return 'closed';
    } finally {
      clearTimeout(alarm);
    }
  }

  async #poll(signal: AbortSignal): Promise<boolean> {
    const response = await this.#options.fetch(OVERVIEW, { signal });
    if (!response.ok) return false;
    const overview = readOverview(await response.json());
    if (overview !== undefined) this.#options.overview.set(overview);
    return overview !== undefined;
  }

  #take(event: SseEvent): void {
    const { overview, state } = this.#options;
    this.#lastSeen = this.#now();
    if (event.name === 'overview') {
      const next = readOverview(parseJson(event.data));
      if (next === undefined) return;
      overview.set(next);
      this.#failures = 0;
      state.set({ kind: 'live' });
    } else if (event.name === 'beat') {
      const before = overview.get();
      if (before !== undefined) overview.set(withBeat(before, parseJson(event.data)));
    }
  }
}

/** Keeps the overview as the gateway tells it, and connects again, with the whole overview, whenever the stream ends. */
export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  return new Feed(options);
}
