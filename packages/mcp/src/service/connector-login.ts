import type { ConnectorDefinition } from '../connectors/connector.ts';
import { CredentialError } from '../credentials/credential-error.ts';
import { createFileCredentialStore } from '../credentials/credential-store.ts';
import { login, logout, type LoginResult, type LogoutResult } from '../credentials/login.ts';
import { createOAuthHttp } from '../credentials/oauth-http.ts';
import { sameIssuer } from '../credentials/server-metadata.ts';
import type { OAuthContext } from '../credentials/token-grant.ts';
import type { CredentialsOptions } from './credentials-part.ts';
import { oauthContextOf } from './oauth-context.ts';

/** How a connector proves itself at its server, as far as this machine knows. Never a token. */
export interface ConnectorAuthStatus {
  readonly connector: string;
  /** `keys`: in headers, `self`: the gateway gets tokens itself when it needs them. */
  readonly state: 'none' | 'keys' | 'self' | 'logged-in' | 'expired' | 'login-required';
  readonly issuer?: string;
  readonly scopes?: readonly string[];
  /** ISO 8601. */
  readonly expiresAt?: string;
  /** Whether an expired token is renewed without a person. */
  readonly renewable?: boolean;
  readonly problems?: readonly string[];
}

export interface ConnectorLoginOptions {
  readonly credentials: CredentialsOptions;
  /** For references in client secrets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Logging in and out by hand, beside a gateway that may be running. */
export interface ConnectorLogin {
  /** @param present shows the address to the person, or opens it. @throws CredentialError */
  login(
    definition: ConnectorDefinition,
    options: {
      readonly present: (url: URL) => Promise<void>;
      readonly signal: AbortSignal;
      readonly timeoutMs?: number | undefined;
    },
  ): Promise<LoginResult>;
  logout(definition: ConnectorDefinition, signal: AbortSignal): Promise<LogoutResult>;
  status(definition: ConnectorDefinition): Promise<ConnectorAuthStatus>;
  close(): Promise<void>;
}

function hasKeys({ transport }: ConnectorDefinition): boolean {
  if (transport?.kind !== 'http' && transport?.kind !== 'sse') return false;
  const { headers, lateHeaders = {} } = transport;
  return Object.keys(headers).length + Object.keys(lateHeaders).length > 0;
}

/** Logs in and out, and says how connectors stand. Nothing is opened before it is needed. */
export function createConnectorLogin(options: ConnectorLoginOptions): ConnectorLogin {
  const { credentials, env, random } = options;
  const store = createFileCredentialStore({ ...credentials, random });
  const http = createOAuthHttp();
  const required = (definition: ConnectorDefinition): OAuthContext => {
    const context = oauthContextOf(definition, { http, env });
    if (context !== undefined) return context;
    const why = `${definition.id} does not log in: add auth with type oauth to it`;
    throw new CredentialError('AUTH_REQUIRED', definition.problem ?? why);
  };

  async function keptStatus(context: OAuthContext): Promise<ConnectorAuthStatus> {
    const { connectorId: connector, server, settings } = context;
    const { records, damaged } = await store.load(connector);
    const problems = damaged.length === 0 ? {} : { problems: damaged };
    const kept = records.find(
      (one) => one.server === server.href && sameIssuer(one.issuer, settings.issuer ?? one.issuer),
    );
    if (kept?.accessToken === undefined) return { connector, state: 'login-required', ...problems };
    const { issuer, scopes, expiresAtMs = Infinity } = kept;
    const renewable = kept.refreshToken !== undefined;
    const isOver = expiresAtMs <= Date.now();
    return {
      connector,
      state: isOver ? (renewable ? 'expired' : 'login-required') : 'logged-in',
      issuer,
      scopes,
      ...(expiresAtMs !== Infinity && { expiresAt: new Date(expiresAtMs).toISOString() }),
      renewable,
      ...problems,
    };
  }

  return {
    login: async (definition, rest) => await login({ ...required(definition), store, ...rest }),
    logout: async (definition, signal) => await logout({ ...required(definition), store, signal }),
    async status(definition) {
      const context = oauthContextOf(definition, { http, env });
      const connector = definition.id;
      if (context === undefined) return { connector, state: hasKeys(definition) ? 'keys' : 'none' };
      if (context.settings.grant === 'client_credentials') {
        const { issuer } = context.settings;
        return { connector, state: 'self', ...(issuer !== undefined && { issuer }) };
      }
      return await keptStatus(context);
    },
    close: async () => await http.close(),
  };
}
