import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { startOAuthServer } from '@cortex-os/testkit';
import { createOAuthHttp } from '../../src/credentials/oauth-http.ts';
import { findServerMetadata } from '../../src/credentials/server-metadata.ts';
import { requestToken, type TokenSet } from '../../src/credentials/token-request.ts';

const reach = { lookup: undefined, refusal: () => undefined };
const GOOD = { access_token: 'good', token_type: 'Bearer', expires_in: 60 };

/** What comes of an answer of a token endpoint. */
async function tokenFrom(
  answer: (response: ServerResponse) => void,
  timeoutMs = 2_000,
): Promise<TokenSet> {
  await using issuer = await startOAuthServer({
    intercept: ({ path }, response) => {
      if (path !== '/token') return false;
      answer(response);
      return true;
    },
  });
  const http = createOAuthHttp({ timeoutMs });
  try {
    const scope = { issuer: issuer.issuer, allowedOrigins: [], http, reach };
    const metadata = await findServerMetadata(scope);
    const client = {
      clientId: 'c',
      clientSecret: 'the-secret',
      method: 'client_secret_post',
    } as const;
    const form = { grant_type: 'refresh_token', refresh_token: 'the-refresh' };
    return await requestToken({ metadata, client, form, http, reach });
  } finally {
    await http.close();
  }
}

const json = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

test('control: requestToken() takes a good answer', async () => {
  const scopes = { scope: 'a b', refresh_token: 'next' };
  expect(await tokenFrom(json(200, { ...GOOD, ...scopes }))).toEqual({
    accessToken: 'good',
    refreshToken: 'next',
    lifetimeMs: 60_000,
    scopes: ['a', 'b'],
  });
  const endless = {
    access_token: 'good',
    token_type: 'bearer',
    expires_in: 'never',
    refresh_token: 7,
  };
  expect(await tokenFrom(json(200, endless))).toMatchObject({
    refreshToken: undefined,
    lifetimeMs: undefined,
    scopes: undefined,
  });
  const lasting = await tokenFrom(json(200, { ...GOOD, expires_in: 1e12 }));
  expect(lasting.lifetimeMs).toBe(365 * 86_400_000);
});

test('S15 requestToken() takes no token that could break out of a header, and no other kind of token', async () => {
  for (const token of ['a\r\nx-evil: 1', 'a b', '', 'ä', 'x'.repeat(20_000), 7, null]) {
    const told = tokenFrom(json(200, { ...GOOD, access_token: token }));
    await expect(told).rejects.toThrow(/cannot stand in a header/);
  }
  await expect(tokenFrom(json(200, { ...GOOD, token_type: 'DPoP' }))).rejects.toThrow(/no bearer/);
});

test('S6 requestToken() follows no redirect, reads no body without end and waits no longer than it may', async () => {
  const redirect = tokenFrom((response) => {
    response.writeHead(307, { location: 'http://127.0.0.1:1/' });
    response.end();
  });
  await expect(redirect).rejects.toThrow(/redirect, which is not followed/);
  await expect(tokenFrom(json(200, { ...GOOD, x: 'x'.repeat(100_000) }))).rejects.toThrow(/larger/);
  await expect(tokenFrom(() => undefined, 100)).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' });
});

test('what a server says with an error is shown as its word only: it may repeat our secrets', async () => {
  const said = { error: 'invalid_client', error_description: 'the-secret the-refresh is wrong' };
  await expect(tokenFrom(json(400, said))).rejects.toMatchObject({
    code: 'AUTH_REJECTED',
    oauthError: 'invalid_client',
    message: expect.not.stringContaining('the-secret') as string,
  });
  const odd = tokenFrom(json(400, { error: 'the-secret' }));
  await expect(odd).rejects.toMatchObject({ oauthError: undefined });
  await expect(tokenFrom(json(200, 'x'))).rejects.toThrow(/gave no token \(status 200\)/);
  const busy = { error: 'temporarily_unavailable' };
  await expect(tokenFrom(json(400, busy))).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' });
});
