/** How a client can prove itself at a token endpoint (RFC 8414, `token_endpoint_auth_methods_supported`). */
export const TOKEN_ENDPOINT_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;

export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/** OAuth towards one server. Secrets are references, read when a token is asked for. */
export interface OAuthSettings {
  /** `authorization_code`: a person logs in once. `client_credentials`: the gateway gets tokens by itself. */
  readonly grant: 'authorization_code' | 'client_credentials';
  /** Default: registered at the authorization server, where it offers that (RFC 7591). */
  readonly clientId?: string | undefined;
  /** May hold references (`${file:/path}`, `file:/path`). Needs `issuer`. */
  readonly clientSecret?: string | undefined;
  /** As `clientSecret`: a PEM private key (PKCS #8) for `private_key_jwt`. */
  readonly privateKey?: string | undefined;
  /** What is asked for. Default: what the server's challenge or metadata names. */
  readonly scopes?: readonly string[] | undefined;
  /** The resource indicator (RFC 8707). Default: the server's own, checked, or its address. */
  readonly resource?: string | undefined;
  /** The only authorization server that is accepted. Default: the one that the server's metadata names. */
  readonly issuer?: string | undefined;
  /** Port of the local callback. Default: a free one. */
  readonly redirectPort?: number | undefined;
  /** Default: what the authorization server prefers. */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Origins beside the issuer's at which its endpoints may stand. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}
