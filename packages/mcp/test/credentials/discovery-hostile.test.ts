import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { startGuardedServer, startOAuthServer, type OAuthTestServer } from '@cortex-os/testkit';
import type { OAuthSettings } from '../../src/connectors/connector-auth.ts';
import { readChallenge } from '../../src/credentials/challenge.ts';
import { discover, type Discovery } from '../../src/credentials/discovery.ts';
import { createOAuthHttp } from '../../src/credentials/oauth-http.ts';
import type { Reach } from '../../src/credentials/reach.ts';
import { oauthReach } from '../../src/service/oauth-reach.ts';
import { connector } from '../e2e/gateway-fixture.ts';

// Metadata that lies (S6). Each case has the same set-up as the control, with one lie in it.

const TARGET = 'http://127.0.0.1:9/mcp';
type Json = Readonly<Record<string, unknown>>;
type Answer = (url: string, response: ServerResponse) => boolean;

interface World {
  /** Of the server's metadata. */
  readonly resource?: (truth: Json) => Json;
  /** Of the authorization server's metadata. */
  readonly server?: (truth: Json) => Json;
  readonly settings?: Partial<OAuthSettings>;
  readonly challenge?: string;
  readonly intercept?: Answer;
  readonly issuerIntercept?: Answer;
  readonly reach?: Reach;
  readonly timeoutMs?: number;
}

/** Of a connector on this machine: what is refused is refused for the lie. */
function localReach(url: string): Reach {
  const definition = connector('x', { kind: 'http', url, headers: {} });
  return oauthReach(definition, { grant: 'authorization_code' }, new URL(url));
}

async function discoverIn(
  world: World,
  use?: (issuer: OAuthTestServer) => void,
): Promise<Discovery> {
  const { server: metadata, issuerIntercept, intercept, resource, settings } = world;
  await using issuer = await startOAuthServer({
    ...(metadata && { metadata }),
    ...(issuerIntercept && { intercept: (seen, response) => issuerIntercept(seen.path, response) }),
  });
  await using guarded = await startGuardedServer({
    target: TARGET,
    issuer,
    ...(resource && { metadata: resource }),
    ...(intercept && { intercept: ({ url = '' }, response) => intercept(url, response) }),
  });
  const { timeoutMs } = world;
  const http = createOAuthHttp({ timeoutMs });
  try {
    return await discover({
      server: new URL(guarded.url),
      settings: { grant: 'authorization_code', ...settings },
      challenge: readChallenge(world.challenge?.replace('{origin}', guarded.origin)),
      http,
      reach: world.reach ?? localReach(guarded.url),
    });
  } finally {
    use?.(issuer);
    await http.close();
  }
}

/** A listener inside, which nobody may reach. */
const listeners: Server[] = [];
async function internalListener(): Promise<{ readonly url: string; readonly hits: string[] }> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? '');
    response.end('{}');
  }).listen(0, '127.0.0.1');
  listeners.push(server);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, hits };
}

afterEach(() => {
  for (const server of listeners.splice(0)) server.closeAllConnections();
});

test('control: discover() finds an honest authorization server and its scopes', async () => {
  const found = await discoverIn({ resource: (truth) => ({ ...truth, scopes_supported: ['a'] }) });
  expect(found.metadata).toMatchObject({ supportsS256: true, sendsIss: true });
  expect(found.resource).toMatch(/\/mcp$/);
  expect(found.scopes).toEqual(['a']);
  expect((await discoverIn({ challenge: 'Bearer scope="b c"' })).scopes).toEqual(['b', 'c']);
});

