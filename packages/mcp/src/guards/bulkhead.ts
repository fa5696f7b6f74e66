import type { BulkheadLimits } from '../connectors/connector.ts';

/** contract.md, bulkhead. */
export const DEFAULT_BULKHEAD: BulkheadLimits = {
  maxInFlight: 32,
  maxQueued: 64,
  queueTimeoutMs: 1_000,
};

/** A call that waits for its place. */
export interface WaitingForPlace {
  /** On the clock of `performance.now()`. */
  readonly waitsSinceMs: number;
  /** It has a place now. */
  proceed(): void;
  /** It has waited for too long. */
  giveUp(): void;
}

/** The places of one connector (T5). Whoever has one, by `take` or `proceed`, gives it back once. */
export class Bulkhead {
  readonly limits: BulkheadLimits;
  /** In the order they came. */
  readonly #queue = new Set<WaitingForPlace>();
  #inFlight = 0;
  #lent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: BulkheadLimits) {
    this.limits = limits;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Places of calls that wait for people. */
  get lent(): number {
    return this.#lent;
  }

  /** Takes a place if there is one and nobody waits for it. */
  take(): boolean {
    if (this.#inFlight >= this.limits.maxInFlight) return false;
    this.#inFlight += 1;
    return true;
  }

  give(): void {
    this.#inFlight -= 1;
    if (this.#queue.size > 0) this.#next();
  }

  /** Waits for a place. False when too many do. */
  queue(call: WaitingForPlace): boolean {
    if (this.#queue.size >= this.limits.maxQueued) return false;
    this.#queue.add(call);
    this.#timer ??= this.#wait(this.limits.queueTimeoutMs);
    return true;
  }

  leave(call: WaitingForPlace): void {
    this.#queue.delete(call);
    if (this.#queue.size === 0) this.#rest();
  }

  /**
   * Lets others have a place whose call waits for its client, which may take as long as people take. False when as many
   * as there are places have done so.
   */
  lend(): boolean {
    if (this.#lent >= this.limits.maxInFlight) return false;
    this.#lent += 1;
    this.give();
    return true;
  }

  /** Has a lent place back; for a while there are more calls than places. */
  reclaim(): void {
    this.#lent -= 1;
    this.#inFlight += 1;
  }

  /** The call of a lent place is over. */
  forgo(): void {
    this.#lent -= 1;
  }

  /** Those that wait now. */
  waiting(): readonly WaitingForPlace[] {
    return [...this.#queue];
  }

  #next(): void {
    for (const call of this.#queue) {
      if (!this.take()) return;
      this.leave(call);
      call.proceed();
    }
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), ms).unref();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    this.#timer = undefined;
    const { queueTimeoutMs } = this.limits;
    const nowMs = performance.now();
    for (const call of this.#queue) {
      const dueMs = call.waitsSinceMs + queueTimeoutMs - nowMs;
      if (dueMs > 0) {
        this.#timer ??= this.#wait(Math.ceil(dueMs));
        return;
      }
      this.#queue.delete(call);
      call.giveUp();
    }
  }
}
