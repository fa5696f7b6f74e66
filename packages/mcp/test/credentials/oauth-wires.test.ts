import { expect, test } from 'vitest';
import {
  startConformanceServer,
  startGuardedServer,
  startOAuthServer,
  startUpstream,
  waitUntil,
} from '@cortex-os/testkit';
import { Agent } from 'undici';
import { createAuthorizedAgents } from '../../src/credentials/authorized-agents.ts';
import { CredentialError } from '../../src/credentials/credential-error.ts';
import type { RequestCredential } from '../../src/credentials/request-credential.ts';
import { startSseServer } from '../upstream/legacy-sse-fixture.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { GATEWAY_CLIENT, ownConnector, startOAuthGateway } from './oauth-fixture.ts';

test('every socket of a connector carries its token: shared or own, one session or many, era after era', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  for (const [settings, isolation] of [
    [{ sharedAgent: false }, 'shared'],
    [{}, 'session'],
  ] as const) {
    const definition = { ...ownConnector(guarded, issuer), isolation };
    const { gets } = guarded.counts;
    await using gateway = await startOAuthGateway({ connectors: [definition], settings });
    expect(await gateway.call()).toContain('hello');
    await waitUntil(() => guarded.counts.gets > gets, { describe: 'the notification stream' });
  }
  expect(guarded.headers.every(({ authorization }) => authorization?.startsWith('Bearer '))).toBe(
    true,
  );
  expect(guarded.counts.unauthorized).toBe(0);
});

test('a token that ended while a stream was open is renewed when the stream comes back', async () => {
  const server = await startConformanceServer({ eras: 'legacy' });
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: server.url, issuer });
  const definition = ownConnector(guarded, issuer);
  await using gateway = await startOAuthGateway({ connectors: [definition] });
  issuer.grants.expireAll();
  await gateway.service.manager.sync(true);
  const [status] = gateway.service.manager.listConnectors();
  expect(status?.failure).toBeUndefined();
  expect(issuer.count('/token')).toBe(2);
  await gateway[Symbol.asyncDispose]();
  await server.close();
});

test('HTTP+SSE carries the token on its stream and on its messages, and renews it', async () => {
  await using server = await startSseServer();
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({
    target: server.url,
    issuer,
    // Messages have an address of their own, for which there are no tokens.
    verdict: (_truth, { headers }) => {
      const token = headers.authorization?.slice('Bearer '.length) ?? '';
      return issuer.grants.access.has(token) ? 'pass' : 'invalid_token';
    },
  });
  const { transport, ...rest } = ownConnector(guarded, issuer);
  const sse = { ...transport, kind: 'sse' } as typeof transport;
  await using gateway = await startOAuthGateway({ connectors: [{ ...rest, transport: sse }] });
  expect(gateway.service.manager.listConnectors()[0]?.failure).toBeUndefined();
  const before = guarded.headers.length;
  expect(guarded.counts.unauthorized).toBe(0);
  issuer.grants.expireAll();
  await gateway.service.manager.sync(true);
  expect(gateway.service.manager.listConnectors()[0]?.failure).toBeUndefined();
  // Three lists are asked for at once, and one token is enough for them.
  expect(issuer.count('/token')).toBe(2);
  expect(guarded.headers.length).toBeGreaterThan(before);
});

test('S8 a credential goes to the origin of its connector only, and to no other connector', async () => {
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  await using open = await startGuardedServer({
    target: upstream.url,
    issuer,
    verdict: () => 'pass',
  });
  const withKey = { 'x-key': 'the-fixed-key' };
  const transport = ownConnector(guarded, issuer).transport;
  const first = { ...ownConnector(guarded, issuer) };
  const keyed = { ...first, transport: { ...transport, headers: withKey } as typeof transport };
  const other = connector('other', { kind: 'http', url: open.url, headers: {} });
  await using gateway = await startOAuthGateway({ connectors: [keyed, other] });
  expect(await gateway.call({ authorization: 'Bearer inbound' })).toContain('hello');
  const tokens = issuer.grants.everything.filter((one) => one.startsWith('access-'));
  expect(tokens).toHaveLength(1);
  expect(guarded.headers[0]).toMatchObject({
    'x-key': 'the-fixed-key',
    authorization: `Bearer ${tokens[0]}`,
  });
  const foreign = JSON.stringify(open.headers);
  expect(foreign).not.toMatch(/inbound|the-fixed-key|access-|authorization/);
  // Static headers of the connector never reach the authorization server.
  const asked = JSON.stringify(issuer.seen.map(({ headers }) => headers));
  expect(asked).not.toMatch(/the-fixed-key|inbound/);
});

test('a redirect of the server is not followed, so no token leaves its origin', async () => {
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using trap = await startGuardedServer({ target: upstream.url, issuer });
  await using guarded = await startGuardedServer({
    target: upstream.url,
    issuer,
    intercept: ({ url = '' }, response) => {
      if (url.startsWith('/.well-known')) return false;
      response.writeHead(307, { location: trap.url }).end();
      return true;
    },
  });
  await using gateway = await startOAuthGateway({ connectors: [ownConnector(guarded, issuer)] });
  expect(gateway.service.manager.listConnectors()[0]?.failure?.code).toBe('HTTP_STATUS');
  expect(trap.headers).toEqual([]);
});

const CREDENTIAL: RequestCredential = {
  connectorId: 'one',
  origin: '',
  current: () => 'Bearer one',
  acquire: async () => await Promise.resolve('Bearer one'),
  refused: async () => await Promise.resolve('Bearer two'),
};

const refused = async (): Promise<never> =>
  await Promise.reject(new CredentialError('AUTH_UNAVAILABLE', 'not now'));

test('createAuthorizedAgents() retries a 401 once, reads no refusal without end, and leaves other origins alone', async () => {
  await using issuer = await startOAuthServer();
  await using guarded = await startGuardedServer({
    target: 'http://127.0.0.1:9/mcp',
    issuer,
    intercept: ({ url, headers }, response) => {
      if (url !== '/endless') return false;
      response.writeHead(headers.authorization === 'Bearer two' ? 200 : 401);
      if (headers.authorization === 'Bearer two') response.end('done');
      else for (let chunk = 0; chunk < 20; chunk += 1) response.write('x'.repeat(10_000));
      return true;
    },
  });
  const agent = new Agent();
  const plain = { requests: agent, streams: agent, close: async () => await agent.destroy() };
  const ask = async (credential: RequestCredential, path: string): Promise<number | string> => {
    const agents = createAuthorizedAgents(plain, credential);
    expect(agents.requests).toBe(agents.requests);
    try {
      const { origin } = guarded;
      const answer = await agents.requests.request({ origin, path, method: 'GET', headers: [] });
      await answer.body.dump();
      return answer.statusCode;
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  };
  const own = { ...CREDENTIAL, origin: guarded.origin };
  expect(await ask(own, '/endless')).toBe(200);
  expect(await ask(own, '/mcp')).toBe('AUTH_REQUIRED');
  expect(guarded.counts.unauthorized).toBe(2);
  expect(await ask(CREDENTIAL, '/mcp')).toBe(401);
  expect(guarded.headers.at(-1)?.authorization).toBeUndefined();
  expect(await ask({ ...own, refused }, '/mcp')).toBe('AUTH_UNAVAILABLE');
  const none = { ...own, current: () => undefined };
  expect(await ask({ ...none, acquire: refused }, '/mcp')).toBe('AUTH_UNAVAILABLE');
  expect(await ask(none, '/endless')).toBe(200);
  await plain.close();
});
