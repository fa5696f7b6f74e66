import {
  createBreakerCounts,
  DEFAULT_THRESHOLDS,
  type BreakerCounts,
  type BreakerThresholds,
} from './breaker-counts.ts';

export interface BreakerPolicy extends BreakerThresholds {
  /** How long it stays open the first time; twice, three times … as long the next times. Default 30000. */
  readonly openMs: number;
  /** The longest it stays open. Default 300000. */
  readonly maxOpenMs: number;
  /** Added to either: up to this share of it. Default 0.1. */
  readonly jitter: number;
}

/** contract.md, breaker. */
export const DEFAULT_BREAKER_POLICY: BreakerPolicy = {
  ...DEFAULT_THRESHOLDS,
  openMs: 30_000,
  maxOpenMs: 300_000,
  jitter: 0.1,
};

export type BreakerState = 'closed' | 'open' | 'half-open';

/** Whether a connector is called at all (T4). Every admitted call is followed by one outcome with its ticket. */
export interface CircuitBreaker {
  readonly state: BreakerState;
  /** False while every call is refused. */
  readonly allows: boolean;
  /** When a call is let through again, in milliseconds from now; 0 when one would be now. */
  readonly retryAfterMs: number;
  /** A ticket for one call, or `REFUSED`. */
  admit(): number;
  /** Counts failures of connections; a call keeps what it was when it was sent. */
  readonly breaks: number;
  /** Whether the call with this ticket may be sent again: nothing has opened it, and it is no probe. */
  mayRepeat(ticket: number): boolean;
  succeeded(ticket: number): void;
  failed(ticket: number): void;
  /**
   * No connection was made, or it broke. All calls that were under way at that moment are one failure.
   * @param breaks as it was when the call was sent.
   */
  lost(ticket: number, breaks: number): void;
  /** The call ended without saying anything about the server. */
  released(ticket: number): void;
  /**
   * Lists were answered. Closes it if all that failed were connections; but not twice without a call that succeeded in
   * between, or a server that breaks off at calls only would never be left in peace.
   */
  reached(): void;
}

export interface BreakerOptions {
  readonly policy: BreakerPolicy;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** It has opened for so long; `lists`: it may be closed by lists. */
  readonly opened: (openMs: number, lists: boolean) => void;
  readonly closed: () => void;
}

/** What `admit` gives instead of a ticket. */
export const REFUSED = -1;
/** When somebody else is asking already. */
const PROBE_RETRY_MS = 1_000;

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly untilMs: number }
  | { readonly kind: 'half-open'; readonly untilMs: number };

const CLOSED: State = { kind: 'closed' };

class TimedBreaker implements CircuitBreaker {
  readonly #options: BreakerOptions;
  #counts: BreakerCounts | undefined;
  #state: State = CLOSED;
  /** The ticket of all calls that count now. What began before the last change of state says nothing any more. */
  #ticket = 0;
  /** Times it opened in a row. */
  #times = 0;
  #openMs = 0;
  #closedAtMs = -Infinity;
  /** All failures since the last success were of connections. */
  #onlyLost = true;
  /** Lists have closed it since the last success. */
  #listsTried = false;
  breaks = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    const { kind } = this.#state;
    return kind === 'open' && this.retryAfterMs === 0 ? 'half-open' : kind;
  }

  get allows(): boolean {
    return this.#state === CLOSED || this.retryAfterMs === 0;
  }

  get retryAfterMs(): number {
    const state = this.#state;
    if (state.kind === 'closed') return 0;
    if (state.kind === 'half-open') return PROBE_RETRY_MS;
    return Math.max(0, state.untilMs - performance.now());
  }

  admit(): number {
    if (this.#state === CLOSED) return this.#ticket;
    if (this.#state.kind !== 'open' || this.retryAfterMs > 0) return REFUSED;
    this.#state = { kind: 'half-open', untilMs: this.#state.untilMs };
    this.#ticket += 1;
    return this.#ticket;
  }

  mayRepeat(ticket: number): boolean {
    return this.#state === CLOSED && ticket === this.#ticket;
  }

  succeeded(ticket: number): void {
    if (ticket !== this.#ticket) return;
    if (this.#state === CLOSED) {
      this.#onlyLost = true;
      this.#listsTried = false;
      this.#count().succeeded();
    } else if (this.#state.kind === 'half-open') {
      this.#listsTried = false;
      this.#close();
    }
  }

  failed(ticket: number): void {
    if (ticket !== this.#ticket) return;
    this.#onlyLost = false;
    this.#failed();
  }

  lost(ticket: number, breaks: number): void {
    if (ticket !== this.#ticket || breaks !== this.breaks) return;
    this.breaks += 1;
    this.#failed();
  }

  #failed(): void {
    if (this.#state === CLOSED) {
      if (this.#count().failed()) this.#open();
    } else if (this.#state.kind === 'half-open') {
      this.#open();
    }
  }

  released(ticket: number): void {
    if (ticket !== this.#ticket || this.#state.kind !== 'half-open') return;
    // The next call asks instead.
    this.#state = { kind: 'open', untilMs: this.#state.untilMs };
  }

  reached(): void {
    if (this.#state === CLOSED || !this.#mayBeListed) return;
    this.#listsTried = true;
    this.#close();
  }

  get #mayBeListed(): boolean {
    return this.#onlyLost && !this.#listsTried;
  }

  #count(): BreakerCounts {
    return (this.#counts ??= createBreakerCounts(this.#options.policy));
  }

  #open(): void {
    const { policy, random, opened } = this.#options;
    const nowMs = performance.now();
    // Whoever was well for as long as it was ill before starts anew.
    if (this.#state === CLOSED && nowMs - this.#closedAtMs > this.#openMs) this.#times = 0;
    this.#times += 1;
    const baseMs = Math.min(policy.openMs * this.#times, policy.maxOpenMs);
    this.#openMs = baseMs * (1 + policy.jitter * random());
    this.#state = { kind: 'open', untilMs: nowMs + this.#openMs };
    this.#ticket += 1;
    opened(this.#openMs, this.#mayBeListed);
  }

  #close(): void {
    this.#state = CLOSED;
    this.#ticket += 1;
    this.#counts = undefined;
    this.#onlyLost = true;
    this.#closedAtMs = performance.now();
    this.#options.closed();
  }
}

/**
 * Opens when too many calls in a row, or too large a share of them, failed; then refuses for a while that grows each
 * time, lets one call through, and closes when that is answered. On the monotonic clock, without timers.
 */
export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  return new TimedBreaker(options);
}
