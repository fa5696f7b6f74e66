/** Levels of log messages, most verbose first (RFC 5424; spec 2025-11-25, server/utilities/logging). */
export const LOG_LEVELS: readonly string[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export function isLogLevel(value: unknown): value is string {
  return typeof value === 'string' && LOG_LEVELS.includes(value);
}

/** The more verbose of two levels; undefined says nothing. */
export function moreVerbose(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return LOG_LEVELS.indexOf(a) <= LOG_LEVELS.indexOf(b) ? a : b;
}
