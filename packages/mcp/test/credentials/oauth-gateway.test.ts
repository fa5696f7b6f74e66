import { expect, test } from 'vitest';
import {
  startGuardedServer,
  startOAuthServer,
  startUpstream,
  tempFolder,
  waitUntil,
} from '@cortex-os/testkit';
import {
  createLogin,
  GATEWAY_CLIENT,
  logIn,
  oauthConnector,
  ownConnector,
  startOAuthGateway,
} from './oauth-fixture.ts';

test('a connector that acts for itself gets a token and sends it with syncs, streams and calls (S8)', async () => {
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ clients: [GATEWAY_CLIENT], lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  await using gateway = await startOAuthGateway({ connectors: [ownConnector(guarded, issuer)] });
  expect(await gateway.call({ authorization: 'Bearer inbound' })).toContain('hello');
  expect(guarded.counts).toMatchObject({ unauthorized: 0, forbidden: 0 });
  expect(issuer.count('/token')).toBe(1);
  const [token] = issuer.grants.access.keys();
  expect(new Set(guarded.headers.map(({ authorization }) => authorization))).toEqual(
    new Set([`Bearer ${token}`]),
  );
  expect(issuer.seen.find(({ path }) => path === '/token')?.form.get('resource')).toBe(guarded.url);
});

test('without a login a server that wants one leaves the connector AUTH_REQUIRED, naming the command; a login beside it brings it up', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  const definition = oauthConnector(guarded);
  await using gateway = await startOAuthGateway({ connectors: [definition], folder: folder.path });
  const [before] = gateway.service.manager.listConnectors();
  expect(before).toMatchObject({
    state: 'unavailable',
    failure: {
      code: 'AUTH_REQUIRED',
      message: expect.stringContaining('cortex-mcp auth login guarded') as string,
    },
  });
  await logIn(folder.path, definition);
  await waitUntil(() => gateway.service.manager.listConnectors()[0]?.state !== 'unavailable', {
    describe: 'the connector to come up',
  });
  await gateway.service.settled();
  expect(await gateway.call()).toContain('hello');
  await using login = createLogin(folder.path);
  expect(await login.status(definition)).toMatchObject({ state: 'logged-in', renewable: true });
});

test('a token that the server does not take any more is renewed once, and the call goes on; other calls wait for the same renewal', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600 });
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  const definition = oauthConnector(guarded);
  await logIn(folder.path, definition);
  await using gateway = await startOAuthGateway({ connectors: [definition], folder: folder.path });
  expect(await gateway.call()).toContain('hello');
  const before = issuer.count('/token');
  issuer.grants.expireAll();
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await gateway.call()));
  expect(answers.every((text) => text.includes('hello'))).toBe(true);
  expect(issuer.count('/token')).toBe(before + 1);
  // Rotation: the one refresh token that is good is the one that is kept.
  expect(issuer.grants.refresh.size).toBe(1);
});

test('tokens outlive the gateway; another issuer never gets them', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'dual-http' });
  await using issuer = await startOAuthServer({ lifetimeSec: 3_600 });
  await using other = await startOAuthServer();
  await using guarded = await startGuardedServer({ target: upstream.url, issuer });
  const definition = oauthConnector(guarded);
  await logIn(folder.path, definition);
  const options = { connectors: [definition], folder: folder.path };
  const restart = async (): Promise<void> => {
    await using gateway = await startOAuthGateway(options);
    expect(await gateway.call()).toContain('hello');
  };
  await restart();
  await restart();
  const asked = issuer.count('/token');
  const elsewhere = oauthConnector(guarded, { issuer: other.issuer });
  await using gateway = await startOAuthGateway({ connectors: [elsewhere], folder: folder.path });
  expect(gateway.service.manager.listConnectors()[0]?.failure?.code).toBe('AUTH_REQUIRED');
  expect(guarded.headers.at(-1)?.authorization).toBeUndefined();
  expect(issuer.count('/token')).toBe(asked);
  expect(other.count('/token')).toBe(0);
});
