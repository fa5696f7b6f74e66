import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { createAuthenticator } from '../auth/authenticator.ts';
import { createFetchJson } from '../auth/fetch-json.ts';
import { findJwksUrl } from '../auth/find-jwks.ts';
import { createGate, type Gate } from '../auth/gate.ts';
import { createKeyStore, type KeyStore } from '../auth/key-store.ts';
import { PEPPER_SECRET, readKeys, type KeyRecord } from '../auth/keys-file.ts';
import type { OAuthSettings } from '../auth/oauth-settings.ts';
import { OPERATOR_SECRET } from '../auth/operator-token.ts';
import type { NamingScheme, Restrict } from '../auth/policy.ts';
import { Presence } from '../auth/presence.ts';
import { createRateLimits, DEFAULT_LIMITS, type LimitSettings } from '../auth/rate-limits.ts';
import { resourceMetadataUrl } from '../auth/resource-metadata.ts';
import { ensureSecret } from '../auth/secret-file.ts';
import { createTokenVerifier, type TokenVerifier } from '../auth/token-verifier.ts';
import { createUsedKeys, type UsedKeys } from '../auth/used-keys.ts';
import { exposedName } from '../catalog/tool-name.ts';
import { isLoopback } from '../config/settings.ts';
import { createPublicLookup } from '../connectors/map/public-lookup.ts';
import { isPrivateAddress } from '../connectors/map/service-map-trust.ts';
import type { AuthPartOptions } from './auth-part.ts';
import { ANONYMOUS } from '../gateway/reply/anonymous.ts';
import { createAuthMetrics } from '../observability/auth-instruments.ts';

/** The means of authentication of a service, in force. */
export interface OpenAuth {
  readonly gate: Gate;
  /** False while there are only limits: nobody has to say who he is. */
  readonly required: boolean;
  /** Keys that let somebody in now; undefined when there is no file of them. */
  readonly keyCount: number | undefined;
  /** Takes over an edited keys file. What somebody has open who is not let in any more is cut. @throws AuthError */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Tools of the connector `registry` that change it. */
const WRITING_TOOLS = ['registry__register', 'registry__unregister'];
/** How often keys are looked at that have expired meanwhile. */
const EXPIRY_MS = 10_000;

/** What changes the registry needs `registry:write`, whichever way it comes. */
function registryRestriction(separator: string): Restrict {
  const deny = WRITING_TOOLS.map((name) => name.replace('__', separator));
  return (grants) => {
    const mayWrite = grants.some(
      ({ scopes }) => scopes.includes('registry:write') || scopes.includes('operator'),
    );
    if (mayWrite) return grants;
    return grants.map((grant) => {
      const { tools } = grant;
      return Object.assign({}, grant, {
        tools: { allow: tools?.allow, deny: [...(tools?.deny ?? []), ...deny] },
      });
    });
  };
}

/** Why an issuer's address must not be asked: plain HTTP, or a place inside, unless the operator named it so. */
function refusalOf(url: URL, { issuer, jwksUrl, allowedHosts }: OAuthSettings): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isNamed = [issuer, jwksUrl].some(
    (text) => text !== undefined && new URL(text).host === url.host,
  );
  const isOurs = isNamed && isLoopback(host);
  if (url.protocol !== 'https:' && !(isOurs && url.protocol === 'http:')) return 'it is not https';
  if (isOurs || allowedHosts.includes(url.host) || allowedHosts.includes(url.hostname))
    return undefined;
  const family = isIP(host);
  const isPrivate = family !== 0 && isPrivateAddress(host, family);
  return isPrivate
    ? 'it is a private address; name its host in auth.oauth.allowedHosts'
    : undefined;
}

function createTokens(
  settings: OAuthSettings,
  naming: NamingScheme,
  logger: Logger,
): TokenVerifier {
  const { issuer, jwksUrl, allowedHosts } = settings;
  const local = [issuer, jwksUrl].flatMap((text) => {
    const host = text === undefined ? '' : new URL(text).hostname;
    return isLoopback(host) ? [host] : [];
  });
  const fetchJson = createFetchJson({
    lookup: createPublicLookup([...allowedHosts, ...local]),
    refuses: (url) => refusalOf(url, settings),
  });
  let found: URL | undefined = jwksUrl === undefined ? undefined : new URL(jwksUrl);
  return createTokenVerifier({
    settings,
    naming,
    load: async () => {
      found ??= await findJwksUrl(issuer, fetchJson);
      return await fetchJson(found);
    },
    onError: (error) => logger.warn({ err: error }, 'tokens cannot be checked with newer keys'),
  });
}

