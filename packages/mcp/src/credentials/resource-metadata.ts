import type { Challenge } from './challenge.ts';
import { CredentialError } from './credential-error.ts';
import { isForNowStatus, type OAuthHttp } from './oauth-http.ts';
import { checkedUrl, type Reach } from './reach.ts';

/** What a server says about who guards it (RFC 9728), checked. */
export interface ResourceMetadata {
  /** The resource indicator to ask tokens for, as the server wrote it. */
  readonly resource: string;
  /** Issuers, as written; at least one. */
  readonly issuers: readonly string[];
  readonly scopes: readonly string[] | undefined;
}

/** More authorization servers than this are not looked at. */
const MAX_ISSUERS = 16;

/** Where the metadata may stand, best first (RFC 9728 §3.1). */
function wellKnownUrls(server: URL): URL[] {
  const base = '/.well-known/oauth-protected-resource';
  const path = server.pathname.replace(/\/$/, '');
  const root = new URL(base, server.origin);
  return path === '' ? [root] : [new URL(`${base}${path}`, server.origin), root];
}

/** Whether a resource names the server or a folder above it on the same origin (RFC 8707 §2, RFC 9728 §3.3). */
export function coversServer(resource: string, server: URL): boolean {
  const url = URL.parse(resource);
  if (url === null || url.origin !== server.origin) return false;
  const folder = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
  return `${server.pathname.replace(/\/$/, '')}/`.startsWith(folder);
}

function strings(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item): item is string => typeof item === 'string' && item.length <= 2_048);
}

function read(json: Readonly<Record<string, unknown>>, server: URL): ResourceMetadata {
  const { resource } = json;
  if (typeof resource !== 'string' || !coversServer(resource, server)) {
    const what =
      typeof resource === 'string' ? (URL.parse(resource)?.origin ?? 'no URL') : 'nothing';
    const why = `the resource metadata of ${server.origin} is about another resource (${what})`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  const issuers = strings(json['authorization_servers'])?.slice(0, MAX_ISSUERS) ?? [];
  if (issuers.length === 0) {
    const why = `the resource metadata of ${server.origin} names no authorization server`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  return { resource, issuers, scopes: strings(json['scopes_supported']) };
}

export interface FindResourceOptions {
  /** The address of the MCP server. */
  readonly server: URL;
  readonly challenge: Challenge;
  readonly http: OAuthHttp;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the metadata of a protected resource: where its challenge says, on the server's own origin only, else at the
 * well-known addresses. Undefined when there is none, as with servers of revision 2025-03-26.
 * @throws CredentialError for metadata that must not be believed.
 */
export async function findResourceMetadata(
  options: FindResourceOptions,
): Promise<ResourceMetadata | undefined> {
  const { server, challenge, http, reach, signal } = options;
  const named = challenge.resourceMetadata;
  const urls =
    named === undefined ? wellKnownUrls(server) : [checkedUrl(named, 'resource metadata', reach)];
  for (const url of urls) {
    if (url.origin !== server.origin) {
      const why = `the resource metadata (${url.origin}) is not on the server's origin (${server.origin})`;
      throw new CredentialError('AUTH_URL_REFUSED', why);
    }
    const { status, json } = await http.ask(url, { method: 'GET', signal }, reach);
    if (isForNowStatus(status)) {
      throw new CredentialError(
        'AUTH_UNAVAILABLE',
        `${url.origin} answered ${status} for its metadata`,
      );
    }
    if (status === 200 && json !== undefined) return read(json, server);
  }
  return undefined;
}
