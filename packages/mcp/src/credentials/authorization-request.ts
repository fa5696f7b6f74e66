import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CredentialError } from './credential-error.ts';
import type { ServerMetadata } from './server-metadata.ts';

/** One request for authorization by a person; good for one answer. */
export interface AuthorizationRequest {
  /** For the browser. */
  readonly url: URL;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  readonly state: string;
}

export interface AuthorizationOptions {
  readonly metadata: ServerMetadata;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly resource: string;
  readonly scopes: readonly string[];
}

const random = (): string => randomBytes(32).toString('base64url');

/** @throws CredentialError `AUTH_METADATA_INVALID` when the server cannot do what is demanded of it (OAuth 2.1, PKCE). */
export function createAuthorizationRequest(options: AuthorizationOptions): AuthorizationRequest {
  const { metadata, clientId, redirectUri, resource, scopes } = options;
  const { authorizationEndpoint, issuer, supportsS256 } = metadata;
  if (authorizationEndpoint === undefined) {
    const why = `${issuer} names no authorization_endpoint`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  if (!supportsS256) {
    const why = `${issuer} does not say that it supports PKCE with S256`;
    throw new CredentialError('AUTH_METADATA_INVALID', why);
  }
  const verifier = random();
  const state = random();
  const url = new URL(authorizationEndpoint);
  const values = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    resource,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(scopes.includes('offline_access') && { prompt: 'consent' }),
  };
  for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return { url, verifier, state };
}

function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

/** Whether an answer belongs to this request. Others are nobody's. */
export function isAnswerTo(answer: URLSearchParams, { state }: AuthorizationRequest): boolean {
  const given = answer.getAll('state');
  return given.length === 1 && equal(given[0] ?? '', state);
}

/**
 * The code of an answer. Who it comes from is checked before anything else of it is read (RFC 9207, mix-up).
 * @throws CredentialError `AUTH_CALLBACK_INVALID`, or `AUTH_REJECTED` when the person or the server declined.
 */
export function readAuthorizationCode(answer: URLSearchParams, metadata: ServerMetadata): string {
  const iss = answer.get('iss');
  if (iss === null && metadata.sendsIss) {
    const why = `the answer does not name its issuer, which ${metadata.issuer} promises`;
    throw new CredentialError('AUTH_CALLBACK_INVALID', why);
  }
  if (iss !== null && (iss !== metadata.issuer || answer.getAll('iss').length > 1)) {
    const why = `the answer comes from another issuer than ${metadata.issuer}`;
    throw new CredentialError('AUTH_CALLBACK_INVALID', why);
  }
  const error = answer.get('error');
  if (error !== null) {
    const oauthError = /^[a-z_]{1,40}$/.test(error) ? error : undefined;
    const why = `${metadata.issuer} did not grant access (${oauthError ?? 'no reason that can be shown'})`;
    throw new CredentialError('AUTH_REJECTED', why, { oauthError });
  }
  const code = answer.get('code');
  if (code === null || code === '' || code.length > 4_096) {
    throw new CredentialError('AUTH_CALLBACK_INVALID', 'the answer holds no code');
  }
  return code;
}
