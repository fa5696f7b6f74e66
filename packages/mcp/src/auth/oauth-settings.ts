import type { Grant } from './grant.ts';

/** Signatures that may be asked for: none that a public key could forge, and never none at all. */
export type OAuthAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';

/** Who gets a grant: tokens with a scope, or with a value in a claim. */
export interface TokenGrant extends Grant {
  /** A scope of the token. */
  readonly scope?: string | undefined;
  /** A claim, by its name or by a path of names with dots between them. */
  readonly claim?: string | undefined;
  /** What the claim is, or has among its values. */
  readonly value?: string | undefined;
}

/** How tokens of an authorization server are judged (OAuth 2.1 resource server, MCP authorization). */
export interface OAuthSettings {
  /** As the tokens name it, exactly. */
  readonly issuer: string;
  /** Canonical URI of this service, as tokens name their audience (RFC 8707) and clients reach it. */
  readonly resource: string;
  /** Default: found out from the issuer's metadata, on the issuer's own origin. */
  readonly jwksUrl?: string | undefined;
  /** Scopes without which no token is taken. */
  readonly requiredScopes: readonly string[];
  readonly algorithms: readonly OAuthAlgorithm[];
  /** At most 60. */
  readonly clockToleranceSec: number;
  /** Hosts (`host` or `host:port`) that may be asked although their address is private. */
  readonly allowedHosts: readonly string[];
  /** What tokens may do; without any, every good token may do what clients do. */
  readonly grants: readonly TokenGrant[];
}
