import {
  createReconnectPace,
  type ReconnectPace,
  type StreamPolicy,
} from './notification-stream-policy.ts';
import type { UpstreamError } from './upstream-error.ts';

/** Why an attempt at a stream is over. */
export type StreamEnd =
  /** It was closed or cut, or could not be had just now. */
  | { readonly kind: 'ended'; readonly retryAfterMs?: number | undefined }
  /** The server says that it has no such stream. */
  | { readonly kind: 'declined' }
  /** The server does not know the session, unless it only has no stream: some answer both in the same way. */
  | { readonly kind: 'lost'; readonly error: UpstreamError };

/** What an attempt reports: `opened` at most once, `retry` any time, and at last `ended`, once. */
export interface StreamListener {
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
  /** Opens it after `firstDelayMs` and keeps it open. Does nothing the second time. */
  open(): void;
  /** Ends it for good, at once. Idempotent. */
  close(): void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'trying'; readonly attempt: StreamAttempt }
  | { readonly kind: 'open'; readonly attempt: StreamAttempt; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'over' };

const OVER: State = { kind: 'over' };

class KeptStream implements NotificationStream {
  readonly #options: NotificationStreamOptions;
  readonly #pace: ReconnectPace;
  #state: State = { kind: 'idle' };
  #attempts = 0;
  #wasOpen = false;
  #retryMs: number | undefined;

  constructor(options: NotificationStreamOptions) {
    this.#options = options;
    this.#pace = createReconnectPace(options.random, options.policy);
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open';
  }

  open(): void {
    if (this.#state.kind !== 'idle') return;
    const { random, policy } = this.#options;
    if (policy.firstDelayMs === 0) this.#try();
    else this.#tryAfter(policy.firstDelayMs * (1 + random()));
  }

  close(): void {
    const state = this.#state;
    this.#state = OVER;
    if (state.kind === 'trying' || state.kind === 'open') state.attempt.close();
    if (state.kind === 'waiting') clearTimeout(state.timer);
  }

  #try(): void {
    this.#attempts += 1;
    const attempt = this.#options.createAttempt({
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
    if (this.#attempts > 1) this.#options.reopened();
  }

  #ended(end: StreamEnd): void {
    const state = this.#state;
    if (state.kind !== 'trying' && state.kind !== 'open') return;
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
