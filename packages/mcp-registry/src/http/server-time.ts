import { z } from 'zod';

/** A moment as it is compared (milliseconds since the epoch) and as it is served (RFC 3339). */
export interface ServerTime {
  readonly ms: number;
  readonly text: string;
}

const dateTime = z.regexes.datetime({ offset: true });

/** Reads an RFC 3339 date and time, seconds and offset included; undefined for anything else. */
export function parseServerTime(text: unknown): ServerTime | undefined {
  if (typeof text !== 'string' || !/T\d\d:\d\d:\d\d/u.test(text)) return undefined;
  if (!dateTime.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : { ms, text };
}

/** A given date as a server time. */
export function fixedTime(date: Date | undefined): ServerTime | undefined {
  return date === undefined ? undefined : { ms: date.getTime(), text: date.toISOString() };
}

/** How far ahead of the clock a date may be and still count: clocks differ, and are set back. */
export const maxSkewMs = 7_200_000;

/** A wall clock that never goes back, so that what changes later never carries an earlier time. */
export interface ServerClock {
  now(): ServerTime;
  /** Later times are not before this one, unless it is more than {@link maxSkewMs} ahead. */
  seen(time: ServerTime): void;
}

/** Builds the clock over the caller's wall clock. */
export function createServerClock(wallClock: () => Date): ServerClock {
  let last: ServerTime = { ms: Number.NEGATIVE_INFINITY, text: '' };
  const read = () => {
    const date = wallClock();
    return { ms: date.getTime(), text: date.toISOString() };
  };
  return {
    now: () => {
      const current = read();
      if (current.ms > last.ms) last = current;
      return last;
    },
    seen: (time) => {
      if (time.ms > last.ms && time.ms <= read().ms + maxSkewMs) last = time;
    },
  };
}
