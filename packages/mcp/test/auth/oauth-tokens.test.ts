import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AuthSettings } from '../../src/service/auth-part.ts';
import type { OAuthSettings } from '../../src/auth/oauth-settings.ts';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { ask, bearer, statusOf } from './guarded-gateway.ts';
import { RESOURCE, startIssuer, type TestIssuer } from './oauth-issuer.ts';

let upstream: HttpUpstream;
let issuer: TestIssuer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());
beforeEach(async () => {
  issuer = await startIssuer();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

async function start(
  grants: OAuthSettings['grants'] = [],
  limits: AuthSettings['limits'] = {},
): Promise<void> {
  const oauth: OAuthSettings = {
    issuer: issuer.issuer,
    resource: RESOURCE,
    requiredScopes: [],
    algorithms: ['RS256'],
    clockToleranceSec: 0,
    allowedHosts: [],
    grants,
  };
  const settings = { oauth, limits };
  const auth = { settings, stateFolder: undefined, watch: false, checkExpiryMs: 50 };
  gateway = await startGateway([connectorFor(upstream, 'm')], { sse: true }, { auth });
}

const status = async (token: string): Promise<number> =>
  (await ask(gateway.url(), token, 'tools/list')).status;

async function openStream(token: string): Promise<IncomingMessage> {
  const request = httpGet(`${gateway.origin}/sse`, { headers: bearer(token) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8').on('error', () => undefined);
  return response;
}

async function read(stream: IncomingMessage, wanted: RegExp): Promise<string> {
  let text = '';
  for await (const [chunk] of on(stream)) {
    text += chunk;
    const found = wanted.exec(text);
    if (found !== null) return found[1] ?? '';
  }
  throw new Error('the stream ended');
}

async function* on(stream: IncomingMessage): AsyncGenerator<[string]> {
  for (;;) yield (await once(stream, 'data')) as [string];
}

const post = async (path: string, token: string, body: object): Promise<number> =>
  (await send(gateway.origin + path, { headers: bearer(token), body: JSON.stringify(body) }))
    .status;

test('S6: a stream ends with the token that opened it', { timeout: 30_000 }, async () => {
  await start();
  // What judges tokens is loaded by the first one, which must not use up the time of the second.
  const long = await openStream(await issuer.token());
  const short = await openStream(await issuer.token({}, { expires: '3s' }));
  short.resume();
  long.resume();
  expect(short.statusCode).toBe(200);
  await waitUntil(() => short.destroyed, { timeoutMs: 15_000, describe: 'it is cut' });
  expect(long.destroyed).toBe(false);
  long.destroy();
});

test('S17: who guesses locks nobody out whose token was good before', async () => {
  await start([], { failuresPerMinute: 3 });
  const [token, later] = [await issuer.token(), await issuer.token({ sub: 'bob' })];
  expect(await status(token)).toBe(200);
  const guesses: number[] = [];
  for (let index = 0; index < 5; index += 1) guesses.push(await statusOf(gateway.url(), 'a.b.c'));
  expect(guesses).toEqual([401, 401, 401, 429, 429]);
  expect([await status(token), await status(later)]).toEqual([200, 429]);
});

test('S2: tokens of one subject that allow different things share no stream of /sse', async () => {
  await start([
    { scope: 'echo', scopes: ['client'], tools: { allow: ['m__echo'] } },
    { scope: 'all', scopes: ['client'] },
  ]);
  const tokens = [await issuer.token({ scope: 'echo' }), await issuer.token({ scope: 'all' })];
  const streams: { readonly stream: IncomingMessage; readonly path: string }[] = [];
  for (const token of tokens) {
    const stream = await openStream(token);
    streams.push({ stream, path: await read(stream, /data: (\/messages\S+)/) });
  }
  const [narrow = '', wide = ''] = tokens;
  const [own, foreign] = streams;
  if (own === undefined || foreign === undefined) throw new Error('not opened');
  const clientInfo = { name: 'x', version: '0' };
  const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo };
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  expect(await post(foreign.path, narrow, initialize)).toBe(404);
  expect(await post(own.path, narrow, initialize)).toBe(202);
  await read(own.stream, /("id":0)/);
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  expect(await post(own.path, narrow, list)).toBe(202);
  const tools = await read(own.stream, /data: (.*"id":1.*)/);
  expect([...tools.matchAll(/m__\w+/g)].map(([name]) => name)).toEqual(['m__echo']);
  expect(await status(wide)).toBe(200);
  for (const { stream } of streams) stream.destroy();
});
