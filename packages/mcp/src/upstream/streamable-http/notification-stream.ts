import {
  createReconnectPace,
  type ReconnectPace,
  type StreamPolicy,
} from './notification-stream-policy.ts';
import type { UpstreamError } from '../upstream-error.ts';

/** Why an attempt at a stream is over. */
export type StreamEnd =
  /** It was closed or cut, or could not be had just now. */
  | {
      readonly kind: 'ended';
      readonly retryAfterMs?: number | undefined;
      /** What failed, when something did. */
      readonly error?: UpstreamError;
    }
  /** The server says that it has no such stream. */
  | { readonly kind: 'declined'; readonly error?: UpstreamError }
  /** The server does not know the session, unless it only has no stream: some answer both in the same way. */
  | { readonly kind: 'lost'; readonly error: UpstreamError };

/** What an attempt reports: `sent` and `opened` at most once, `retry` any time, and at last `ended`, once. */
export interface StreamListener {
  /** The request is on its way to the server. */
  sent?(): void;
  /** From now on the server tells us of changes. */
  opened(): void;
  /** The server's `retry:` field, in milliseconds. */
  retry(ms: number): void;
  ended(end: StreamEnd): void;
}

/** One attempt at a stream, from its request to its end. */
export interface StreamAttempt {
  /** Sends the request. May report its end before it returns. */
  start(): void;
  /** Ends it at once; nothing is reported any more. */
  close(): void;
}

export interface NotificationStreamOptions {
  readonly createAttempt: (listener: StreamListener) => StreamAttempt;
  /** The stream is up, and was not for a while: what changed meanwhile was not heard of. */
  readonly reopened: () => void;
  /** The server does not know the session any more. */
  readonly lost: (error: UpstreamError) => void;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly policy: StreamPolicy;
}

/** The stream on which a server tells of changes. One attempt at a time; its timer keeps no process alive. */
export interface NotificationStream {
  /** Whether the server would tell us of a change now. */
  readonly isOpen: boolean;
  /**
   * Whether it is as open as it will get: it has been opened or refused, or its request left 100 ms ago. Some servers
   * send not even headers before the first event, and what is sent to them from then on comes after that request.
   */
  readonly isSettled: boolean;
  /** Opens it after `firstDelayMs` and keeps it open. Does nothing the second time. */
  open(): void;
  /** As `open`, at once; an opening that waits for `firstDelayMs` waits no longer. */
  openNow(): void;
  /** Resolves when it is settled, which it is a second after it was asked for at the latest. */
  settled(): Promise<void>;
  /** Ends it for good, at once. Idempotent. */
  close(): void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'trying'; readonly attempt: StreamAttempt }
  | { readonly kind: 'open'; readonly attempt: StreamAttempt; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'over' };

/** A stream that came up later than this after the lists may have missed a change of them. In milliseconds. */
const MAX_UNHEARD_MS = 250;

const OVER: State = { kind: 'over' };
/** How long a stream whose request has left may be expected to open or to be refused. */
const SETTLE_MS = 100;
/** How long its request may be expected to leave: the server may not take the connection. */
const MAX_SETTLE_MS = 1_000;

class KeptStream implements NotificationStream {
  readonly #options: NotificationStreamOptions;
  readonly #pace: ReconnectPace;
  #state: State = { kind: 'idle' };
  #attempts = 0;
  /** When it was wanted for the lists: that is when they were had. */
  #wantedAtMs: number | undefined;
  #wasOpen = false;
  #retryMs: number | undefined;
  readonly #settled = Promise.withResolvers<void>();
  #isSettled = false;
  /** When it is settled whatever comes; undefined before it is asked for. */
  #settlesAtMs: number | undefined;
  /** Runs while somebody waits for that. */
  #settleTimer: NodeJS.Timeout | undefined;

  constructor(options: NotificationStreamOptions) {
    this.#options = options;
    this.#pace = createReconnectPace(options.random, options.policy);
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open';
  }

