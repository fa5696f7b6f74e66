import { createHash } from 'node:crypto';
import type * as JoseLibrary from 'jose';
import type { JSONWebKeySet, JWTVerifyResult } from 'jose';
import { AuthError } from './auth-error.ts';
import { JwksCache } from './jwks-cache.ts';
import type { OAuthSettings } from './oauth-settings.ts';
import { createPolicy, type NamingScheme } from './policy.ts';
import type { Principal } from './principal.ts';
import { grantsOf, scopesOf, type Claims } from './token-grants.ts';
import type { Grant } from './grant.ts';

/** What a token is worth. */
export type TokenVerdict =
  | { readonly kind: 'good'; readonly principal: Principal; readonly expiresAtMs: number }
  /** Not a token for us, or not any more. */
  | { readonly kind: 'bad' }
  /** Good, and without the scopes that are wanted. */
  | { readonly kind: 'scope'; readonly missing: readonly string[] }
  /** Cannot be judged now. */
  | { readonly kind: 'unavailable' };

export interface TokenVerifierOptions {
  readonly settings: OAuthSettings;
  readonly naming: NamingScheme;
  /** Fetches the set of keys. @throws AuthError */
  readonly load: () => Promise<Readonly<Record<string, unknown>>>;
  readonly onError: (error: unknown) => void;
  readonly cooldownMs?: number;
}

/** Judges access tokens (RFC 9068, RFC 8725). Never rejects. */
export interface TokenVerifier {
  verify(token: string): Promise<TokenVerdict>;
  /** Whether a token was good before: judging it again costs one signature at most. */
  knows(token: string): boolean;
}

/** A verdict is used again for so long, so that a token costs one signature a minute. */
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const MAX_POLICIES = 1_000;
/** Access tokens; most servers say only that it is a JWT. */
const TYPES: ReadonlySet<string> = new Set(['at+jwt', 'application/at+jwt', 'jwt']);

type Jose = typeof JoseLibrary;

const nowMs = (): number => performance.now();
const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

function isReadable(jose: Jose, token: string): boolean {
  try {
    jose.decodeProtectedHeader(token);
    return true;
  } catch {
    return false; // its header is no JSON
  }
}

interface Remembered {
  readonly verdict: TokenVerdict;
  readonly untilMs: number;
}

class JwtVerifier implements TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #jwks: JwksCache;
  readonly #remembered = new Map<string, Remembered>();
  /** Policies by the grants they are made of: tokens come and go, grants are few. */
  readonly #policies = new Map<string, Principal['policy']>();
  #set:
    | { readonly of: JSONWebKeySet; readonly find: ReturnType<Jose['createLocalJWKSet']> }
    | undefined;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    const { load, onError, cooldownMs } = options;
    this.#jwks = new JwksCache({ load, onError, nowMs, ...(cooldownMs && { cooldownMs }) });
  }

  async verify(token: string): Promise<TokenVerdict> {
    const id = idOf(token);
    const known = this.#remembered.get(id);
    if (known !== undefined && known.untilMs > Date.now()) return known.verdict;
    const [verdict, expiresAtMs] = await this.#judge(token);
    if (verdict.kind === 'bad') this.#remembered.delete(id);
    if (verdict.kind !== 'good' && verdict.kind !== 'scope') return verdict;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    const untilMs = Math.min(expiresAtMs, Date.now() + REMEMBERED_MS);
    this.#remembered.set(id, { verdict, untilMs });
    return verdict;
  }

  knows(token: string): boolean {
    return this.#remembered.has(idOf(token));
  }

  async #judge(token: string): Promise<readonly [TokenVerdict, number]> {
    const jose = await import('jose');
    // A token that is wrong by itself must not make anybody fetch keys.
    if (!isReadable(jose, token)) return [{ kind: 'bad' }, 0];
    try {
      const { payload, protectedHeader } = await this.#verified(jose, token);
      const type = protectedHeader.typ?.toLowerCase() ?? 'jwt';
      if (!TYPES.has(type)) return [{ kind: 'bad' }, 0];
      const expiresAtMs = (payload.exp ?? 0) * 1_000;
      return [this.#verdictOn(payload, expiresAtMs), expiresAtMs];
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) return [{ kind: 'bad' }, 0];
      if (!(error instanceof AuthError)) this.#options.onError(error);
      return [{ kind: 'unavailable' }, 0];
    }
  }

  /** @throws JOSEError for a bad token, AuthError when there are no keys. */
  async #verified(jose: Jose, token: string): Promise<JWTVerifyResult> {
    const { issuer, resource, algorithms, clockToleranceSec } = this.#options.settings;
    const rules = {
      issuer,
      audience: resource,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceSec,
      requiredClaims: ['exp'],
    };
    const keys = await this.#jwks.current();
    try {
      return await jose.jwtVerify(token, this.#finder(jose, keys), rules);
    } catch (error) {
      if (!(error instanceof jose.errors.JWKSNoMatchingKey)) throw error;
      const newer = await this.#jwks.after(keys);
      if (newer === undefined) throw error;
      return await jose.jwtVerify(token, this.#finder(jose, newer), rules);
    }
  }

  #finder(jose: Jose, keys: JSONWebKeySet): ReturnType<Jose['createLocalJWKSet']> {
    // It remembers the keys it has imported.
    if (this.#set?.of !== keys) this.#set = { of: keys, find: jose.createLocalJWKSet(keys) };
    return this.#set.find;
  }

  #verdictOn(claims: Claims, expiresAtMs: number): TokenVerdict {
    const { settings } = this.#options;
    const subject = claims['sub'] ?? claims['client_id'];
    if (typeof subject !== 'string' || subject === '') return { kind: 'bad' };
    const scopes = scopesOf(claims);
    const missing = settings.requiredScopes.filter((scope) => !scopes.has(scope));
    const grants = grantsOf(settings, claims);
    if (missing.length > 0 || grants.length === 0) return { kind: 'scope', missing };
    const principal: Principal = {
      id: `oauth:${settings.issuer}#${subject}`,
      kind: 'oauth',
      policy: this.#policyOf(grants),
      scopes: new Set(grants.flatMap((grant) => grant.scopes)),
    };
    return { kind: 'good', principal, expiresAtMs };
  }

  #policyOf(grants: readonly Grant[]): Principal['policy'] {
    const { naming, settings } = this.#options;
    // The grants are the objects of the settings.
    const all: readonly Grant[] = settings.grants;
    const key = grants.map((grant) => all.indexOf(grant)).join();
    if (this.#policies.has(key)) return this.#policies.get(key);
    if (this.#policies.size >= MAX_POLICIES) this.#policies.clear();
    const policy = createPolicy(grants, naming);
    this.#policies.set(key, policy);
    return policy;
  }
}

/** Fetches nothing before the first token. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  return new JwtVerifier(options);
}
