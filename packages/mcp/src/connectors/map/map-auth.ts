import { hasSecretReference, isFileReference } from '../secret-reference.ts';
import type { ServiceMapEntry } from './service-map-schema.ts';

/** The header that carries a connector's own key; the value holds a reference. */
export interface MapAuthHeader {
  readonly name: string;
  readonly value: string;
}

/** The one key of the earlier build, for connectors that the operator names. */
const SHARED_KEY = '${CONNECTORS_API_KEY}';

function credentialOf(entry: ServiceMapEntry, sharesKey: boolean): string | undefined {
  const own = entry.auth?.credential?.trim();
  if (own === undefined) return sharesKey ? SHARED_KEY : undefined;
  return isFileReference(own) && own.startsWith('file:') ? `\${${own}}` : own;
}

/**
 * The header for an entry's `auth` (B4): none, `Authorization: Bearer`, or the named header with the bare key.
 * @param sharesKey whether the operator lets this connector have `CONNECTORS_API_KEY`.
 * @returns a text when the connector cannot be authenticated: a missing key never falls back to somebody else's.
 */
export function readMapAuth(
  entry: ServiceMapEntry,
  sharesKey: boolean,
): MapAuthHeader | string | undefined {
  const { auth } = entry;
  if (auth === undefined || auth.type === 'none') return undefined;
  if (auth.queryParam !== undefined && auth.headerName === undefined) {
    return 'auth by a query parameter is not supported: keys in URLs end up in logs; name a header';
  }
  const name = auth.type === 'bearer' ? 'Authorization' : (auth.headerName ?? 'Authorization');
  const credential = credentialOf(entry, sharesKey);
  if (credential === undefined) {
    const given = Object.keys(entry.headers ?? {}).some(
      (key) => key.toLowerCase() === name.toLowerCase(),
    );
    return given
      ? undefined
      : `auth is ${auth.type} but there is no credential: give auth.credential as \${NAME}, or name the connector in sharedKeyFor`;
  }
  if (!hasSecretReference(credential)) {
    return 'auth.credential must be a reference such as ${NAME}, not the key itself';
  }
  const isBearer = name.toLowerCase() === 'authorization';
  return { name, value: isBearer ? `Bearer ${credential}` : credential };
}
