import type { LookupFunction } from 'node:net';
import { CredentialError } from './credential-error.ts';

/**
 * Which addresses may be asked on behalf of one connector (S5). A server on the network must not send us to this
 * machine or its network by what its metadata says.
 */
export interface Reach {
  /** Why an address must not be asked; undefined when it may. */
  refusal(url: URL): string | undefined;
  /** Checks the addresses behind a name when it is connected. Undefined: any. */
  readonly lookup: LookupFunction | undefined;
}

/** An address from metadata, as text that may be shown: nothing but scheme and host. */
function shown(url: URL | null): string {
  return url === null
    ? 'no URL'
    : JSON.stringify(url.origin === 'null' ? url.protocol : url.origin);
}

/**
 * An address that may be asked: http or https as the reach allows, without user info.
 * @param what names it in the error.
 * @throws CredentialError `AUTH_URL_REFUSED`.
 */
export function checkedUrl(text: unknown, what: string, reach: Reach): URL {
  const url = typeof text === 'string' && text.length <= 2_048 ? URL.parse(text) : null;
  const refused = (why: string): CredentialError =>
    new CredentialError('AUTH_URL_REFUSED', `the ${what} (${shown(url)}) ${why}`);
  if (url === null) throw refused('is not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('is no https address');
  if (url.username !== '' || url.password !== '') throw refused('holds credentials');
  const why = reach.refusal(url);
  if (why !== undefined) throw refused(why);
  return url;
}

/**
 * As `checkedUrl`, for an endpoint of an issuer: on its origin, or on one that the operator allows.
 * @throws CredentialError `AUTH_URL_REFUSED` naming `allowedOrigins`.
 */
export function checkedEndpoint(
  text: unknown,
  what: string,
  scope: {
    readonly issuer: URL;
    readonly allowedOrigins: readonly string[];
    readonly reach: Reach;
  },
): URL {
  const url = checkedUrl(text, what, scope.reach);
  if (url.origin === scope.issuer.origin || scope.allowedOrigins.includes(url.origin)) return url;
  throw new CredentialError(
    'AUTH_URL_REFUSED',
    `the ${what} (${shown(url)}) is not on the issuer's origin (${shown(scope.issuer)}); if that is right, add it to auth.allowedOrigins`,
  );
}
