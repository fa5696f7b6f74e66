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
  readonly #waited: (ms: number) => void;
  /** In the order they came; those that left before their turn are gone from it. */
  readonly #queue: WaitingForPlace[] = [];
  #inFlight = 0;
  #lent = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param waited told how long each call that had to wait did so. Default: nobody is. */
  constructor(limits: BulkheadLimits, waited: (ms: number) => void = () => undefined) {
    this.limits = limits;
    this.#waited = waited;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
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
    if (this.#queue.length > 0) this.#next();
  }

  /** Waits for a place. False when too many do. */
  queue(call: WaitingForPlace): boolean {
    if (this.#queue.length >= this.limits.maxQueued) return false;
    this.#queue.push(call);
    this.#timer ??= this.#wait(this.limits.queueTimeoutMs);
    return true;
  }

  leave(call: WaitingForPlace): void {
    if (this.#queue.length === 0) return;
    this.#remove(call);
    if (this.#queue.length === 0) this.#rest();
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
    for (let call = this.#queue[0]; call !== undefined; call = this.#queue[0]) {
      if (!this.take()) return;
      this.leave(call);
      this.#waited(performance.now() - call.waitsSinceMs);
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
    for (let call = this.#queue[0]; call !== undefined; call = this.#queue[0]) {
      const dueMs = call.waitsSinceMs + queueTimeoutMs - nowMs;
      if (dueMs > 0) {
        this.#timer ??= this.#wait(Math.ceil(dueMs));
        return;
      }
      this.#remove(call);
      this.#waited(nowMs - call.waitsSinceMs);
      call.giveUp();
    }
  }

  #remove(call: WaitingForPlace): void {
    const at = this.#queue.indexOf(call);
    if (at !== -1) this.#queue.splice(at, 1);
  }
}
