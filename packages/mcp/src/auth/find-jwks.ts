import { AuthError } from './auth-error.ts';
import type { FetchJson } from './fetch-json.ts';

/** Where an issuer's metadata may be, in the order in which MCP has clients look (RFC 8414, OpenID discovery). */
function metadataUrls(issuer: URL): readonly URL[] {
  const path = issuer.pathname.replace(/\/$/, '');
  return [
    new URL(`/.well-known/oauth-authorization-server${path}`, issuer),
    new URL(`/.well-known/openid-configuration${path}`, issuer),
    ...(path === '' ? [] : [new URL(`${path}/.well-known/openid-configuration`, issuer)]),
  ];
}

function jwksOf(metadata: Readonly<Record<string, unknown>>, issuer: string): URL {
  const { issuer: named, jwks_uri: uri } = metadata;
  if (named !== issuer) {
    throw new AuthError('OAUTH_METADATA', `the metadata of ${issuer} names another issuer`);
  }
  const url = typeof uri === 'string' ? URL.parse(uri) : null;
  if (url === null) throw new AuthError('OAUTH_METADATA', `${issuer} names no jwks_uri`);
  if (url.origin === new URL(issuer).origin) return url;
  const why = `the keys of ${issuer} are at ${url.origin}: say so with auth.oauth.jwksUrl`;
  throw new AuthError('OAUTH_METADATA', why);
}

/** Finds the address of an issuer's keys, which must be on its own origin. @throws AuthError */
export async function findJwksUrl(issuer: string, fetchJson: FetchJson): Promise<URL> {
  let first: unknown;
  for (const url of metadataUrls(new URL(issuer))) {
    let metadata: Readonly<Record<string, unknown>>;
    try {
      metadata = await fetchJson(url);
    } catch (error) {
      first ??= error;
      continue;
    }
    return jwksOf(metadata, issuer);
  }
  throw first instanceof Error ? first : new AuthError('OAUTH_METADATA', `${issuer}: no metadata`);
}
