import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { createAuthorizedAgents } from '../credentials/authorized-agents.ts';
import type { CredentialStore } from '../credentials/credential-store.ts';
import { LateCredential } from '../credentials/late-credential.ts';
import type { CredentialState } from '../credentials/credential-state.ts';
import type { OAuthCredential } from '../credentials/oauth-credential.ts';
import type { OAuthHttp } from '../credentials/oauth-http.ts';
import { watchFolder, type FolderWatcher } from '../credentials/watch-folder.ts';
import type { SharedAgents } from '../upstream/streamable-http/agent.ts';

/** Where credentials towards servers are kept. */
export interface CredentialsOptions {
  /** `secrets/` of the state folder. */
  readonly folder: string;
  /** The operator's own key. Default: a key file in the folder. */
  readonly key: () => Promise<{ readonly key: string; readonly name: string } | undefined>;
}

export interface CredentialsPartOptions {
  /** Undefined keeps nothing. */
  readonly credentials: CredentialsOptions | undefined;
  /** For references in client secrets. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
}

/** The credentials of all connectors that log in by OAuth. */
export interface CredentialsPart {
  /** The sockets of a connector: as they are, or with its credential on every request to its server. */
  agents(definition: ConnectorDefinition, agents: SharedAgents): SharedAgents;
  /** How each stands, by connector; never a token. */
  states(): Readonly<Record<string, CredentialState>>;
  close(): Promise<void>;
}

/** Credentials that are remembered; the oldest is forgotten beyond. One is forgotten at a cost of one reading of a file. */
const MAX_CREDENTIALS = 10_000;

interface Known {
  /** What it was made for. */
  readonly about: unknown;
  readonly credential: LateCredential<OAuthCredential>;
}

/** What tells one credential of a connector from another. */
function aboutOf({ origin, transport }: ConnectorDefinition): unknown {
  return transport?.kind === 'http' || transport?.kind === 'sse'
    ? [origin, transport.url, transport.oauth]
    : undefined;
}

async function openHttp(): Promise<OAuthHttp> {
  const { createOAuthHttp } = await import('../credentials/oauth-http.ts');
  return createOAuthHttp();
}

class Credentials implements CredentialsPart {
  readonly #options: CredentialsPartOptions;
  readonly #changed: (connectorId: string) => void;
  /** By connector and address: replicas have tokens of their own. */
  readonly #known = new Map<string, Known>();
  #store: Promise<CredentialStore> | undefined;
  #http: Promise<OAuthHttp> | undefined;
  #watcher: FolderWatcher | undefined;
  #closed = false;

  constructor(options: CredentialsPartOptions, changed: (connectorId: string) => void) {
    this.#options = options;
    this.#changed = changed;
  }

  agents(definition: ConnectorDefinition, agents: SharedAgents): SharedAgents {
    const { transport } = definition;
    if (transport?.kind !== 'http' && transport?.kind !== 'sse') return agents;
    if (transport.oauth === undefined) return agents;
    return createAuthorizedAgents(agents, this.#credentialOf(definition, transport.url));
  }

  states(): Readonly<Record<string, CredentialState>> {
    const states: Record<string, CredentialState> = {};
    for (const { credential } of this.#known.values()) {
      const { made, connectorId } = credential;
      if (made !== undefined) states[connectorId] = made.state();
    }
    return states;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    await (await this.#http)?.close();
  }

  #credentialOf(definition: ConnectorDefinition, url: string): LateCredential<OAuthCredential> {
    const key = `${definition.id} ${url}`;
    const about = aboutOf(definition);
    const known = this.#known.get(key);
    if (known !== undefined && isDeepStrictEqual(known.about, about)) return known.credential;
    this.#watch();
    const { origin } = new URL(url);
    const credential = new LateCredential(
      { connectorId: definition.id, origin },
      async () => await this.#create(definition),
    );
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_CREDENTIALS && oldest !== undefined) this.#known.delete(oldest);
    this.#known.delete(key);
    this.#known.set(key, { about, credential });
    return credential;
  }

  async #create(definition: ConnectorDefinition): Promise<OAuthCredential> {
    const { baseEnv: env, random, logger } = this.#options;
    const [{ createOAuthCredential }, { oauthContextOf }, store, http] = await Promise.all([
      import('../credentials/oauth-credential.ts'),
      import('./oauth-context.ts'),
      this.#openStore(),
      this.#openHttp(),
    ]);
    const context = oauthContextOf(definition, { http, env });
    if (context === undefined) throw new TypeError(`${definition.id} does not log in by OAuth`);
    const warn = (line: string): void => logger.warn({ connector: definition.id }, line);
    return createOAuthCredential({ ...context, store, random, warn });
  }

  async #openStore(): Promise<CredentialStore> {
    const { credentials, random } = this.#options;
    const open = async (): Promise<CredentialStore> => {
      const { createFileCredentialStore, createMemoryCredentialStore } =
        await import('../credentials/credential-store.ts');
      if (credentials === undefined) return createMemoryCredentialStore();
      return createFileCredentialStore({ ...credentials, random });
    };
    this.#store ??= open();
    return await this.#store;
  }

  async #openHttp(): Promise<OAuthHttp> {
    this.#http ??= openHttp();
    return await this.#http;
  }

  /** From the first connector on that needs it: a login of another process is taken up without a restart. */
  #watch(): void {
    const { credentials } = this.#options;
    if (credentials === undefined || this.#watcher !== undefined || this.#closed) return;
    this.#watcher = watchFolder(`${credentials.folder}/oauth`, () => void this.#reload());
  }

  async #reload(): Promise<void> {
    for (const { credential } of this.#known.values()) {
      const { made } = credential;
      if (this.#closed || made === undefined) continue;
      if (await made.reload()) this.#changed(credential.connectorId);
    }
  }
}

/**
 * Nothing of it is loaded, watched or asked before a connector needs it.
 * @param changed a connector has other credentials than before: it is worth another try now (M7).
 */
export function createCredentialsPart(
  options: CredentialsPartOptions,
  changed: (connectorId: string) => void,
): CredentialsPart {
  return new Credentials(options, changed);
}
