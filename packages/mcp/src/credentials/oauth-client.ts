import type { OAuthSettings, TokenEndpointAuthMethod } from '../connectors/connector-auth.ts';
import { CredentialError } from './credential-error.ts';
import { isForNowStatus, type OAuthAnswer, type OAuthHttp } from './oauth-http.ts';
import type { Reach } from './reach.ts';
import type { ServerMetadata } from './server-metadata.ts';

/** Who we are to one authorization server. */
export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  /** PEM, PKCS #8. */
  readonly privateKey?: string | undefined;
  readonly method: TokenEndpointAuthMethod;
  /** Made by dynamic registration (RFC 7591), for this redirect address. */
  readonly registeredFor?: string | undefined;
}

export interface IdentifyOptions {
  readonly settings: OAuthSettings;
  readonly metadata: ServerMetadata;
  /** Of an authorization code; undefined for a client that acts for itself. */
  readonly redirectUri: string | undefined;
  readonly scopes: readonly string[];
  /** What was registered before at this issuer. */
  readonly known?: OAuthClient | undefined;
  /** Replaces references to secrets by what they refer to now. */
  readonly resolve: (text: string) => Promise<string>;
  readonly http: OAuthHttp;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;

function isMethod(value: unknown): value is TokenEndpointAuthMethod {
  return METHODS.some((method) => method === value);
}

/** Configured, else the first that both can; RFC 8414 has Basic when nothing is said. */
function chooseMethod(
  settings: OAuthSettings,
  metadata: ServerMetadata,
  has: { readonly secret: boolean; readonly key: boolean },
): TokenEndpointAuthMethod {
  if (settings.tokenEndpointAuthMethod !== undefined) return settings.tokenEndpointAuthMethod;
  if (has.key) return 'private_key_jwt';
  if (!has.secret) return 'none';
  const offered = metadata.authMethods ?? ['client_secret_basic'];
  const both = METHODS.slice(0, 2).find((method) => offered.includes(method));
  return both ?? 'client_secret_basic';
}

async function configured(clientId: string, options: IdentifyOptions): Promise<OAuthClient> {
  const { settings, metadata, resolve } = options;
  const secret = settings.clientSecret && (await resolve(settings.clientSecret)).trim();
  const key = settings.privateKey && (await resolve(settings.privateKey)).trim();
  const has = { secret: secret !== undefined && secret !== '', key: key !== undefined };
  return {
    clientId,
    ...(has.secret && { clientSecret: secret }),
    ...(has.key && { privateKey: key }),
    method: chooseMethod(settings, metadata, has),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= 4_096 ? value : undefined;
}

function registeredClient(json: OAuthAnswer['json'], clientId: string): OAuthClient {
  const clientSecret = text(json?.['client_secret']);
  const given = json?.['token_endpoint_auth_method'];
  if (clientSecret === undefined) return { clientId, method: 'none' };
  const method = isMethod(given) ? given : 'client_secret_basic';
  return { clientId, clientSecret, method };
}

/** A public client where that is possible: there is no secret to lose. */
function methodToRegister({ authMethods = ['none'] }: ServerMetadata): TokenEndpointAuthMethod {
  const wanted = ['none', 'client_secret_basic', 'client_secret_post'] as const;
  return wanted.find((method) => authMethods.includes(method)) ?? 'client_secret_post';
}

async function register(options: IdentifyOptions, endpoint: URL): Promise<OAuthClient> {
  const { redirectUri, scopes, http, reach, signal, metadata } = options;
  const method = methodToRegister(metadata);
  const body = JSON.stringify({
    client_name: 'Cortex MCP',
    // A loopback address needs it (OpenID Connect Registration §2, MCP authorization).
    application_type: 'native',
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  });
  const headers = { 'content-type': 'application/json' };
  const { status, json } = await http.ask(
    endpoint,
    { method: 'POST', headers, body, signal },
    reach,
  );
  if (isForNowStatus(status)) {
    throw new CredentialError(
      'AUTH_UNAVAILABLE',
      `${endpoint.origin} answered ${status} to the registration`,
    );
  }
  const clientId = text(json?.['client_id']);
  if (status < 200 || status > 299 || clientId === undefined) {
    const why = `${endpoint.origin} did not register this client (status ${status}): register one there and set auth.clientId`;
    throw new CredentialError('AUTH_REJECTED', why);
  }
  return { ...registeredClient(json, clientId), registeredFor: redirectUri };
}

/**
 * Who we are to an authorization server: as configured, by a metadata document where it takes those, as registered
 * before, or registered now (RFC 7591).
 * @throws CredentialError `AUTH_REJECTED` naming what to configure.
 */
export async function identify(options: IdentifyOptions): Promise<OAuthClient> {
  const { settings, metadata, known, redirectUri } = options;
  const { clientId } = settings;
  const isDocument = clientId?.startsWith('https://') === true;
  if (clientId !== undefined && (!isDocument || metadata.takesMetadataDocuments)) {
    return await configured(clientId, options);
  }
  // Redirect addresses are compared as they are: a registration is good for its own only.
  if (known?.registeredFor !== undefined && known.registeredFor === redirectUri) return known;
  const { registrationEndpoint } = metadata;
  if (registrationEndpoint !== undefined && redirectUri !== undefined) {
    return await register(options, registrationEndpoint);
  }
  const why = isDocument
    ? `${metadata.issuer} takes no metadata document as auth.clientId and registers no clients: set auth.clientId to one that is known there`
    : `${metadata.issuer} registers no clients by itself: register one there and set auth.clientId`;
  throw new CredentialError('AUTH_REJECTED', why);
}