class ServiceAuth implements OpenAuth {
  readonly gate: Gate;
  readonly #options: AuthPartOptions;
  readonly #naming: NamingScheme;
  readonly #presence = new Presence();
  readonly #used: UsedKeys | undefined;
  readonly #expiry: NodeJS.Timeout;
  #keys: KeyStore | undefined;
  #records: readonly KeyRecord[] = [];

  constructor(options: AuthPartOptions, operatorSecret: Buffer | undefined) {
    this.#options = options;
    const { settings, separator, logger, metrics, random, stateFolder } = options;
    const { apiKey, oauth } = settings;
    const restrict = options.registryTools ? registryRestriction(separator) : undefined;
    this.#naming = { separator, exposedName, restrict };
    const limitSettings: LimitSettings = { ...DEFAULT_LIMITS, ...settings.limits };
    const limits = createRateLimits(limitSettings, random);
    if (stateFolder !== undefined) {
      this.#used = createUsedKeys({
        stateFolder,
        onError: (error) => logger.warn({ err: error }, 'when keys were used cannot be written'),
      });
    }
    const tokens = oauth && createTokens(oauth, this.#naming, logger);
    const authenticator = createAuthenticator({
      keys: () => this.#keys,
      sharedKey: apiKey?.reveal(),
      tokens,
      operatorSecret,
      mayJudge: async ({ socket }) => (await limits.failing(socket.remoteAddress)) === undefined,
      used: (keyId, nowMs) => this.#used?.note(keyId, nowMs),
    });
    this.gate = createGate({
      authenticator: () => (this.required ? authenticator : undefined),
      anonymous: ANONYMOUS,
      limits,
      limitSettings,
      presence: this.#presence,
      metadataUrl: oauth && resourceMetadataUrl(oauth),
      requiredScopes: oauth?.requiredScopes ?? [],
      count: createAuthMetrics(metrics, () => this.keyCount ?? 0),
    });
    this.#expiry = setInterval(
      () => this.#cutExpired(),
      options.checkExpiryMs ?? EXPIRY_MS,
    ).unref();
  }

  get required(): boolean {
    const { apiKey, oauth } = this.#options.settings;
    return apiKey !== undefined || oauth !== undefined || this.#keys !== undefined;
  }

  get keyCount(): number | undefined {
    return this.#keys?.count(Date.now());
  }

  async reload(): Promise<void> {
    const { stateFolder } = this.#options;
    if (stateFolder === undefined) return;
    const records = await readKeys(stateFolder);
    if (records === undefined) return;
    const pepper = await ensureSecret(stateFolder, PEPPER_SECRET);
    const before = new Map(this.#records.map((record) => [`key:${record.id}`, record]));
    const after = new Map(records.map((record) => [`key:${record.id}`, record]));
    this.#keys = createKeyStore(records, pepper, this.#naming);
    this.#records = records;
    // Rules of a stream were judged when it was opened.
    this.#presence.cut((id) => {
      const old = before.get(id);
      return old !== undefined && rulesOf(old) !== rulesOf(after.get(id));
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry);
    await this.#used?.close();
  }

  #cutExpired(): void {
    const nowMs = Date.now();
    this.#presence.cutEnded(nowMs);
    this.#presence.cut((id) => {
      const key = id.startsWith('key:') ? this.#keys?.active(id.slice('key:'.length)) : undefined;
      return key !== undefined && key.expiresAtMs <= nowMs;
    });
  }
}

/** Everything of a key that what is open depends on; its secrets come and go while it is rotated. */
function rulesOf(record: KeyRecord | undefined): string {
  if (record === undefined) return '';
  const { secrets: _secrets, title: _title, rate: _rate, ...rules } = record;
  return JSON.stringify(rules);
}

/** Reads the keys and makes the gate. @throws AuthError when the keys file cannot be used. */
export async function openAuth(options: AuthPartOptions): Promise<OpenAuth> {
  const { stateFolder } = options;
  const secret =
    stateFolder === undefined ? undefined : await ensureSecret(stateFolder, OPERATOR_SECRET);
  const auth = new ServiceAuth(options, secret);
  try {
    await auth.reload();
  } catch (error) {
    await auth.close();
    throw error;
  }
  return auth;
}
