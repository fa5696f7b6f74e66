import { CredentialError } from './credential-error.ts';
import { isForNowStatus, type OAuthHttp } from './oauth-http.ts';
import { checkedEndpoint, checkedUrl, type Reach } from './reach.ts';

/** An authorization server (RFC 8414, OpenID Connect Discovery), every endpoint checked. */
export interface ServerMetadata {
  /** As it calls itself; `iss` is compared with this, character by character (RFC 9207). */
  readonly issuer: string;
  readonly tokenEndpoint: URL;
  readonly authorizationEndpoint: URL | undefined;
  readonly registrationEndpoint: URL | undefined;
  readonly revocationEndpoint: URL | undefined;
  readonly supportsS256: boolean;
  /** It promises `iss` in every authorization response. */
  readonly sendsIss: boolean;
  readonly takesMetadataDocuments: boolean;
  readonly authMethods: readonly string[] | undefined;
  readonly scopes: readonly string[] | undefined;
}

export interface FindServerOptions {
  readonly issuer: string;
  readonly allowedOrigins: readonly string[];
  readonly http: OAuthHttp;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

/** Where the metadata may stand, best first (RFC 8414 §3.1, MCP authorization). */
function wellKnownUrls(issuer: URL): URL[] {
  const path = issuer.pathname.replace(/\/$/, '');
  const oauth = `/.well-known/oauth-authorization-server${path}`;
  const openid = `/.well-known/openid-configuration${path}`;
  const appended = path === '' ? [] : [`${path}/.well-known/openid-configuration`];
  return [oauth, openid, ...appended].map((one) => new URL(one, issuer.origin));
}

/** Servers name themselves with or without the slash that a URL has at its end. */
export function sameIssuer(a: string, b: string): boolean {
  return a === b || a === `${b}/` || `${a}/` === b;
}

function words(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item): item is string => typeof item === 'string');
}

type Json = Readonly<Record<string, unknown>>;

function read(json: Json, options: FindServerOptions, issuer: URL): ServerMetadata {
  const own = json['issuer'];
  if (typeof own !== 'string' || !sameIssuer(own, options.issuer)) {
    const why = `the metadata at ${issuer.origin} is another issuer's: it must name ${options.issuer}`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  const scope = { ...options, issuer };
  const endpoint = (name: string): URL | undefined =>
    json[name] === undefined ? undefined : checkedEndpoint(json[name], name, scope);
  const tokenEndpoint = endpoint('token_endpoint');
  if (tokenEndpoint === undefined) {
    const why = `the metadata of ${options.issuer} names no token_endpoint`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  return {
    issuer: own,
    tokenEndpoint,
    authorizationEndpoint: endpoint('authorization_endpoint'),
    registrationEndpoint: endpoint('registration_endpoint'),
    revocationEndpoint: endpoint('revocation_endpoint'),
    supportsS256: words(json['code_challenge_methods_supported'])?.includes('S256') === true,
    sendsIss: json['authorization_response_iss_parameter_supported'] === true,
    takesMetadataDocuments: json['client_id_metadata_document_supported'] === true,
    authMethods: words(json['token_endpoint_auth_methods_supported']),
    scopes: words(json['scopes_supported']),
  };
}

/**
 * Finds an authorization server's metadata and believes it only when it is that issuer's own.
 * @throws CredentialError `AUTH_METADATA_INVALID`, `AUTH_URL_REFUSED`, `AUTH_UNAVAILABLE`.
 */
export async function findServerMetadata(options: FindServerOptions): Promise<ServerMetadata> {
  const { http, reach, signal } = options;
  const issuer = checkedUrl(options.issuer, 'issuer', reach);
  if (issuer.search !== '' || issuer.hash !== '') {
    const why = `the issuer (${issuer.origin}) has a query or a fragment`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  for (const url of wellKnownUrls(issuer)) {
    const { status, json } = await http.ask(url, { method: 'GET', signal }, reach);
    if (isForNowStatus(status)) {
      throw new CredentialError(
        'AUTH_UNAVAILABLE',
        `${url.origin} answered ${status} for its metadata`,
      );
    }
    if (status === 200 && json !== undefined) return read(json, options, issuer);
  }
  const why = `${issuer.origin} has no metadata of an authorization server`;
  throw new CredentialError('AUTH_METADATA_INVALID', why);
}
