import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import {
  startGuardedServer,
  startOAuthServer,
  startUpstream,
  tempFolder,
  type OAuthTestServer,
} from '@cortex-os/testkit';
import { crashLine } from '../../src/cli/crash-report.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import {
  CLIENT_SECRET,
  createLogin,
  GATEWAY_CLIENT,
  logIn,
  oauthConnector,
  ownConnector,
  startOAuthGateway,
  type OAuthGateway,
} from './oauth-fixture.ts';

/** Everything that an operator, a client or a log can see of a gateway. */
async function seenOf(gateway: OAuthGateway): Promise<string> {
  const pages = ['/status', '/metrics', '/readyz', '/mcp'].map(async (path) => {
    const answer = await fetch(gateway.origin + path);
    return await answer.text();
  });
  const calls = [await gateway.call({ authorization: 'Bearer the-inbound-token' })];
  return [...gateway.logs, ...(await Promise.all(pages)), ...calls].join('\n');
}

function expectNoSecret(text: string, issuer: OAuthTestServer): void {
  const secrets = [...issuer.grants.everything, CLIENT_SECRET, 'the-inbound-token'];
  expect(secrets.length).toBeGreaterThan(2);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  const encoded = secrets.map((secret) => Buffer.from(secret).toString('base64'));
  expect(encoded.filter((secret) => text.includes(secret))).toEqual([]);
}

test('S16 no token, code or secret is in logs of any level, metrics, status or answers: while all is well', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  const definition = oauthConnector(guarded);
  await logIn(folder.path, definition);
  await using gateway = await startOAuthGateway({ connectors: [definition], folder: folder.path });
  const text = await seenOf(gateway);
  expect(text).toContain('hello');
  expectNoSecret(text, issuer);
  await using login = createLogin(folder.path);
  expectNoSecret(JSON.stringify(await login.status(definition)), issuer);
  // Control: what is looked for would be found.
  const [token = ''] = issuer.grants.access.keys();
  expect(() => expectNoSecret(text + token, issuer)).toThrow(token);
});

test('S16 nor while servers refuse, repeat our secrets in their errors, or fail', async () => {
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({
    clients: [GATEWAY_CLIENT],
    lifetimeSec: 3_600,
    intercept: ({ path, headers, form }, response, server) => {
      if (path !== '/token' || server.count('/token') < 2) return false;
      response.writeHead(400, { 'content-type': 'application/json' });
      const said = `${headers.authorization} ${form.toString()}`;
      response.end(JSON.stringify({ error: 'invalid_client', error_description: said, said }));
      return true;
    },
  });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  await using gateway = await startOAuthGateway({ connectors: [ownConnector(guarded, issuer)] });
  expect(await gateway.call()).toContain('hello');
  issuer.grants.expireAll();
  const text = await seenOf(gateway);
  expect(text).toContain('AUTH_REQUIRED');
  expectNoSecret(text, issuer);
});

const present = async (): Promise<void> => await Promise.resolve();

test('S16 nor in what a crash writes of an error, however deep it is shown', async () => {
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT] });
  await using folder = tempFolder();
  await using login = createLogin(folder.path);
  const definition = ownConnector({ url: 'http://127.0.0.1:9/mcp' }, issuer, {
    clientId: 'nobody',
  });
  const signal = AbortSignal.timeout(10_000);
  const error: unknown = await login
    .login(definition, { present, signal })
    .catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'AUTH_REJECTED' });
  const details = { connectorId: 'one', phase: 'connect', cause: error } as const;
  const crashed = new UpstreamError('AUTH_REQUIRED', 'no', details);
  const text = [
    inspect(crashed, { depth: 20, showHidden: true }),
    crashLine(crashed, {}, Date.now()),
  ];
  expectNoSecret(text.join('\n'), issuer);
});
