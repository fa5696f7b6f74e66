import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { tempFolder } from '@cortex-os/testkit';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import { createLogin, startOAuthGateway } from '../credentials/oauth-fixture.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import type { ClientScenario } from './client-scenario.ts';

const ID = 'upstream';
/** A document that the suite knows; nothing is read from there. */
const CLIENT_DOCUMENT = 'https://conformance-test.local/client-metadata.json';
/** Logins of one scenario: the first, and those that a server asks for afterwards. */
const MAX_LOGINS = 3;

interface Context {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
}

/** Whom the operator would name as issuer: secrets are for one that is configured. */
async function issuerOf(url: string): Promise<string> {
  const { origin, pathname } = new URL(url);
  const metadata = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const { authorization_servers: [issuer = ''] = [] } = (await metadata.json()) as {
    authorization_servers?: string[];
  };
  return issuer;
}

async function settingsFor(given: ClientScenario): Promise<OAuthSettings> {
  const context = JSON.parse(given.context ?? '{}') as Context;
  const { client_id: clientId, client_secret: clientSecret, private_key_pem: privateKey } = context;
  const isOwn = given.scenario.includes('client-credentials');
  const grant = isOwn ? 'client_credentials' : 'authorization_code';
  if (clientId === undefined) {
    return given.scenario.includes('cimd') ? { grant, clientId: CLIENT_DOCUMENT } : { grant };
  }
  const issuer = await issuerOf(given.url);
  return {
    grant,
    clientId,
    issuer,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(privateKey !== undefined && { privateKey }),
  };
}

/** Does what a browser does that has agreed before. */
async function follow(url: URL): Promise<void> {
  const granted = await fetch(url, { redirect: 'manual' });
  const location = granted.headers.get('location');
  if (location !== null) await fetch(location);
}

/**
 * Starts a gateway before the suite's guarded server, logs in as often as the server asks for it, and calls every tool.
 */
export async function runAuthScenario(given: ClientScenario): Promise<void> {
  await using folder = tempFolder('conformance-');
  await using login = createLogin(folder.path);
  const settings = await settingsFor(given);
  const definition = connector(ID, { kind: 'http', url: given.url, headers: {}, oauth: settings });
  let logins = 0;
  const logIn = async (): Promise<void> => {
    if (settings.grant === 'client_credentials' || logins >= MAX_LOGINS) return;
    logins += 1;
    await login.login(definition, { present: follow, signal: AbortSignal.timeout(10_000) });
  };
  await logIn();
  await using gateway = await startOAuthGateway({ connectors: [definition], folder: folder.path });
  const client = new Client({ name: 'conformance', version: '0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.origin}/mcp/${ID}`)));
  for (let attempt = 0; attempt < MAX_LOGINS; attempt += 1) {
    try {
      const { tools } = await client.listTools();
      for (const { name } of tools) await client.callTool({ name, arguments: {} });
      if (tools.length > 0) break;
    } catch (error) {
      console.error(String(error));
    }
    await logIn();
    await gateway.service.manager.sync(true);
    await gateway.service.settled();
  }
  await client.close();
}
