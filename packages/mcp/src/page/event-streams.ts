import type { ServerResponse } from 'node:http';
import type { Overview } from './overview.ts';

export interface EventStreamsOptions {
  readonly overview: Overview;
  /** The first stream opens, and the last one has gone. */
  readonly watched: (isWatched: boolean) => void;
  /** Told of a document that could not be made: a bug of ours. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<EventStreamLimits>;
}

export interface EventStreamLimits {
  /** One more is answered with 503. Default 32. */
  readonly maxStreams: number;
  /** The least time between two documents; ten times as long as it takes to make one, if that is longer. Default 500. */
  readonly leastGapMs: number;
  /** Default 2000. */
  readonly beatMs: number;
  /** A stream with more than this unread is sent nothing. Default 1 MiB. */
  readonly maxUnreadBytes: number;
  /** And is cut when that lasts so long. Default 10 s. */
  readonly maxUnreadMs: number;
}

const LIMITS: EventStreamLimits = {
  maxStreams: 32,
  leastGapMs: 500,
  beatMs: 2_000,
  maxUnreadBytes: 1_048_576,
  maxUnreadMs: 10_000,
};

/** Making documents may take a tenth of the time. */
const REST_FACTOR = 10;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

/** One open page. */
interface Stream {
  readonly response: ServerResponse;
  /** The document has come: from then on it follows. */
  hasOverview: boolean;
  /** Something was left out because it reads too slowly. */
  isBehind: boolean;
  /** Since when too much is unread, on the clock of `performance.now()`. */
  slowSinceMs: number | undefined;
}

const frame = (event: string, data: string): Buffer =>
  Buffer.from(`event: ${event}\ndata: ${data}\n\n`);

/** Streams of `/page/api/events`: `overview` at once and after changes, `beat` in between, `closing` at the end. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #limits: EventStreamLimits;
  readonly #streams = new Set<Stream>();
  #beating: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isBeating = false;
  #sentAtMs = -Infinity;
  #gapMs = 0;
  #closed = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Streams open now. */
  get size(): number {
    return this.#streams.size;
  }

  open(response: ServerResponse): void {
    // Gone while the page's code was loaded: no `close` will come that frees its place.
    if (response.destroyed) return;
    if (this.#closed || this.#streams.size >= this.#limits.maxStreams) {
      response.writeHead(503, { 'retry-after': '1', 'cache-control': 'no-store' }).end();
      return;
    }
    const stream: Stream = {
      response,
      hasOverview: false,
      isBehind: false,
      slowSinceMs: undefined,
    };
    this.#streams.add(stream);
    if (this.#streams.size === 1) this.#begin();
    response.once('close', () => this.#left(stream));
    response.writeHead(200, STREAM_HEADERS);
    response.write('retry: 1000\n\n');
    void this.#send();
  }

  /** What the document says has changed. */
  changed(): void {
    if (this.#streams.size === 0 || this.#next !== undefined) return;
    const waitMs = Math.max(0, this.#sentAtMs + this.#gapMs - performance.now());
    this.#next = setTimeout(() => {
      this.#next = undefined;
      void this.#sendAnew();
    }, waitMs);
    this.#next.unref();
  }

  /** Ends all streams in order; no more are opened. Idempotent. */
  close(): void {
    this.#closed = true;
    const farewell = frame('closing', '{}');
    for (const { response } of this.#streams) if (!response.writableEnded) response.end(farewell);
  }

  #begin(): void {
    this.#options.watched(true);
    this.#beating = setInterval(() => void this.#beat(), this.#limits.beatMs);
    this.#beating.unref();
  }

  #left(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#beating);
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#options.watched(false);
  }

  async #beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const { overview, onError } = this.#options;
    try {
      const text = frame('beat', await overview.beat());
      for (const stream of this.#streams) if (stream.hasOverview) this.#write(stream, text);
      if (overview.outdated) this.changed();
    } catch (error) {
      onError(error);
    }
    this.#isBeating = false;
  }

  /** One document at a time; those who come meanwhile get the next one. */
  async #send(): Promise<void> {
    await this.#sending;
    const waiting = [...this.#streams].filter(({ hasOverview }) => !hasOverview);
    if (waiting.length > 0) await this.#sendAll();
  }

  /** What is being made may be from before the change. */
  async #sendAnew(): Promise<void> {
    await this.#sending;
    await this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#sending ??= this.#make().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  async #make(): Promise<void> {
    const beganAtMs = performance.now();
    const there = [...this.#streams];
    try {
      const text = frame('overview', await this.#options.overview.text());
      for (const stream of there) {
        stream.hasOverview = true;
        this.#write(stream, text);
      }
    } catch (error) {
      this.#options.onError(error);
    }
    this.#sentAtMs = performance.now();
    this.#gapMs = Math.max(this.#limits.leastGapMs, REST_FACTOR * (this.#sentAtMs - beganAtMs));
  }

  #write(stream: Stream, text: Buffer): void {
    const { response } = stream;
    if (response.writableEnded || response.destroyed) return;
    if (response.writableLength <= this.#limits.maxUnreadBytes) {
      response.write(text);
      if (stream.isBehind) this.changed();
      stream.isBehind = false;
      stream.slowSinceMs = undefined;
      return;
    }
    stream.isBehind = true;
    stream.slowSinceMs ??= performance.now();
    if (performance.now() - stream.slowSinceMs >= this.#limits.maxUnreadMs) response.destroy();
  }
}
