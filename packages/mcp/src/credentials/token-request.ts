import { scopesIn } from './challenge.ts';
import { CredentialError } from './credential-error.ts';
import type { OAuthClient } from './oauth-client.ts';
import { isForNowStatus, type OAuthAnswer, type OAuthHttp } from './oauth-http.ts';
import type { Reach } from './reach.ts';
import type { ServerMetadata } from './server-metadata.ts';

/** Tokens as they were given. */
export interface TokenSet {
  readonly accessToken: string;
  /** Undefined: the one before stays good. */
  readonly refreshToken: string | undefined;
  /** Undefined: until it is refused. */
  readonly lifetimeMs: number | undefined;
  /** Undefined: what was asked for. */
  readonly scopes: readonly string[] | undefined;
}

export interface TokenRequest {
  readonly metadata: ServerMetadata;
  readonly client: OAuthClient;
  /** `grant_type` and what belongs to it. */
  readonly form: Readonly<Record<string, string>>;
  readonly http: OAuthHttp;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

/** What may stand behind `Bearer ` in a header (S15). */
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
/** Longer lifetimes are taken as this. */
const MAX_LIFETIME_MS = 365 * 86_400_000;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const ALGORITHMS: Readonly<Record<string, string>> = {
  rsa: 'RS256',
  'rsa-pss': 'PS256',
  ed25519: 'EdDSA',
  prime256v1: 'ES256',
  secp384r1: 'ES384',
};

/** RFC 7523: proves who we are by a key that never leaves this machine. */
async function signAssertion(client: OAuthClient, audience: string): Promise<string> {
  const [{ SignJWT }, { createPrivateKey, randomUUID }] = await Promise.all([
    import('jose'),
    import('node:crypto'),
  ]);
  try {
    const key = createPrivateKey(client.privateKey ?? '');
    const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = key;
    const alg = ALGORITHMS[details?.namedCurve ?? type];
    if (alg === undefined) throw new TypeError(`a key of type ${type} cannot be used`);
    return await new SignJWT()
      .setProtectedHeader({ alg })
      .setIssuer(client.clientId)
      .setSubject(client.clientId)
      .setAudience(audience)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(key);
  } catch {
    // What the parser says may quote the key.
    const why = 'auth.privateKey is no PEM private key of type RSA, EC P-256 or P-384, or Ed25519';
    throw new CredentialError('AUTH_REQUIRED', why);
  }
}

interface Proof {
  readonly headers: Record<string, string>;
  readonly form: Record<string, string>;
}

/** How the client proves itself (RFC 6749 §2.3, RFC 7523). */
async function proofOf(client: OAuthClient, metadata: ServerMetadata): Promise<Proof> {
  const { clientId, clientSecret = '', method } = client;
  switch (method) {
    case 'client_secret_basic': {
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
      const authorization = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
      return { headers: { authorization }, form: {} };
    }
    case 'client_secret_post':
      return { headers: {}, form: { client_id: clientId, client_secret: clientSecret } };
    case 'private_key_jwt': {
      const assertion = await signAssertion(client, metadata.issuer);
      const form = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
      return { headers: {}, form: { client_id: clientId, ...form } };
    }
    case 'none':
      break;
  }
  return { headers: {}, form: { client_id: clientId } };
}

/** POSTs a form to an endpoint as this client. */
export async function postAsClient(endpoint: URL, request: TokenRequest): Promise<OAuthAnswer> {
  const { client, metadata, http, reach, signal } = request;
  const proof = await proofOf(client, metadata);
  const body = new URLSearchParams({ ...request.form, ...proof.form }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...proof.headers };
  return await http.ask(endpoint, { method: 'POST', headers, body, signal }, reach);
}

/** The word of an error; its description is a server's text and is not passed on. */
function errorWord(json: OAuthAnswer['json']): string | undefined {
  const word = json?.['error'];
  return typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? word : undefined;
}

function refusal({ status, json }: OAuthAnswer, { metadata }: TokenRequest): CredentialError {
  const oauthError = errorWord(json);
  const said = oauthError === undefined ? `status ${status}` : oauthError;
  const passing = isForNowStatus(status) || oauthError === 'temporarily_unavailable';
  const what = `${metadata.tokenEndpoint.origin} gave no token (${said})`;
  return new CredentialError(passing ? 'AUTH_UNAVAILABLE' : 'AUTH_REJECTED', what, { oauthError });
}

function read(json: Readonly<Record<string, unknown>>, origin: string): TokenSet {
  const invalid = (why: string): CredentialError =>
    new CredentialError('AUTH_METADATA_INVALID', `${origin} gave a token that ${why}`);
  const { access_token: accessToken, refresh_token: refreshToken, scope } = json;
  if (typeof accessToken !== 'string' || !TOKEN.test(accessToken)) {
    throw invalid('cannot stand in a header');
  }
  if (String(json['token_type']).toLowerCase() !== 'bearer') throw invalid('is no bearer token');
  const seconds = Number(json['expires_in'] ?? Number.NaN);
  const lifetimeMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
  return {
    accessToken,
    refreshToken:
      typeof refreshToken === 'string' && TOKEN.test(refreshToken) ? refreshToken : undefined,
    lifetimeMs: lifetimeMs === undefined ? undefined : Math.min(lifetimeMs, MAX_LIFETIME_MS),
    scopes: typeof scope === 'string' ? scopesIn(scope) : undefined,
  };
}

/**
 * Asks the token endpoint.
 * @throws CredentialError `AUTH_REJECTED` with `oauthError`, `AUTH_UNAVAILABLE`, `AUTH_METADATA_INVALID`.
 */
export async function requestToken(request: TokenRequest): Promise<TokenSet> {
  const { tokenEndpoint } = request.metadata;
  const answer = await postAsClient(tokenEndpoint, request);
  if (answer.status !== 200 || answer.json === undefined) throw refusal(answer, request);
  return read(answer.json, tokenEndpoint.origin);
}
