import type { OAuthSettings } from '../connectors/connector-auth.ts';
import { NO_CHALLENGE, scopesIn, scopeUnion, type Challenge } from './challenge.ts';
import { CredentialError } from './credential-error.ts';
import type { OAuthHttp } from './oauth-http.ts';
import type { Reach } from './reach.ts';
import { findResourceMetadata, type ResourceMetadata } from './resource-metadata.ts';
import { findServerMetadata, sameIssuer, type ServerMetadata } from './server-metadata.ts';

/** Who gives tokens for a server, and for what they are asked. */
export interface Discovery {
  readonly metadata: ServerMetadata;
  /** RFC 8707. */
  readonly resource: string;
  /** Undefined: none are named, so none are asked for. */
  readonly scopes: readonly string[] | undefined;
}

export interface DiscoverOptions {
  /** The address of the MCP server. */
  readonly server: URL;
  readonly settings: OAuthSettings;
  /** Of the answer that asked for credentials. Default: none was had. */
  readonly challenge?: Challenge | undefined;
  /** Taken when the server still names it. */
  readonly preferredIssuer?: string | undefined;
  readonly http: OAuthHttp;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

/** The address as a resource indicator: without fragment, and without the slash of an empty path. */
export function resourceOf(server: URL): string {
  const url = new URL(server);
  url.hash = '';
  return url.pathname === '/' && url.search === '' ? url.origin : url.href;
}

async function resourceMetadata(options: DiscoverOptions): Promise<ResourceMetadata | undefined> {
  const { settings, challenge = NO_CHALLENGE } = options;
  try {
    return await findResourceMetadata({ ...options, challenge });
  } catch (error) {
    // With an issuer of the operator's the server's word is not needed.
    if (settings.issuer !== undefined && error instanceof CredentialError) return undefined;
    throw error;
  }
}

function chooseIssuer(options: DiscoverOptions, found: ResourceMetadata | undefined): string {
  const { settings, preferredIssuer, server } = options;
  if (settings.issuer !== undefined) return settings.issuer;
  // Revision 2025-03-26: the server's origin is its authorization server.
  const issuers = found?.issuers ?? [server.origin];
  const kept = issuers.find((one) => sameIssuer(one, preferredIssuer ?? ''));
  return kept ?? issuers[0] ?? server.origin;
}

/**
 * Finds the authorization server of an MCP server (MCP authorization, RFC 9728, RFC 8414).
 * @throws CredentialError.
 */
export async function discover(options: DiscoverOptions): Promise<Discovery> {
  const { settings, server, challenge = NO_CHALLENGE } = options;
  const found = await resourceMetadata(options);
  const metadata = await findServerMetadata({
    ...options,
    issuer: chooseIssuer(options, found),
    allowedOrigins: settings.allowedOrigins ?? [],
  });
  const asked = scopesIn(challenge.scope);
  const scopes = settings.scopes ?? (asked.length > 0 ? asked : found?.scopes);
  return {
    metadata,
    resource: settings.resource ?? found?.resource ?? resourceOf(server),
    scopes,
  };
}

/**
 * The scopes of a request: what is wanted and what was granted before, so that a step-up loses nothing; with
 * `offline_access` where the server offers it to those who are to come back.
 */
export function scopesToAsk(
  { metadata, scopes }: Discovery,
  more: readonly string[],
  offline: boolean,
): readonly string[] {
  const all = scopeUnion(scopes, more);
  const offers = metadata.scopes?.includes('offline_access') === true;
  return offline && offers && all.length > 0 ? scopeUnion(all, ['offline_access']) : all;
}
