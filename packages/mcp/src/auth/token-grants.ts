import type { Grant } from './grant.ts';
import type { OAuthSettings, TokenGrant } from './oauth-settings.ts';

/** The claims of a token whose signature is good. */
export type Claims = Readonly<Record<string, unknown>>;

/** Claims beyond this are no claims that anybody gives. */
const MAX_SCOPES = 256;

function words(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '');
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is string => typeof one === 'string');
}

/** The scopes of a token: `scope` (RFC 9068), or `scp` as some servers write it. */
export function scopesOf(claims: Claims): ReadonlySet<string> {
  return new Set([...words(claims['scope']), ...words(claims['scp'])].slice(0, MAX_SCOPES));
}

/** A claim by its own name, else by a path; undefined when it is not there. */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

function applies(grant: TokenGrant, claims: Claims, scopes: ReadonlySet<string>): boolean {
  if (grant.scope !== undefined && !scopes.has(grant.scope)) return false;
  if (grant.claim === undefined) return true;
  const found = claimAt(claims, grant.claim);
  if (Array.isArray(found)) return found.includes(grant.value);
  return typeof found === 'string' && found === grant.value;
}

const EVERY_CLIENT: Grant = { scopes: ['client'] };

/** What a token may do: every grant whose scope and claim it has. */
export function grantsOf({ grants }: OAuthSettings, claims: Claims): readonly Grant[] {
  if (grants.length === 0) return [EVERY_CLIENT];
  const scopes = scopesOf(claims);
  return grants.filter((grant) => applies(grant, claims, scopes));
}
