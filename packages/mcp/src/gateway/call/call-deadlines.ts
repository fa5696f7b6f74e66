import { OpenCalls, type Placed } from '../../protocol/open-calls.ts';

/** A call with its times, in milliseconds of `performance.now()`. */
export interface TimedCall extends Placed {
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly idleTimeoutMs: number;
  readonly maxCallMs: number;
  /** True while its client has something to answer: that takes as long as people take, and only `maxCallMs` ends it. */
  readonly waiting: boolean;
  /** Called at every look at it. */
  tick(nowMs: number): void;
  /** Called once, when either time is used up; `silent`: the first, or nothing was heard at all. */
  expire(waitedMs: number, silent: boolean): void;
}

/** When its time is up unless it gets on, on the clock of `performance.now()`. */
export function dueAtMs(call: TimedCall): number {
  const { startedAtMs, maxCallMs, lastProgressAtMs, idleTimeoutMs } = call;
  return Math.min(startedAtMs + maxCallMs, lastProgressAtMs + idleTimeoutMs);
}

/** How often calls are looked at; a deadline is kept to within this. */
const TICK_MS = 250;

/**
 * One coarse timer for all calls: cheaper than one each. It is gone a look after nothing is in flight, and not at once: one
 * caller at a time would otherwise start and end it with each call.
 */
export class CallDeadlines<C extends TimedCall = TimedCall> {
  readonly #calls = new OpenCalls<C>();
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#calls.size;
  }

  /** Calls on their way. */
  all(): readonly C[] {
    return this.#calls.all();
  }

  add(call: C): void {
    this.#calls.add(call);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  delete(call: C): void {
    this.#calls.delete(call);
  }

  #tick(): void {
    if (this.#calls.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const call of this.#calls.all()) {
      // Another's end may have been its own.
      if (call.place < 0) continue;
      const idleMs = now - call.lastProgressAtMs;
      const totalMs = now - call.startedAtMs;
      const idle = idleMs >= call.idleTimeoutMs && !call.waiting;
      if (idle || totalMs >= call.maxCallMs) {
        this.delete(call);
        // A hard cap below the idle time ends a server that never said anything, too.
        call.expire(totalMs, idle || (idleMs >= totalMs && !call.waiting));
      } else {
        call.tick(now);
      }
    }
  }
}
