import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Delays of the event loop, in seconds. */
export interface LoopDelays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Watches how long turns of the event loop take. Reading takes nothing away from other readers. */
export interface EventLoopDelay {
  start(): void;
  stop(): void;
  /** Of the last window that is complete (of the one under way before there is any); `max` of the one under way too. */
  read(): LoopDelays;
  /** What turns took beyond the first 100 ms of each, in seconds, since `start()`. Never falls. */
  stalledS(): number;
}

export interface EventLoopDelayOptions {
  /** From every turn, without a timer; else a timer samples. */
  readonly perIteration: boolean;
  /** The least that a window lasts. Default: 15 s, as scrapes are apart. */
  readonly windowMs?: number | undefined;
  /** Monotonic, in milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** How often the timer of an earlier Node samples, and with it the floor of what it reports. */
const RESOLUTION_MS = 20;
const WINDOW_MS = 15_000;
/** A turn below this is no stall. */
const STALL_S = 0.1;
/** Stalls of a window that are added one by one; more are added in so many groups. */
const MAX_GROUPS = 256;
const NS_PER_S = 1e9;
const NOTHING: LoopDelays = { p50: 0, p99: 0, max: 0 };

class WatchedLoop implements EventLoopDelay {
  readonly #delays: ReturnType<typeof monitorEventLoopDelay>;
  readonly #floorS: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  #beganAtMs: number;
  #last: LoopDelays | undefined;
  /** Of the windows before the one under way. */
  #pastS = 0;
  #shownS = 0;

  constructor({ perIteration, windowMs = WINDOW_MS, now }: EventLoopDelayOptions) {
    this.#delays = monitorEventLoopDelay({
      samplePerIteration: perIteration,
      resolution: RESOLUTION_MS,
    });
    this.#floorS = perIteration ? 0 : RESOLUTION_MS / 1000;
    this.#windowMs = windowMs;
    this.#now = now ?? (() => performance.now());
    this.#beganAtMs = this.#now();
  }

  start(): void {
    this.#beganAtMs = this.#now();
    this.#delays.enable();
  }

  stop(): void {
    this.#delays.disable();
  }

  read(): LoopDelays {
    this.#rotate();
    const current = this.#current();
    const last = this.#last ?? current;
    return { ...last, max: Math.max(last.max, current.max) };
  }

  stalledS(): number {
    // Of groups only about as much is known, and a counter that falls would count as begun anew.
    this.#shownS = Math.max(this.#shownS, this.#pastS + this.#stalledNow());
    return this.#shownS;
  }

  /** No timer wakes an idle process for it: whoever reads first after the time does. */
  #rotate(): void {
    const atMs = this.#now();
    if (atMs - this.#beganAtMs < this.#windowMs) return;
    this.#last = this.#current();
    this.#pastS += this.#stalledNow();
    this.#beganAtMs = atMs;
    this.#delays.reset();
  }

  #current(): LoopDelays {
    const delays = this.#delays;
    if (delays.count === 0) return NOTHING;
    return {
      p50: this.#seconds(delays.percentile(50)),
      p99: this.#seconds(delays.percentile(99)),
      max: this.#seconds(delays.max),
    };
  }

  #seconds(ns: number): number {
    return Math.max(0, ns / NS_PER_S - this.#floorS);
  }

  /** The turn at this place when they are ordered, from 1. */
  #at(rank: number): number {
    return this.#seconds(this.#delays.percentile((rank / this.#delays.count) * 100));
  }

  #stalledNow(): number {
    const { count, max } = this.#delays;
    if (count === 0 || this.#seconds(max) <= STALL_S) return 0;
    // The first that is a stall, by halves.
    let first = 1;
    let end = count;
    while (first < end) {
      const middle = Math.floor((first + end) / 2);
      if (this.#at(middle) > STALL_S) end = middle;
      else first = middle + 1;
    }
    const step = Math.max(1, (count - first + 1) / MAX_GROUPS);
    let sumS = 0;
    for (let rank = first; rank <= count; rank += step) {
      const size = Math.min(step, count + 1 - rank);
      sumS += (this.#at(Math.min(count, Math.floor(rank + size / 2))) - STALL_S) * size;
    }
    return sumS;
  }
}

export function createEventLoopDelay(options: EventLoopDelayOptions): EventLoopDelay {
  return new WatchedLoop(options);
}
