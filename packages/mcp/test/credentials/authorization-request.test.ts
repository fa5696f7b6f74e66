import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  createAuthorizationRequest,
  isAnswerTo,
  readAuthorizationCode,
} from '../../src/credentials/authorization-request.ts';
import type { ServerMetadata } from '../../src/credentials/server-metadata.ts';

const METADATA: ServerMetadata = {
  issuer: 'https://as.test',
  tokenEndpoint: new URL('https://as.test/token'),
  authorizationEndpoint: new URL('https://as.test/authorize?tenant=1'),
  registrationEndpoint: undefined,
  revocationEndpoint: undefined,
  supportsS256: true,
  sendsIss: true,
  takesMetadataDocuments: false,
  authMethods: undefined,
  scopes: undefined,
};
const OPTIONS = {
  metadata: METADATA,
  clientId: 'client',
  redirectUri: 'http://127.0.0.1:1/callback',
  resource: 'https://x.test/mcp',
  scopes: ['a', 'offline_access'],
};

test('createAuthorizationRequest() asks for a code with PKCE S256, resource and state of its own each time (S6, RFC 8707)', () => {
  const one = createAuthorizationRequest(OPTIONS);
  const two = createAuthorizationRequest(OPTIONS);
  const query = one.url.searchParams;
  expect(Object.fromEntries(query)).toMatchObject({
    tenant: '1',
    response_type: 'code',
    client_id: 'client',
    redirect_uri: OPTIONS.redirectUri,
    resource: OPTIONS.resource,
    scope: 'a offline_access',
    prompt: 'consent',
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(one.verifier).digest('base64url'),
    state: one.state,
  });
  expect(one.verifier.length).toBeGreaterThanOrEqual(43);
  expect(new Set([one.state, two.state, one.verifier, two.verifier]).size).toBe(4);
  expect(one.url.href).not.toContain(one.verifier);
});

const without = (change: Partial<ServerMetadata>) => () =>
  createAuthorizationRequest({ ...OPTIONS, metadata: { ...METADATA, ...change } });
const answer = (...states: string[]): URLSearchParams =>
  new URLSearchParams(states.map((state): [string, string] => ['state', state]));

test('createAuthorizationRequest() refuses a server that does not promise S256, or has nowhere to log in', () => {
  expect(without({ supportsS256: false })).toThrow(/PKCE with S256/);
  expect(without({ authorizationEndpoint: undefined })).toThrow(/authorization_endpoint/);
});

test('isAnswerTo() knows its own state and no other', () => {
  const request = createAuthorizationRequest(OPTIONS);
  expect(isAnswerTo(answer(request.state), request)).toBe(true);
  for (const states of [[], [''], ['x'], [request.state, request.state], [`${request.state}x`]]) {
    expect(isAnswerTo(answer(...states), request)).toBe(false);
  }
});

test('readAuthorizationCode() takes a code from the issuer that was asked only (RFC 9207, mix-up)', () => {
  const iss = METADATA.issuer;
  expect(readAuthorizationCode(new URLSearchParams({ code: 'c', iss }), METADATA)).toBe('c');
  const silent = { ...METADATA, sendsIss: false };
  expect(readAuthorizationCode(new URLSearchParams({ code: 'c' }), silent)).toBe('c');
  const refused: [Record<string, string>, ServerMetadata, RegExp][] = [
    [{ code: 'c' }, METADATA, /does not name its issuer/],
    [{ code: 'c', iss: `${iss}/` }, METADATA, /another issuer/],
    [{ code: 'c', iss: 'https://evil.test' }, silent, /another issuer/],
    [{ error: 'access_denied', iss: 'https://evil.test' }, METADATA, /another issuer/],
    [{ error: 'access_denied', iss }, METADATA, /did not grant access \(access_denied\)/],
    [{ error: '<script>alert(1)</script>', iss }, METADATA, /no reason that can be shown/],
    [{ iss }, METADATA, /no code/],
  ];
  for (const [given, metadata, message] of refused) {
    expect(() => readAuthorizationCode(new URLSearchParams(given), metadata)).toThrow(message);
  }
});
