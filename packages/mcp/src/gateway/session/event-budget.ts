import type { RawJson } from '../../protocol/json-bytes.ts';
import { AgeList, type AgePlace } from './age-list.ts';

export interface EventLogLimits {
  /** Of one session, in characters of JSON; the oldest give way, down to the last. Default 1 Mi. */
  readonly maxSessionSize: number;
  /** Of all sessions together. Default 64 Mi. */
  readonly maxSize: number;
  /** How long an event can be had again. Default 5 min. */
  readonly ttlMs: number;
  /** What clients are told to wait before they come back. Default 1 s. */
  readonly retryMs: number;
}
export const DEFAULT_EVENT_LOG_LIMITS: EventLogLimits = {
  maxSessionSize: 1_048_576,
  maxSize: 67_108_864,
  ttlMs: 300_000,
  retryMs: 1_000,
};

/** What can be had again, until it has to give way. */
export interface HeldEvent {
  readonly text: RawJson;
  /** Where the budget holds it; undefined while it does not. */
  inBudget: AgePlace<HeldEvent> | undefined;
  /** It gives way: whoever holds it releases it. */
  forget(): void;
}

/** Events of all sessions, oldest first, so that together they stay within bounds. */
export class EventBudget {
  readonly limits: EventLogLimits;
  readonly #events = new AgeList<HeldEvent>();
  #size = 0;

  constructor(limits: EventLogLimits = DEFAULT_EVENT_LOG_LIMITS) {
    this.limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  hold(event: HeldEvent): void {
    event.inBudget = this.#events.add(event);
    this.#size += event.text.length;
    while (this.#size > this.limits.maxSize && this.#events.oldest !== undefined) {
      this.#events.oldest.forget();
    }
  }

  release(event: HeldEvent): void {
    if (event.inBudget === undefined) return;
    this.#events.remove(event.inBudget);
    event.inBudget = undefined;
    this.#size -= event.text.length;
  }
}
