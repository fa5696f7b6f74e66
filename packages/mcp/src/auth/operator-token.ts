import { createHmac, timingSafeEqual } from 'node:crypto';

/** Name of the secret of a state folder by which its commands are known (`secrets/operator-key`). */
export const OPERATOR_SECRET = 'operator-key';

/** How long a token is good. Commands make a new one for each request. */
const GOOD_MS = 60_000;
const TOKEN = /^mgo_([0-9a-z]{1,10})_([\w-]{43})$/;
const RADIX = 36;

/** The port a token is for; undefined on a socket of the file system. */
export type OperatorPort = number | undefined;

function macOf(secret: Buffer, expires: string, port: OperatorPort): Buffer {
  const text = `cortex operator ${expires} ${port ?? 'socket'}`;
  return createHmac('sha256', secret).update(text).digest();
}

/**
 * What shows that a request comes from somebody who can read the state folder. It is good for a minute and on that port
 * only, so whoever has taken the port of a service that stopped learns nothing that opens another.
 */
export function mintOperatorToken(secret: Buffer, port: OperatorPort, nowMs: number): string {
  const expires = Math.ceil((nowMs + GOOD_MS) / 1_000).toString(RADIX);
  return `mgo_${expires}_${macOf(secret, expires, port).toString('base64url')}`;
}

/** Whether a token was made with that secret, for that port, and is still good. */
export function isOperatorToken(
  secret: Buffer,
  text: string,
  at: { readonly port: OperatorPort; readonly nowMs: number },
): boolean {
  const [, expires = '', mac = ''] = TOKEN.exec(text) ?? [];
  if (expires === '') return false;
  const leftMs = Number.parseInt(expires, RADIX) * 1_000 - at.nowMs;
  // A clock that was set back must not make tokens live longer.
  if (leftMs < 0 || leftMs > 2 * GOOD_MS) return false;
  return timingSafeEqual(Buffer.from(mac, 'base64url'), macOf(secret, expires, at.port));
}
