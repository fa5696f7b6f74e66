import { LOG_LEVELS, isLogLevel } from '../../protocol/log-level.ts';
import type { RawMember } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';

/** What a client wants of the notifications of its call. */
export interface NotificationWish {
  /** The least severe log messages it wants; undefined: `unsaid` decides. */
  readonly level: string | undefined;
  /** A legacy client that never said gets all, a modern one none (spec 2026-07-28, server/utilities/logging). */
  readonly unsaid: 'all' | 'none';
}

/** Whether a log message reaches a client. Anything that is no log message does. */
export function wants(notification: unknown, { level, unsaid }: NotificationWish): boolean {
  if (memberOf(notification, 'method') !== 'notifications/message') return true;
  if (level === undefined) return unsaid === 'all';
  const severity = LOG_LEVELS.indexOf(String(memberOf(memberOf(notification, 'params'), 'level')));
  // A level nobody knows is not held back: whoever wrote it meant it to be read.
  return severity === -1 || severity >= LOG_LEVELS.indexOf(level);
}

/** The level of log messages that a modern request asks for; undefined: none. */
export function requestedLevel(meta: readonly RawMember[]): string | undefined {
  const member = meta.find(({ key }) => key === META.logLevel);
  const level: unknown = member && JSON.parse(member.text);
  return isLogLevel(level) ? level : undefined;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
