import { pino } from 'pino';
import type { GuardedServer, OAuthTestServer } from '@cortex-os/testkit';
import { createConnectorLogin, type ConnectorLogin } from '../../src/service/connector-login.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import { createService, type Service, type ServiceSettings } from '../../src/service/service.ts';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';

/** A connector that logs in. */
export function oauthConnector(
  server: Pick<GuardedServer, 'url'>,
  settings: Partial<OAuthSettings> = {},
  more: Partial<ConnectorDefinition> & { readonly kind?: 'http' | 'sse' } = {},
): ConnectorDefinition {
  const { kind = 'http', ...rest } = more;
  const oauth: OAuthSettings = { grant: 'authorization_code', ...settings };
  return connector('guarded', { kind, url: server.url, headers: {}, oauth }, rest);
}

/** A connector that gets its tokens itself. */
export function ownConnector(
  server: Pick<GuardedServer, 'url'>,
  issuer: Pick<OAuthTestServer, 'issuer'>,
  settings: Partial<OAuthSettings> = {},
): ConnectorDefinition {
  return oauthConnector(server, {
    grant: 'client_credentials',
    issuer: issuer.issuer,
    clientId: 'gateway',
    clientSecret: '${CLIENT_SECRET}',
    ...settings,
  });
}

export const CLIENT_SECRET = 'the-secret-of-the-gateway';
export const GATEWAY_CLIENT: { readonly clientId: string; readonly clientSecret: string } = {
  clientId: 'gateway',
  clientSecret: CLIENT_SECRET,
};

/** The gateway as a login and a server see it. */
export interface OAuthGateway extends AsyncDisposable {
  readonly service: Service;
  readonly origin: string;
  /** Every line that was logged, at every level. */
  readonly logs: readonly string[];
  /** Calls `echo` of the connector; the text of the answer. */
  call(headers?: Readonly<Record<string, string>>): Promise<string>;
}

export interface OAuthGatewayOptions {
  readonly connectors: readonly ConnectorDefinition[];
  /** `secrets/` of a state folder. Default: nothing is kept. */
  readonly folder?: string;
  readonly settings?: Partial<ServiceSettings>;
}

const noKey = async (): Promise<undefined> => await Promise.resolve(undefined);

/** Starts a gateway and waits for its first pass. */
export async function startOAuthGateway(options: OAuthGatewayOptions): Promise<OAuthGateway> {
  const { connectors, folder, settings } = options;
  const logs: string[] = [];
  const service = createService({
    connectors,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    logger: pino({ level: 'trace' }, { write: (line) => logs.push(line) }),
    baseEnv: { ...process.env, CLIENT_SECRET },
    version: '0.0.0-test',
    credentials: folder === undefined ? undefined : { folder, key: noKey },
  });
  const { port } = await service.start();
  await service.manager.sync();
  await service.settled();
  const origin = `http://127.0.0.1:${port}`;
  return {
    service,
    origin,
    logs,
    async call(headers = {}) {
      const name = 'guarded__echo';
      const body = modernBody('tools/call', { name, arguments: { message: 'hello' } });
      const sent = { ...modernHeaders('tools/call', name), ...headers };
      return (await send(`${origin}/mcp`, { headers: sent, body })).text;
    },
    [Symbol.asyncDispose]: async () => await service.close(),
  };
}

/** Does what a browser and a person who agrees do. @returns the status of the local page. */
export async function agree(url: URL): Promise<number> {
  const granted = await fetch(url, { redirect: 'manual' });
  const location = granted.headers.get('location');
  if (location === null) throw new Error(`no redirect but ${granted.status}`);
  return (await fetch(location)).status;
}

export function createLogin(folder: string): ConnectorLogin & AsyncDisposable {
  const login = createConnectorLogin({
    credentials: { folder, key: noKey },
    env: { CLIENT_SECRET },
    random: () => 0.5,
  });
  return { ...login, [Symbol.asyncDispose]: async () => await login.close() };
}

/** Logs in to a connector as a person who agrees. */
export async function logIn(folder: string, definition: ConnectorDefinition): Promise<void> {
  await using login = createLogin(folder);
  await login.login(definition, {
    present: async (url) => {
      await agree(url);
    },
    signal: AbortSignal.timeout(10_000),
  });
}
