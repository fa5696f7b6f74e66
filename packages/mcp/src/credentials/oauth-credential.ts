import { scopesIn, scopeUnion, type Challenge } from './challenge.ts';
import { CredentialError, isPassingError } from './credential-error.ts';
import type { CredentialStore, StoredCredential } from './credential-store.ts';
import { credentialState, type CredentialState } from './credential-state.ts';
import { discover, type Discovery } from './discovery.ts';
import { holdToken, type HeldToken } from './held-token.ts';
import type { CredentialRefusal, RequestCredential } from './request-credential.ts';
import { sameIssuer } from './server-metadata.ts';
import { grantAgain, grantToSelf, isRecordOf, type OAuthContext } from './token-grant.ts';

export interface OAuthCredentialOptions extends OAuthContext {
  readonly store: CredentialStore;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Something an operator should know: one line without secrets. */
  readonly warn: (line: string) => void;
}

export interface OAuthCredential extends RequestCredential {
  /** Looks at what is kept. @returns whether another token is used since. */
  reload(): Promise<boolean>;
  state(): CredentialState;
}

/** After a refusal nothing is asked for this long, or until credentials change (M7). */
const DENIED_MS = 60_000;
/** Longest wait between two tries to renew. */
const MAX_BACKOFF_MS = 60_000;
/** A token that took the place of a refused one, and is refused itself so soon, is not worth another. */
const JUST_GIVEN_MS = 10_000;
/** Metadata of an authorization server is asked for again after this. */
const DISCOVERY_MS = 3_600_000;

class KeptOAuthCredential implements OAuthCredential {
  readonly connectorId: string;
  readonly origin: string;
  readonly #options: OAuthCredentialOptions;
  #held: HeldToken | undefined;
  #givenAtMs = -Infinity;
  #loading: Promise<void> | undefined;
  #renewing: Promise<string> | undefined;
  #discovery: { readonly value: Discovery; readonly untilMs: number } | undefined;
  /** What the last renewal failed with, and until when it is not tried again. */
  #failure: { readonly error: CredentialError; readonly untilMs: number } | undefined;
  #failures = 0;
  #more: readonly string[] = [];

  constructor(options: OAuthCredentialOptions) {
    this.connectorId = options.connectorId;
    this.origin = options.server.origin;
    this.#options = options;
  }

  current(): string | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    const now = performance.now();
    if (now < held.refreshAtMs) return held.header;
    if (now >= held.expiresAtMs) return undefined;
    // Still good: whoever calls now does not wait for the next one.
    if (this.#mayAsk(now)) this.#renew(undefined).catch(() => undefined);
    return held.header;
  }

  async acquire(): Promise<string | undefined> {
    this.#loading ??= this.#load();
    await this.#loading;
    const value = this.current();
    if (value !== undefined) return value;
    return this.#renewable ? await this.#renew(undefined) : undefined;
  }

  async refused({ status, challenge, sent }: CredentialRefusal): Promise<string> {
    const value = await this.acquire();
    if (status === 403) return await this.#stepUp(challenge);
    if (value !== undefined && value !== sent) return value;
    const isNew = performance.now() - this.#givenAtMs < JUST_GIVEN_MS;
    if (isNew) throw this.#deny(this.#required('the server refuses a token that was just given'));
    if (this.#renewable) return await this.#renew(challenge);
    const why = this.#held === undefined ? 'nobody has logged in' : 'the login has ended';
    throw this.#required(`the server wants credentials and ${why}`);
  }

  async reload(): Promise<boolean> {
    const before = this.#held?.header;
    this.#loading = this.#load();
    await this.#loading;
    const isOther = this.#held?.header !== before;
    if (isOther) this.#failure = undefined;
    return isOther;
  }

  state(): CredentialState {
    const { grant } = this.#options.settings;
    return credentialState(grant, this.#held, this.#failure?.error.message);
  }

  get #isOwn(): boolean {
    return this.#options.settings.grant === 'client_credentials';
  }

  /** Whether a token can be had without a person. */
  get #renewable(): boolean {
    return this.#isOwn || this.#held?.record.refreshToken !== undefined;
  }

