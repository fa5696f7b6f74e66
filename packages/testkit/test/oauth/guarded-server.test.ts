import { expect, test } from 'vitest';
import {
  startGuardedServer,
  startOAuthServer,
  startUpstream,
  type GuardedServer,
  type OAuthTestServer,
} from '../../src/index.ts';

const CLIENT = { clientId: 'app', clientSecret: 'shh' };

async function tokenFor(server: OAuthTestServer, resource: string, scope: string): Promise<string> {
  const answer = await fetch(`${server.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'app',
      client_secret: 'shh',
      resource,
      scope,
    }),
  });
  return String(((await answer.json()) as Record<string, unknown>)['access_token']);
}

async function list(guard: GuardedServer, token?: string): Promise<Response> {
  return await fetch(guard.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}',
  });
}

test('a good token passes without its header; the answer is the server’s', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
  await using issuer = await startOAuthServer({ clients: [CLIENT] });
  await using guard = await startGuardedServer({ target: upstream.url, issuer });
  const answer = await list(guard, await tokenFor(issuer, guard.url, ''));
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('"echo"');
  expect(guard.counts).toEqual({ passed: 1, unauthorized: 0, forbidden: 0, gets: 0 });
  expect(guard.headers[0]?.authorization).toContain('Bearer ');
});

test('none, an unknown one and one for another resource are 401 with the way to the metadata (RFC 9728)', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
  await using issuer = await startOAuthServer({ clients: [CLIENT] });
  await using guard = await startGuardedServer({
    target: upstream.url,
    issuer,
    challengeScope: 'read',
  });
  const other = await tokenFor(issuer, 'http://elsewhere/mcp', '');
  for (const token of [undefined, 'made up', other]) {
    const answer = await list(guard, token);
    await answer.text();
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer error="invalid_token", resource_metadata="${guard.origin}/.well-known/oauth-protected-resource/mcp", scope="read"`,
    );
  }
  expect(guard.counts).toMatchObject({ passed: 0, unauthorized: 3 });
  const metadata = await fetch(`${guard.origin}/.well-known/oauth-protected-resource/mcp`);
  expect(await metadata.json()).toEqual({
    resource: guard.url,
    authorization_servers: [issuer.issuer],
  });
});

test('a token without a scope it needs is 403; verdict, intercept and metadata let a test lie', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
  await using issuer = await startOAuthServer({ clients: [CLIENT] });
  await using guard = await startGuardedServer({
    target: upstream.url,
    issuer,
    scopes: ['read', 'write'],
    metadataUrl: null,
    metadata: (truth) => ({ ...truth, resource: 'http://lie' }),
    verdict: (truth, { headers }) => (headers['x-let-in'] === undefined ? truth : 'pass'),
    intercept: ({ method }, response) => {
      if (method !== 'DELETE') return false;
      response.writeHead(418).end();
      return true;
    },
  });
  const answer = await list(guard, await tokenFor(issuer, guard.url, 'read'));
  expect(answer.status).toBe(403);
  expect(answer.headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", scope="read write"',
  );
  expect((await fetch(guard.url, { method: 'DELETE' })).status).toBe(418);
  const metadata = await fetch(`${guard.origin}/.well-known/oauth-protected-resource`);
  expect(await metadata.json()).toMatchObject({ resource: 'http://lie' });
  const letIn = await fetch(guard.url, { headers: { 'x-let-in': 'yes', accept: 'text/plain' } });
  await letIn.body?.cancel();
  expect(guard.counts).toMatchObject({ passed: 1, forbidden: 1, gets: 1 });
});

test('a server that is gone ends the connection', async () => {
  await using issuer = await startOAuthServer({ clients: [CLIENT] });
  const upstream = await startUpstream({ kind: 'legacy-http-stateless' });
  await using guard = await startGuardedServer({ target: upstream.url, issuer });
  const token = await tokenFor(issuer, guard.url, '');
  await upstream.close();
  await expect(list(guard, token)).rejects.toThrow('fetch failed');
});
