import { WatchedCalls, type Placed } from '../../protocol/open-calls.ts';

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

/** Ends calls whose time is up. */
export class CallDeadlines<C extends TimedCall = TimedCall> extends WatchedCalls<C> {
  constructor() {
    super(TICK_MS, (call, nowMs) => this.#lookAt(call, nowMs));
  }

  #lookAt(call: C, nowMs: number): void {
    const idleMs = nowMs - call.lastProgressAtMs;
    const totalMs = nowMs - call.startedAtMs;
    const idle = idleMs >= call.idleTimeoutMs && !call.waiting;
    if (idle || totalMs >= call.maxCallMs) {
      this.delete(call);
      // A hard cap below the idle time ends a server that never said anything, too.
      call.expire(totalMs, idle || (idleMs >= totalMs && !call.waiting));
    } else {
      call.tick(nowMs);
    }
  }
}