  #mayAsk(nowMs: number): boolean {
    return this.#failure === undefined || nowMs >= this.#failure.untilMs;
  }

  async #load(): Promise<void> {
    if (this.#isOwn) return;
    try {
      const { store, warn } = this.#options;
      const { records, damaged } = await store.load(this.connectorId);
      for (const line of damaged) warn(line);
      this.#hold(records.find((record) => isRecordOf(this.#options, record)));
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      this.#options.warn(`the credentials of ${this.connectorId} cannot be read: ${error}`);
    }
  }

  #hold(record: StoredCredential | undefined): void {
    if (
      record?.accessToken !== undefined &&
      record.accessToken === this.#held?.record.accessToken
    ) {
      return;
    }
    this.#held =
      record &&
      holdToken(record, {
        nowMs: performance.now(),
        wallMs: Date.now(),
        random: this.#options.random,
        renewable: this.#isOwn || record.refreshToken !== undefined,
      });
  }

  /** One renewal at a time; everybody who needs one waits for it. */
  async #renew(challenge: Challenge | undefined): Promise<string> {
    if (this.#renewing === undefined) {
      if (this.#failure !== undefined && !this.#mayAsk(performance.now()))
        throw this.#failure.error;
      this.#renewing = this.#tryRenew(challenge).finally(() => {
        this.#renewing = undefined;
      });
    }
    return await this.#renewing;
  }

  async #tryRenew(challenge: Challenge | undefined): Promise<string> {
    const { store } = this.#options;
    try {
      const renewed = this.#isOwn
        ? await this.#renewOwn(challenge)
        : await store.exclusively(this.connectorId, async () => await this.#renewKept(challenge));
      this.#hold(renewed);
      if (challenge !== undefined) this.#givenAtMs = performance.now();
      this.#failure = undefined;
      this.#failures = 0;
      return this.#held?.header ?? '';
    } catch (cause) {
      throw await this.#failed(cause);
    }
  }

  async #renewOwn(challenge: Challenge | undefined): Promise<StoredCredential> {
    return await grantToSelf(this.#options, await this.#discover(challenge), this.#more);
  }

  async #renewKept(challenge: Challenge | undefined): Promise<StoredCredential> {
    const { store, warn } = this.#options;
    const { records } = await store.load(this.connectorId);
    const kept = records.find((record) => isRecordOf(this.#options, record));
    const held = this.#held?.record;
    // Another process was faster: its refresh token is the one that is good now.
    if (kept?.accessToken !== undefined && kept.accessToken !== held?.accessToken) return kept;
    const record = kept ?? held;
    if (record?.refreshToken === undefined) throw this.#required('the login has ended');
    const discovery = await this.#discover(challenge, record.issuer);
    if (!sameIssuer(discovery.metadata.issuer, record.issuer)) {
      throw this.#required('the server has another authorization server than at the login');
    }
    const renewed = await grantAgain(this.#options, discovery, {
      ...record,
      refreshToken: record.refreshToken,
    });
    try {
      // Before it is used: the refresh token of before may be good no more.
      await store.save(renewed);
    } catch (cause) {
      const code = cause instanceof Error ? cause.message : String(cause);
      warn(`the renewed credentials of ${this.connectorId} could not be kept: ${code}`);
    }
    return renewed;
  }

  async #discover(challenge: Challenge | undefined, issuer?: string): Promise<Discovery> {
    const now = performance.now();
    const known = this.#discovery;
    // A server that refuses us may have moved to another authorization server.
    if (challenge === undefined && known !== undefined && now < known.untilMs) return known.value;
    const value = await discover({ ...this.#options, challenge, preferredIssuer: issuer });
    this.#discovery = { value, untilMs: now + DISCOVERY_MS };
    return value;
  }

  async #failed(cause: unknown): Promise<CredentialError> {
    const passing = isPassingError(cause) || !(cause instanceof CredentialError);
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (passing) {
      this.#failures += 1;
      const capMs = Math.min(MAX_BACKOFF_MS, 1_000 * 2 ** Math.min(this.#failures, 10));
      const error = new CredentialError('AUTH_UNAVAILABLE', `no token could be had: ${reason}`, {
        cause,
      });
      const waitMs = 100 + this.#options.random() * capMs;
      this.#failure = { error, untilMs: performance.now() + waitMs };
      return error;
    }
    if (cause.oauthError === 'invalid_grant') await this.#forget();
    return this.#deny(cause.code === 'AUTH_REQUIRED' ? cause : this.#required(reason, cause));
  }

  /** The login is over; who we are at the issuer is still known. */
  async #forget(): Promise<void> {
    const record = this.#held?.record;
    this.#held = undefined;
    if (record === undefined || this.#isOwn) return;
    const { accessToken: _access, refreshToken: _refresh, expiresAtMs: _end, ...rest } = record;
    try {
      await this.#options.store.save(rest);
    } catch {
      // It is of no use to anybody; the next login writes over it.
    }
  }

  #deny(error: CredentialError): CredentialError {
    this.#failure = { error, untilMs: performance.now() + DENIED_MS };
    return error;
  }

  /** 403 `insufficient_scope`: asked for once more by ourselves only when nobody said what may be asked for. */
  async #stepUp(challenge: Challenge): Promise<string> {
    const wanted = scopesIn(challenge.scope);
    const named = wanted.join(' ').slice(0, 200);
    const { settings, store } = this.#options;
    const known = scopeUnion(this.#more, this.#held?.record.scopes);
    const isNew = wanted.some((scope) => !known.includes(scope));
    if (this.#isOwn && settings.scopes === undefined && isNew) {
      this.#more = scopeUnion(this.#more, wanted);
      return await this.#renew(challenge);
    }
    const record = this.#held?.record;
    if (!this.#isOwn && record !== undefined && isNew) {
      await store.save({ ...record, wantedScopes: scopeUnion(record.wantedScopes, wanted) });
    }
    throw this.#required(`the server wants more scopes${named === '' ? '' : ` (${named})`}`);
  }

  #required(why: string, cause?: unknown): CredentialError {
    const remedy = this.#isOwn
      ? 'correct auth of this connector'
      : `run: cortex-mcp auth login ${this.connectorId}`;
    return new CredentialError('AUTH_REQUIRED', `${why}; ${remedy}`, { cause });
  }
}

/** The token of one connector, renewed ahead of its end by whoever calls; no timer runs. */
export function createOAuthCredential(options: OAuthCredentialOptions): OAuthCredential {
  return new KeptOAuthCredential(options);
}
