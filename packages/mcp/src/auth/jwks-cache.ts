import type { JSONWebKeySet } from 'jose';
import { AuthError } from './auth-error.ts';

export interface JwksCacheOptions {
  /** @throws AuthError */
  readonly load: () => Promise<Readonly<Record<string, unknown>>>;
  /** Milliseconds, never going back. */
  readonly nowMs: () => number;
  /** Told of keys that could not be fetched. */
  readonly onError: (error: unknown) => void;
  /** Between two fetches, however many tokens name keys that nobody knows. Default 30 s. */
  readonly cooldownMs?: number;
  /** Keys are fetched again after this. Default 10 min. */
  readonly maxAgeMs?: number;
  /** How long keys are used that cannot be fetched again. Default 24 h. */
  readonly maxStaleMs?: number;
}

/** The most keys of one issuer. */
const MAX_JWKS = 100;

function isKey(value: unknown): value is JSONWebKeySet['keys'][number] {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'kty') === 'string'
  );
}

function checked({ keys }: Readonly<Record<string, unknown>>): JSONWebKeySet {
  if (!Array.isArray(keys) || keys.length > MAX_JWKS) {
    throw new AuthError('OAUTH_METADATA', `the keys must be an array of at most ${MAX_JWKS}`);
  }
  // Shared secrets have no place in a public set, and must not become keys here.
  return { keys: keys.filter(isKey).filter(({ kty }) => kty !== 'oct') };
}

/** The keys of an issuer. Fetched when a token needs them, by one request at a time, and rarely. */
export class JwksCache {
  readonly #options: Required<JwksCacheOptions>;
  #keys: JSONWebKeySet | undefined;
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(options: JwksCacheOptions) {
    this.#options = { cooldownMs: 30_000, maxAgeMs: 600_000, maxStaleMs: 86_400_000, ...options };
  }

  /**
   * The keys that may be used now. Old ones are used while they are fetched again, and as long as that fails.
   * @throws AuthError `JWKS_UNAVAILABLE` when there are none.
   */
  async current(): Promise<JSONWebKeySet> {
    const { nowMs, maxAgeMs, maxStaleMs } = this.#options;
    const ageMs = nowMs() - this.#fetchedAtMs;
    if (ageMs > maxStaleMs) {
      this.#keys = undefined;
      await this.#refresh();
    } else if (ageMs > maxAgeMs) void this.#refresh();
    if (this.#keys !== undefined) return this.#keys;
    throw new AuthError('JWKS_UNAVAILABLE', 'the keys of the issuer cannot be had at the moment');
  }

  /** Newer keys than `seen`, in which one was missing; undefined when there are none, or it is too soon to ask. */
  async after(seen: JSONWebKeySet): Promise<JSONWebKeySet | undefined> {
    if (this.#keys === seen) await this.#refresh();
    return this.#keys === seen ? undefined : this.#keys;
  }

  async #refresh(): Promise<void> {
    const { nowMs, cooldownMs } = this.#options;
    if (this.#fetching === undefined && nowMs() - this.#triedAtMs < cooldownMs) return;
    this.#fetching ??= this.#fetch();
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { load, nowMs, onError } = this.#options;
    this.#triedAtMs = nowMs();
    try {
      this.#keys = checked(await load());
      this.#fetchedAtMs = nowMs();
    } catch (error) {
      onError(error);
    } finally {
      this.#fetching = undefined;
    }
  }
}
