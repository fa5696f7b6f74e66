import {
  type AuthorizationRequest,
  createAuthorizationRequest,
  isAnswerTo,
  readAuthorizationCode,
} from './authorization-request.ts';
import { NO_CHALLENGE, readChallenge, scopeUnion, type Challenge } from './challenge.ts';
import { CredentialError } from './credential-error.ts';
import type { CredentialStore, StoredCredential } from './credential-store.ts';
import { discover, scopesToAsk } from './discovery.ts';
import { listenForCallback } from './loopback-callback.ts';
import { identify } from './oauth-client.ts';
import { findServerMetadata, sameIssuer } from './server-metadata.ts';
import { grantToSelf, recordOf, type OAuthContext } from './token-grant.ts';
import { postAsClient, requestToken } from './token-request.ts';

export interface LoginOptions extends OAuthContext {
  readonly store: CredentialStore;
  /** Shows the address to the person, or opens it. */
  readonly present: (url: URL) => Promise<void>;
  /** Default 300000. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** What a login came to; never a token. */
export interface LoginResult {
  readonly issuer: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number | undefined;
  /** Whether it is renewed without the person. */
  readonly renewable: boolean;
}

/** Says nothing that a server could execute; those that want credentials refuse it as anything else. */
const PROBE = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'ping' });

/** What the server asks for from somebody it does not know. Servers that only guard some requests ask nothing here. */
async function askChallenge(options: LoginOptions): Promise<Challenge> {
  const { http, server, reach, signal } = options;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const request = { method: 'POST', headers, body: PROBE, signal, bare: true } as const;
  const answer = await http.ask(server, request, reach);
  return answer.status === 401 ? readChallenge(answer.headers['www-authenticate']) : NO_CHALLENGE;
}

function resultOf(record: StoredCredential): LoginResult {
  return {
    issuer: record.issuer,
    scopes: record.scopes,
    expiresAtMs: record.expiresAtMs,
    renewable: record.refreshToken !== undefined,
  };
}

async function loginAsPerson(options: LoginOptions): Promise<StoredCredential> {
  const { settings, store, connectorId, signal, timeoutMs, server } = options;
  const { records } = await store.load(connectorId);
  const before = records.find((record) => record.server === server.href);
  const challenge = await askChallenge(options);
  const discovery = await discover({ ...options, challenge, preferredIssuer: before?.issuer });
  const { metadata, resource } = discovery;
  // What another issuer granted or registered means nothing to this one.
  const known = before !== undefined && before.issuer === metadata.issuer ? before : undefined;
  const more =
    settings.scopes === undefined
      ? scopeUnion(known?.scopes, known?.wantedScopes)
      : (known?.wantedScopes ?? []);
  const scopes = scopesToAsk(discovery, more, true);
  // Until the request is made no answer can belong to it.
  let request: AuthorizationRequest | undefined;
  await using callback = await listenForCallback({
    port: settings.redirectPort ?? 0,
    accepts: (answer) => request !== undefined && isAnswerTo(answer, request),
    timeoutMs,
    signal,
  });
  const { redirectUri } = callback;
  const client = await identify({
    ...options,
    metadata,
    redirectUri,
    scopes,
    known: known?.registered,
  });
  const { clientId } = client;
  request = createAuthorizationRequest({ metadata, clientId, redirectUri, resource, scopes });
  await options.present(request.url);
  const code = readAuthorizationCode(await callback.answer, metadata);
  const tokens = await requestToken({
    ...options,
    metadata,
    client,
    form: {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: request.verifier,
      resource,
    },
  });
  return recordOf(options, { discovery, client, tokens, asked: scopes });
}

/**
 * Logs in and keeps what was given; a running gateway sees the change. A client that acts for itself only tries whether
 * it is given a token.
 * @throws CredentialError
 */
export async function login(options: LoginOptions): Promise<LoginResult> {
  const { settings, store, connectorId } = options;
  if (settings.grant === 'client_credentials') {
    const discovery = await discover(options);
    return { ...resultOf(await grantToSelf(options, discovery, [])), renewable: true };
  }
  const record = await loginAsPerson(options);
  await store.exclusively(connectorId, async () => {
    // Of other servers and issuers nothing is needed any more.
    const { records } = await store.load(connectorId);
    const others = records.filter(
      (one) => one.issuer !== record.issuer || one.server !== record.server,
    );
    if (others.length > 0) await store.remove(connectorId);
    await store.save(record);
  });
  return resultOf(record);
}

/** What became of a credential that was given back. */
export interface LogoutResult {
  /** Files that are gone. */
  readonly removed: number;
  /** Tokens that the issuer took back (RFC 7009). */
  readonly revoked: number;
  /** Why some could not be taken back; they end by themselves. */
  readonly problems: readonly string[];
}

type LogoutOptions = Omit<LoginOptions, 'present' | 'timeoutMs'>;

async function revoke(record: StoredCredential, options: LogoutOptions): Promise<boolean> {
  const { settings } = options;
  const { accessToken, refreshToken, issuer, registered } = record;
  const token = refreshToken ?? accessToken;
  if (token === undefined) return false;
  const metadata = await findServerMetadata({
    ...options,
    issuer,
    allowedOrigins: settings.allowedOrigins ?? [],
  });
  const endpoint = metadata.revocationEndpoint;
  if (endpoint === undefined) return false;
  const client =
    registered ?? (await identify({ ...options, metadata, redirectUri: undefined, scopes: [] }));
  const hint = refreshToken === undefined ? 'access_token' : 'refresh_token';
  const form = { token, token_type_hint: hint };
  const { status } = await postAsClient(endpoint, { ...options, metadata, client, form });
  if (status === 200) return true;
  throw new CredentialError(
    'AUTH_REJECTED',
    `${endpoint.origin} did not revoke it (status ${status})`,
  );
}

/** Gives back and forgets all that is kept of a connector. What cannot be given back is forgotten all the same. */
export async function logout(options: LogoutOptions): Promise<LogoutResult> {
  const { store, connectorId, settings } = options;
  return await store.exclusively(connectorId, async () => {
    const { records } = await store.load(connectorId);
    const problems: string[] = [];
    let revoked = 0;
    for (const record of records) {
      // Our client secret is for the issuer that is configured, and for no other.
      const ours = settings.issuer === undefined || sameIssuer(settings.issuer, record.issuer);
      if (!ours && record.registered === undefined) continue;
      try {
        if (await revoke(record, options)) revoked += 1;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { removed: await store.remove(connectorId), revoked, problems };
  });
}
