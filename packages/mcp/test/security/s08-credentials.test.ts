import { createServer, request } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { json, modernAnswer, startWire, type Wire } from '../upstream/http-fixture.ts';
import { expectNoStall, startAttacked, type AttackedGateway } from './attacked-gateway.ts';

// MCP security best practices: token passthrough, confused deputy. Audiences of tokens: auth/oauth.test.ts.

const ENVELOPE = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' };
const TOKENS = { a: 'canary-token-of-a', b: 'canary-token-of-b', shared: 'canary-shared-key' };
let a: Wire;
let b: Wire;
let gateway: AttackedGateway;

async function startEcho(): Promise<Wire> {
  return await startWire(
    modernAnswer(({ message: { method, id } }, response) => {
      const result =
        method === 'tools/list'
          ? { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
          : { content: [{ type: 'text', text: 'done' }] };
      json(response, { jsonrpc: '2.0', id, result: { ...result, ...ENVELOPE } });
    }),
  );
}

beforeAll(async () => {
  [a, b] = await Promise.all([startEcho(), startEcho()]);
  gateway = await startAttacked({
    config: {
      mcpServers: {
        a: { type: 'http', url: a.url, headers: { authorization: `Bearer \${A_TOKEN}` } },
        b: { type: 'http', url: b.url, headers: { 'x-api-key': '${B_TOKEN}' } },
        // The same origin as a, and nothing of its own.
        c: { type: 'http', url: a.url.replace('/mcp', '/c') },
      },
    },
    keys: [{}],
    env: { A_TOKEN: TOKENS.a, B_TOKEN: TOKENS.b, CONNECTORS_API_KEY: TOKENS.shared },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

/** Whatever a client may show: none of it is meant for servers. */
const SHOWN: Readonly<Record<string, string>> = {
  'x-api-key': 'canary-inbound-x-api-key',
  cookie: 'session=canary-inbound-cookie',
  'proxy-authorization': 'Basic canary-inbound-proxy',
  'x-forwarded-authorization': 'Bearer canary-inbound-forwarded',
  forwarded: 'for=canary-inbound-for;host=evil.test',
  'x-forwarded-for': 'canary-inbound-address',
  'x-original-url': '/canary-inbound-url',
  'x-custom': 'canary-inbound-custom',
  'mcp-session-id': 'canary-inbound-session',
  'last-event-id': 'canary-inbound-event',
};

async function call(url: string, tool: string, headers: Readonly<Record<string, string>>) {
  return await send(url, {
    headers: { ...modernHeaders('tools/call', tool), ...headers },
    body: modernBody('tools/call', { name: tool, arguments: {} }),
  });
}

const authorization = (): string => `Bearer ${gateway.keys[0]}`;

test('S8: no header by which a client shows who it is reaches a server', async () => {
  for (const [name, value] of Object.entries(SHOWN)) {
    for (const id of ['a', 'b', 'c']) {
      const headers = { authorization: authorization(), [name]: value };
      // With a key twice, or a session that is nobody’s, the call is refused, which is as good.
      await call(gateway.url, `${id}__echo`, headers);
    }
  }
  const plain = await call(gateway.url, 'a__echo', { authorization: authorization() });
  expect(plain.text).toContain('done');
  const all = JSON.stringify(
    [...a.seen, ...b.seen].map(({ rawHeaders, url }) => [rawHeaders, url]),
  );
  expect(all).not.toContain('canary-inbound');
  expect(all).not.toContain(gateway.keys[0]?.slice(-20));
});

test('S8: each server gets its own credential and no other, the shared one only who is named for it', async () => {
  await call(gateway.url, 'b__echo', { authorization: authorization() });
  await call(gateway.url, 'c__echo', { authorization: authorization() });
  const ofA = a.seen.filter(({ url }) => url === '/mcp');
  const ofC = a.seen.filter(({ url }) => url === '/c');
  expect([ofA.length > 1, ofC.length > 1, b.seen.length > 1]).toEqual([true, true, true]);
  for (const { headers } of ofA) expect(headers.authorization).toBe(`Bearer ${TOKENS.a}`);
  for (const { headers } of b.seen) expect(headers['x-api-key']).toBe(TOKENS.b);
  const text = (seen: typeof ofA): string => JSON.stringify(seen.map((one) => one.rawHeaders));
  expect(text(ofA)).not.toMatch(/token-of-b|shared-key/);
  expect(text(b.seen)).not.toMatch(/token-of-a|shared-key/);
  expect(text(ofC)).not.toMatch(/canary/);
});

test('S8: nothing that clients or operators can read holds a credential', async () => {
  await gateway.probe();
  const pages = await Promise.all(
    ['/status', '/metrics', '/readyz', '/mcp'].map(async (path) => {
      const answer = await send(gateway.origin + path, { method: 'GET' });
      return answer.text;
    }),
  );
  expect(pages.join() + gateway.stderr()).not.toMatch(/canary-(?:token|shared|inbound)/);
  await expectNoStall(gateway);
});

test('S8 control: a proxy that passes headers on passes all of them on', async () => {
  const naive = createServer((incoming, outgoing) => {
    const { host: _host, ...headers } = incoming.headers;
    const onward = request(a.url, { method: 'POST', headers }, (answer) => answer.pipe(outgoing));
    incoming.pipe(onward);
  });
  naive.listen(0, '127.0.0.1');
  await once(naive, 'listening');
  const before = a.seen.length;
  const url = `http://127.0.0.1:${(naive.address() as AddressInfo).port}/`;
  await call(url, 'echo', { authorization: authorization(), ...SHOWN });
  const text = JSON.stringify(a.seen.slice(before).map(({ rawHeaders }) => rawHeaders));
  expect(text.match(/canary-inbound/g)?.length).toBe(Object.keys(SHOWN).length);
  expect(text).toContain(authorization());
  naive.closeAllConnections();
  naive.close();
});