const LIES: Readonly<Record<string, readonly [World, RegExp]>> = {
  'a resource of somebody else': [
    { resource: (truth) => ({ ...truth, resource: 'https://other.test/mcp' }) },
    /about another resource/,
  ],
  'a resource below the server': [
    { resource: (truth) => ({ ...truth, resource: `${String(truth['resource'])}/deeper` }) },
    /about another resource/,
  ],
  'a resource with the same beginning': [
    { resource: (truth) => ({ ...truth, resource: String(truth['resource']).slice(0, -1) }) },
    /about another resource/,
  ],
  'no authorization server': [
    { resource: (truth) => ({ ...truth, authorization_servers: [] }) },
    /names no authorization server/,
  ],
  'an authorization server that is a script': [
    { resource: (truth) => ({ ...truth, authorization_servers: ['javascript:alert(1)'] }) },
    /is no https address/,
  ],
  'an authorization server with credentials in its address': [
    { resource: (truth) => ({ ...truth, authorization_servers: ['http://a:b@127.0.0.1/'] }) },
    /holds credentials/,
  ],
  'metadata of another issuer': [
    { server: (truth) => ({ ...truth, issuer: 'https://other.test' }) },
    /is another issuer's/,
  ],
  'no issuer': [{ server: ({ issuer: _issuer, ...rest }) => rest }, /is another issuer's/],
  'a token endpoint of another origin': [
    { server: (truth) => ({ ...truth, token_endpoint: 'http://127.0.0.1:1/token' }) },
    /token_endpoint .* not on the issuer's origin .*allowedOrigins/,
  ],
  'a place to log in that is a script (CVE-2025-6514)': [
    { server: (truth) => ({ ...truth, authorization_endpoint: 'javascript:alert(1)' }) },
    /authorization_endpoint .*is no https address/,
  ],
  'a place to log in that is a file': [
    { server: (truth) => ({ ...truth, authorization_endpoint: 'file:///c:/windows/calc.exe' }) },
    /authorization_endpoint .*is no https address/,
  ],
  'a registration of another origin': [
    { server: (truth) => ({ ...truth, registration_endpoint: 'http://127.0.0.1:1/r' }) },
    /registration_endpoint .*not on the issuer's origin/,
  ],
  'an endpoint that is no text': [
    { server: (truth) => ({ ...truth, token_endpoint: { a: 1 } }) },
    /token_endpoint .*is not a URL/,
  ],
  'no token endpoint': [
    { server: ({ token_endpoint: _token, ...rest }) => rest },
    /names no token_endpoint/,
  ],
  'resource metadata of another origin': [
    { challenge: 'Bearer resource_metadata="http://127.0.0.1:1/prm"' },
    /not on the server's origin/,
  ],
  'resource metadata that is a file': [
    { challenge: 'Bearer resource_metadata="file:///etc/passwd"' },
    /is no https address/,
  ],
  'a body without end': [
    {
      issuerIntercept: (path, response) => {
        if (!path.startsWith('/.well-known')) return false;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(`{"issuer":"${'x'.repeat(1_000_000)}"}`);
        return true;
      },
    },
    /larger than 65536 bytes/,
  ],
  'nothing but white space': [
    {
      issuerIntercept: (_path, response) => {
        response.writeHead(200);
        response.end('   ');
        return true;
      },
    },
    /has no metadata/,
  ],
  'an answer that never comes': [
    { issuerIntercept: () => true, timeoutMs: 100 },
    /did not answer in time/,
  ],
  'an answer that trickles': [
    {
      issuerIntercept: (_path, response) => {
        response.writeHead(200).write('{');
        return true;
      },
      timeoutMs: 100,
    },
    /did not answer in time/,
  ],
  'an issuer with a query': [
    { settings: { issuer: 'http://127.0.0.1:1/?x=1' } },
    /has a query or a fragment/,
  ],
};

test.for(Object.entries(LIES))(
  'S6 discover() does not believe %s',
  async ([, [world, message]]) => {
    await expect(discoverIn(world)).rejects.toThrow(message);
  },
);

test('S5 discover() follows no redirect: what it leads to is never asked', async () => {
  const inside = await internalListener();
  const redirect = (response: ServerResponse): true => {
    response.writeHead(302, { location: `${inside.url}/secret` });
    response.end();
    return true;
  };
  const byResource = discoverIn({
    intercept: (url, response) => url.startsWith('/.well-known') && redirect(response),
  });
  await expect(byResource).rejects.toThrow(/redirect, which is not followed/);
  const byIssuer = discoverIn({ issuerIntercept: (_path, response) => redirect(response) });
  await expect(byIssuer).rejects.toThrow(/redirect, which is not followed/);
  expect(inside.hits).toEqual([]);
  // Control: the listener can be reached.
  await fetch(`${inside.url}/control`);
  expect(inside.hits).toEqual(['/control']);
});

test('S5 a server of the internet cannot send us to this machine: neither by address nor by name', async () => {
  const inside = await internalListener();
  const { port } = new URL(inside.url);
  const server = new URL('https://mcp.example.com/mcp');
  const settings: OAuthSettings = { grant: 'authorization_code' };
  const reach = oauthReach(
    connector('x', { kind: 'http', url: server.href, headers: {} }),
    settings,
    server,
  );
  for (const address of [
    inside.url,
    `https://127.0.0.1:${port}`,
    `https://localhost:${port}`,
    `https://0x7f000001:${port}`,
    `https://[::1]:${port}`,
    `https://[::ffff:127.0.0.1]:${port}`,
    'https://169.254.169.254',
    'https://10.0.0.1',
    'https://[64:ff9b::7f00:1]',
  ]) {
    const world: World = { settings: {}, reach: { ...reach, lookup: undefined } };
    const told = discoverIn({
      ...world,
      // The server itself must be reached for it to lie.
      reach: {
        lookup: reach.lookup,
        refusal: (url) =>
          url.pathname.includes('protected-resource') ? undefined : reach.refusal(url),
      },
      resource: (truth) => ({ ...truth, authorization_servers: [address] }),
    });
    await expect(told).rejects.toMatchObject({ code: 'AUTH_URL_REFUSED' });
  }
  expect(inside.hits).toEqual([]);
});

test('discover() takes endpoints of origins that the operator allows, and its own issuer only', async () => {
  const elsewhere = 'http://127.0.0.1:1';
  const found = await discoverIn({
    server: (truth) => ({ ...truth, token_endpoint: `${elsewhere}/token` }),
    settings: { allowedOrigins: [elsewhere] },
  });
  expect(found.metadata.tokenEndpoint.href).toBe(`${elsewhere}/token`);
  const pinned = discoverIn({ settings: { issuer: 'http://127.0.0.1:1' } });
  await expect(pinned).rejects.toThrow(/127\.0\.0\.1:1 could not be asked/);
});

test('an outage of the authorization server is no refusal: it may be asked again', async () => {
  const failing = discoverIn({
    issuerIntercept: (_path, response) => {
      response.writeHead(503);
      response.end();
      return true;
    },
  });
  await expect(failing).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' });
});
