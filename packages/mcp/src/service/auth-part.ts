import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Gate } from '../auth/gate.ts';
import type { OAuthSettings } from '../auth/oauth-settings.ts';
import type { LimitSettings } from '../auth/rate-limits.ts';
import { isLoopback, openHostError } from '../config/settings.ts';
import { watchConfig, type ConfigWatcher } from '../config/watch-config.ts';
import type { Secret } from '../connectors/secret.ts';
import { NO_OTHER_NAMES, type AllowedNames } from '../http/origin-check.ts';
import { resourceMetadataRoutes } from '../http/resource-metadata.ts';
import type { Route } from '../http/route.ts';
import type { OpenAuth } from './open-auth.ts';

/** Who is let into a service. */
export interface AuthSettings {
  /** One key for clients and operators. */
  readonly apiKey?: Secret<string> | undefined;
  readonly oauth?: OAuthSettings | undefined;
  readonly limits?: Partial<LimitSettings> | undefined;
  /** Values of `Host` beside those of this machine; lower case. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages beside those of this machine. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface AuthPartOptions {
  readonly settings: AuthSettings;
  /** Where `keys.json` and the secrets are; undefined has neither. */
  readonly stateFolder: string | undefined;
  /** Whether edits of `keys.json` are taken over. */
  readonly watch: boolean;
  /** How often what expired keys have open is looked for. Default 10 s. */
  readonly checkExpiryMs?: number | undefined;
  /** Between connector id and name on the shared endpoint. */
  readonly separator: string;
  /** Whether the connector `registry` has tools: those that write want a scope of their own. */
  readonly registryTools: boolean;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly random: () => number;
}

/** What of the options of a service says who is let in. */
export type AuthServiceOptions = Pick<
  AuthPartOptions,
  'settings' | 'stateFolder' | 'watch' | 'checkExpiryMs'
>;

interface AuthWanted {
  readonly auth?: AuthServiceOptions | undefined;
  readonly settings: Pick<AuthPartOptions, 'separator'>;
  readonly registry?: { readonly tools: boolean } | undefined;
  readonly logger: Logger;
}

/** Authentication inside a service. Without any means of it nothing is loaded and nobody is asked. */
export interface AuthPart {
  /** Undefined while nobody has to say who he is. */
  readonly gate: () => Gate | undefined;
  readonly allowed: AllowedNames;
  readonly routes: readonly (readonly [string, Route])[];
  /** Reads the keys, if there are any. @throws AuthError, or ConfigError when `host` needs authentication. */
  open(host: string): Promise<void>;
  /** Takes over edits of the keys from now on. */
  follow(): void;
  /** Called when the first key has been made: until then nobody had to say who he is. */
  onShut(listener: () => void): void;
  status(): Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

const KEYS_FILE = 'keys.json';

async function exists(path: string): Promise<boolean> {
  try {
    // A link that leads nowhere counts: what it should lead to may not be mounted yet.
    await lstat(path);
    return true;
  } catch (error) {
    // What cannot be looked at may be there: reading it says what is wrong, and nobody gets in meanwhile.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
}

class ServiceAuthPart implements AuthPart {
  readonly allowed: AllowedNames;
  readonly routes: readonly (readonly [string, Route])[];
  readonly #options: AuthPartOptions;
  #open: OpenAuth | undefined;
  #opening: Promise<void> | undefined;
  #problem: string | undefined;
  #watcher: ConfigWatcher | undefined;
  #shut: () => void = () => undefined;
  #closed = false;

  constructor(options: AuthPartOptions) {
    this.#options = options;
    const { allowedHosts = [], allowedOrigins = [], oauth } = options.settings;
    const isPlain = allowedHosts.length === 0 && allowedOrigins.length === 0;
    this.allowed = isPlain
      ? NO_OTHER_NAMES
      : { hosts: new Set(allowedHosts), origins: new Set(allowedOrigins) };
    this.routes = oauth === undefined ? [] : resourceMetadataRoutes(oauth);
  }

  readonly gate = (): Gate | undefined => this.#open?.gate;

  async open(host: string): Promise<void> {
    const { settings, stateFolder } = this.#options;
    const { apiKey, oauth, limits } = settings;
    const hasKeys = stateFolder !== undefined && (await exists(join(stateFolder, KEYS_FILE)));
    const isConfigured = apiKey !== undefined || oauth !== undefined || hasKeys;
    if (!isConfigured && !isLoopback(host)) throw openHostError(host);
    if (isConfigured || limits !== undefined) await this.#load();
    if (hasKeys && this.#open?.required !== true) {
      const { AuthError } = await import('../auth/auth-error.ts');
      const why = `${join(stateFolder, KEYS_FILE)} is a link that leads nowhere`;
      throw new AuthError('KEYS_UNREADABLE', why);
    }
  }

  follow(): void {
    const { stateFolder, watch, logger } = this.#options;
    if (!watch || stateFolder === undefined) return;
    const path = join(stateFolder, KEYS_FILE);
    const failed = (error: unknown): void => {
      this.#problem = error instanceof Error ? error.message : String(error);
      logger.error({ err: error }, 'the keys cannot be used; the last good ones stay in force');
    };
    const look = async (): Promise<void> => {
      try {
        await this.#renew();
        this.#problem = undefined;
      } catch (error) {
        failed(error);
      }
    };
    this.#watcher = watchConfig(path, look, {
      // A folder that is not there yet cannot be watched; the file is looked at now and then all the same.
      onError: (error) => logger.debug({ err: error }, 'the keys are only looked at now and then'),
    });
  }

  onShut(listener: () => void): void {
    this.#shut = listener;
  }

  status(): Readonly<Record<string, unknown>> {
    const { apiKey, oauth } = this.#options.settings;
    return {
      required: this.#open?.required === true,
      sharedKey: apiKey !== undefined,
      ...(this.#open?.keyCount !== undefined && { keys: this.#open.keyCount }),
      ...(oauth !== undefined && { issuer: oauth.issuer, resource: oauth.resource }),
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    await Promise.allSettled([this.#opening]);
    await this.#open?.close();
  }

  async #renew(): Promise<void> {
    const wasOn = this.#open?.required === true;
    if (this.#open !== undefined) await this.#open.reload();
    else await this.#load();
    if (!wasOn && this.#open?.required === true) {
      this.#options.logger.warn('there are keys now: from here on nobody gets in without one');
      this.#shut();
    }
  }

  async #load(): Promise<void> {
    if (this.#closed) return;
    const load = async (): Promise<void> => {
      const { openAuth } = await import('./open-auth.ts');
      this.#open = await openAuth(this.#options);
    };
    this.#opening ??= load().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }
}

/** Reads nothing before `open`. */
export function createAuthPart(
  { auth, settings: { separator }, registry, logger }: AuthWanted,
  parts: Pick<AuthPartOptions, 'metrics' | 'random'>,
): AuthPart {
  const { settings = {}, stateFolder, watch = false, checkExpiryMs } = auth ?? {};
  const registryTools = registry?.tools === true;
  const own = { settings, stateFolder, watch, checkExpiryMs, separator, registryTools, logger };
  return new ServiceAuthPart({ ...own, ...parts });
}