  get isSettled(): boolean {
    if (!this.#isSettled && performance.now() >= (this.#settlesAtMs ?? Infinity)) this.#settle();
    return this.#isSettled;
  }

  async settled(): Promise<void> {
    if (this.isSettled) return;
    this.#settlesAtMs ??= performance.now() + MAX_SETTLE_MS;
    this.#settleInTime(this.#settlesAtMs);
    await this.#settled.promise;
  }

  openNow(): void {
    if (this.#state.kind === 'waiting' && this.#attempts === 0) clearTimeout(this.#state.timer);
    else if (this.#state.kind !== 'idle') return;
    this.#try();
  }

  open(): void {
    if (this.#state.kind !== 'idle') return;
    this.#wantedAtMs = performance.now();
    const { random, policy } = this.#options;
    if (policy.firstDelayMs === 0) this.#try();
    else this.#tryAfter(policy.firstDelayMs * (1 + random()));
  }

  close(): void {
    const state = this.#state;
    this.#state = OVER;
    this.#settle();
    if (state.kind === 'trying' || state.kind === 'open') state.attempt.close();
    if (state.kind === 'waiting') clearTimeout(state.timer);
  }

  #try(): void {
    this.#attempts += 1;
    if (this.#attempts === 1) this.#settleWithin(MAX_SETTLE_MS);
    const attempt = this.#options.createAttempt({
      sent: () => this.#settleWithin(SETTLE_MS),
      opened: () => this.#opened(),
      retry: (ms) => {
        this.#retryMs = ms;
      },
      ended: (end) => this.#ended(end),
    });
    this.#state = { kind: 'trying', attempt };
    attempt.start();
  }

  #opened(): void {
    if (this.#state.kind !== 'trying') return;
    this.#state = { kind: 'open', attempt: this.#state.attempt, sinceMs: performance.now() };
    this.#wasOpen = true;
    this.#settle();
    const unheardMs = performance.now() - (this.#wantedAtMs ?? performance.now());
    if (this.#attempts > 1 || unheardMs > MAX_UNHEARD_MS) this.#options.reopened();
  }

  #ended(end: StreamEnd): void {
    const state = this.#state;
    if (state.kind !== 'trying' && state.kind !== 'open') return;
    this.#settle();
    if (end.kind !== 'ended' && !this.#wasOpen) {
      // It has none, and asking again would not change that: lists are asked for by their TTL.
      this.#state = OVER;
      return;
    }
    if (end.kind === 'lost') {
      this.#state = OVER;
      this.#options.lost(end.error);
      return;
    }
    const delayMs = this.#pace.delayMs({
      livedMs: state.kind === 'open' ? performance.now() - state.sinceMs : undefined,
      retryMs: this.#retryMs,
      retryAfterMs: end.kind === 'ended' ? end.retryAfterMs : undefined,
    });
    this.#tryAfter(delayMs);
  }

  #settleWithin(ms: number): void {
    if (this.#isSettled) return;
    this.#settlesAtMs = performance.now() + ms;
    if (this.#settleTimer !== undefined) this.#settleInTime(this.#settlesAtMs);
  }

  #settleInTime(atMs: number): void {
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => this.#settle(), atMs - performance.now());
    this.#settleTimer.unref();
  }

  #settle(): void {
    clearTimeout(this.#settleTimer);
    this.#isSettled = true;
    this.#settled.resolve();
  }

  #tryAfter(delayMs: number): void {
    const timer = setTimeout(() => this.#try(), delayMs);
    timer.unref();
    this.#state = { kind: 'waiting', timer };
  }
}

/**
 * Keeps a notification stream open, without storms: see `StreamPolicy`. A server that never had the stream is not
 * asked again; one that had it is, ever more rarely.
 */
export function createNotificationStream(options: NotificationStreamOptions): NotificationStream {
  return new KeptStream(options);
}
