import type { Environment } from '../config/environment.ts';

const SECRET_NAME = /key|token|secret|passw|auth|credential/i;
/** Shorter values are words that may stand in any text. */
const MIN_SECRET_LENGTH = 8;
const MAX_TEXT = 8_192;

/**
 * What may be shown of a text that nobody has looked through: without the values of variables that are named like
 * secrets, without user info and queries of URLs, and without what follows `Bearer` or stands for a key.
 * @param known other texts that must not be shown, the longest first. Default: none.
 */
export function withoutSecrets(
  text: string,
  env: Environment,
  known: readonly string[] = [],
): string {
  let shown = text.slice(0, MAX_TEXT);
  for (const value of known) shown = shown.replaceAll(value, '***');
  for (const [name, value] of Object.entries(env)) {
    const isSecret = SECRET_NAME.test(name) && (value ?? '').length >= MIN_SECRET_LENGTH;
    if (isSecret && value !== undefined) shown = shown.replaceAll(value, '***');
  }
  return shown
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^/@\s]{1,512}@/gi, '$1***@')
    .replaceAll(/(:\/\/[^\s?#]{1,512}[?#])[^\s)'"]{1,4096}/g, '$1***')
    .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ***')
    .replaceAll(
      /((?:key|token|secret|passw(?:or)?d|authorization)["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi,
      '$1***',
    );
}

/** A fault of ours as one line of JSON, as the logs have it. */
export function crashLine(
  error: unknown,
  env: Environment,
  nowMs: number,
  known: readonly string[] = [],
): string {
  const isError = error instanceof Error;
  const type = isError ? error.name : typeof error;
  const message = withoutSecrets(isError ? error.message : String(error), env, known);
  const stack = isError ? withoutSecrets(error.stack ?? '', env, known) : undefined;
  const line = { level: 60, time: nowMs, pid: process.pid, err: { type, message, stack } };
  return `${JSON.stringify({ ...line, msg: 'a fault ends the program' })}\n`;
}
