import type { OAuthSettings } from '../connectors/connector-auth.ts';
import type { StoredCredential } from './credential-store.ts';
import { scopesToAsk, type Discovery } from './discovery.ts';
import { identify, type OAuthClient } from './oauth-client.ts';
import type { OAuthHttp } from './oauth-http.ts';
import type { Reach } from './reach.ts';
import { sameIssuer } from './server-metadata.ts';
import { requestToken, type TokenSet } from './token-request.ts';

/** One connector's way to its authorization server. */
export interface OAuthContext {
  readonly connectorId: string;
  /** The address of the MCP server, without query and fragment. */
  readonly server: URL;
  readonly settings: OAuthSettings;
  readonly http: OAuthHttp;
  readonly reach: Reach;
  /** Replaces references to secrets by what they refer to now. */
  readonly resolve: (text: string) => Promise<string>;
}

/** Whether a record is this connector's: one of another server, issuer or client than configured is not. */
export function isRecordOf({ settings, server }: OAuthContext, record: StoredCredential): boolean {
  const { issuer = record.issuer, clientId = record.clientId } = settings;
  const ours = clientId === record.clientId || record.registered !== undefined;
  return record.server === server.href && sameIssuer(record.issuer, issuer) && ours;
}

/** What is kept of tokens that were given. */
export function recordOf(
  context: OAuthContext,
  given: {
    readonly discovery: Discovery;
    readonly client: OAuthClient;
    readonly tokens: TokenSet;
    readonly asked: readonly string[];
    /** Stays good when no other came. */
    readonly refreshToken?: string | undefined;
  },
): StoredCredential {
  const { discovery, client, tokens, asked } = given;
  const obtainedAtMs = Date.now();
  const refreshToken = tokens.refreshToken ?? given.refreshToken;
  const { clientId, clientSecret, method, registeredFor } = client;
  return {
    connectorId: context.connectorId,
    issuer: discovery.metadata.issuer,
    server: context.server.href,
    resource: discovery.resource,
    clientId,
    ...(registeredFor !== undefined && {
      registered: {
        clientId,
        method,
        registeredFor,
        ...(clientSecret !== undefined && { clientSecret }),
      },
    }),
    accessToken: tokens.accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(tokens.lifetimeMs !== undefined && { expiresAtMs: obtainedAtMs + tokens.lifetimeMs }),
    obtainedAtMs,
    scopes: [...(tokens.scopes ?? asked)],
  };
}

/** A token for the gateway itself (RFC 6749 §4.4). @throws CredentialError */
export async function grantToSelf(
  context: OAuthContext,
  discovery: Discovery,
  more: readonly string[],
): Promise<StoredCredential> {
  const asked = scopesToAsk(discovery, more, false);
  const { metadata, resource } = discovery;
  const client = await identify({ ...context, metadata, redirectUri: undefined, scopes: asked });
  const form = {
    grant_type: 'client_credentials',
    resource,
    ...(asked.length > 0 && { scope: asked.join(' ') }),
  };
  const tokens = await requestToken({ ...context, metadata, client, form });
  return recordOf(context, { discovery, client, tokens, asked });
}

/** New tokens for those of a login (RFC 6749 §6); a refresh token that was not replaced stays. @throws CredentialError */
export async function grantAgain(
  context: OAuthContext,
  discovery: Discovery,
  record: StoredCredential & { readonly refreshToken: string },
): Promise<StoredCredential> {
  const { metadata } = discovery;
  const { refreshToken, registered, scopes, resource } = record;
  const client =
    registered ?? (await identify({ ...context, metadata, redirectUri: undefined, scopes }));
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, resource };
  const tokens = await requestToken({ ...context, metadata, client, form });
  const given = { discovery: { ...discovery, resource }, client, tokens, asked: scopes };
  const { wantedScopes } = record;
  return {
    ...recordOf(context, { ...given, refreshToken }),
    ...(wantedScopes !== undefined && { wantedScopes }),
  };
}
