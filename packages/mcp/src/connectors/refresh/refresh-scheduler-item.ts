import type { DueItem } from './refresh-scheduler-heap.ts';

/** What the scheduler knows of one connector. Instants are monotonic. */
export interface ScheduledItem extends DueItem {
  readonly id: string;
  ttlMs: number | undefined;
  /** When it is due by its TTL, should it be in demand. */
  aheadAtMs: number;
  demandedAtMs: number;
  /** Asked for by `Retry-After`; only a forced refresh goes before it. */
  notBeforeMs: number;
  /** In a row. */
  failures: number;
  /** When notifications caused the last refreshes, oldest first. */
  readonly changes: number[];
  changePending: boolean;
  /** When what was had last is to be looked at again; Infinity: when it is due. */
  checkAtMs: number;
  /** Set while a refresh runs. */
  abort: AbortController | undefined;
  /** Those who wait for a forced refresh that has not begun. */
  waiters: (() => void)[];
}

export function createScheduledItem(id: string): ScheduledItem {
  return {
    id,
    ttlMs: undefined,
    aheadAtMs: Infinity,
    demandedAtMs: -Infinity,
    notBeforeMs: -Infinity,
    failures: 0,
    changes: [],
    changePending: false,
    checkAtMs: Infinity,
    abort: undefined,
    waiters: [],
    dueAtMs: Infinity,
    heapIndex: -1,
  };
}

/** Lets go of those who wait for a refresh that will not come. */
export function releaseWaiters(item: ScheduledItem): void {
  const { waiters } = item;
  item.waiters = [];
  for (const resolve of waiters) resolve();
}

export interface ChangeLimits {
  readonly debounceMs: number;
  readonly maxChangesPerMinute: number;
}

const MINUTE_MS = 60_000;

/**
 * When a change notification that arrives at `nowMs` may cause a refresh: after the debounce, not before the oldest
 * of the last `maxChangesPerMinute` is a minute old (storm cap), not before a `Retry-After`.
 */
export function changeDueAtMs(item: ScheduledItem, nowMs: number, limits: ChangeLimits): number {
  const { changes } = item;
  while (changes.length > 0 && nowMs - (changes[0] ?? 0) >= MINUTE_MS) changes.shift();
  const full = changes.length >= limits.maxChangesPerMinute;
  const allowedAtMs = full ? (changes[0] ?? nowMs) + MINUTE_MS : nowMs;
  return Math.max(nowMs + limits.debounceMs, allowedAtMs, item.notBeforeMs);
}
