import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connector, connectorFor } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { ask, bearer, get, names, startGuarded, type GuardedGateway } from './guarded-gateway.ts';

const DEAD = connector('dead', { kind: 'http', url: 'http://127.0.0.1:1/mcp', headers: {} });

let upstreams: HttpUpstream[];
let gateway: GuardedGateway;
let all: string;
let echo: string;
let oneConnector: string;
let denying: string;

beforeAll(async () => {
  upstreams = [
    await startUpstream({ kind: 'modern-http', name: 'A', ttlMs: 60_000, cacheScope: 'public' }),
    await startUpstream({ kind: 'legacy-http-session', name: 'B' }),
  ];
  const [a, b] = upstreams;
  if (a === undefined || b === undefined) throw new Error('not started');
  const started = await startGuarded([connectorFor(a, 'a'), connectorFor(b, 'b'), DEAD], {
    keys: [
      {},
      { tools: { allow: ['a__echo'] } },
      { connectors: { allow: ['b'] } },
      { tools: { deny: ['*__echo'] }, resources: { deny: ['*'] } },
    ],
  });
  ({ gateway } = started);
  [all = '', echo = '', oneConnector = '', denying = ''] = started.keys;
  await gateway.service.manager.sync(true); // not only as far as a first list waits
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const upstream of upstreams) await upstream.close();
});

const call = async (key: string, name: string, url = gateway.url()) =>
  await ask(url, key, 'tools/call', { name, arguments: { message: 'hello', text: 'hello' } });

test('lists hold what the key may see, on the shared endpoint and on those of connectors', async () => {
  const whole = await names(gateway.url(), all);
  expect(whole).toContain('b__echo');
  expect(await names(gateway.url(), echo)).toEqual(['a__echo']);
  const own = await names(gateway.url(), oneConnector);
  expect(own).toEqual(whole.filter((name) => name.startsWith('b__')));
  expect(await names(gateway.url(), denying)).toEqual(
    whole.filter((name) => !name.endsWith('__echo')),
  );
  expect(await names(gateway.url('a'), echo)).toEqual(['echo']);
  expect(await names(gateway.url(), denying, 'resources')).toEqual([]);
  expect(await names(gateway.url(), echo, 'prompts')).toEqual([]);
  expect((await names(gateway.url(), all, 'prompts')).length).toBeGreaterThan(0);
});

test('a call of what is not seen fails exactly as one of what does not exist', async () => {
  expect((await call(echo, 'a__echo')).text).toContain('hello');
  const before = upstreams.map(({ counts }) => counts.byMethod['tools/call'] ?? 0);
  const hidden = await call(echo, 'b__echo');
  const missing = await call(echo, 'b__none');
  expect(hidden.status).toBe(missing.status);
  expect(hidden.text).toBe(missing.text.replaceAll('b__none', 'b__echo'));
  expect((await call(denying, 'a__echo')).json()).toMatchObject({ error: { code: -32602 } });
  const after = upstreams.map(({ counts }) => counts.byMethod['tools/call'] ?? 0);
  expect(after, 'nothing reached a server').toEqual(before);
});

test('prompts, resources, templates, completions and subscriptions obey the same rules', async () => {
  const uris = await names(gateway.url(), all, 'resources');
  const [uri = ''] = uris;
  expect((await ask(gateway.url(), all, 'resources/read', { uri })).text).toContain('contents');
  for (const [method, params] of [
    ['resources/read', { uri }],
    ['prompts/get', { name: (await names(gateway.url(), all, 'prompts'))[0] }],
    [
      'completion/complete',
      { ref: { type: 'ref/resource', uri }, argument: { name: 'x', value: '' } },
    ],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'b__greet' }, argument: { name: 'x', value: '' } },
    ],
  ] as const) {
    const { text } = await ask(gateway.url(), echo, method, params);
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32602 } });
  }
  const templates = await ask(gateway.url(), denying, 'resources/templates/list');
  expect(templates.json()).toMatchObject({ result: { resourceTemplates: [] } });
  // On an endpoint of one server even what is not listed is asked for; not by somebody who may see none.
  const unlisted = await ask(gateway.url('a'), denying, 'resources/read', {
    uri: 'test://unlisted',
  });
  expect(unlisted.json()).toMatchObject({ error: { code: -32602 } });
});

test('an endpoint of a connector that is not seen is as unknown as one that does not exist', async () => {
  const hidden = await ask(gateway.url('b'), echo, 'tools/list');
  const missing = await ask(gateway.url('none'), echo, 'tools/list');
  expect([hidden.status, missing.status]).toEqual([404, 404]);
  expect(hidden.text).toBe(missing.text.replace('none', 'b'));
});

async function scopeOf(key: string): Promise<string> {
  const answer = await ask(gateway.url('a'), key, 'tools/list');
  return (answer.json() as { result: { cacheScope: string } }).result.cacheScope;
}

test('filtered lists are private, others are what the servers say', async () => {
  expect(await scopeOf(all)).toBe('public');
  expect(await scopeOf(echo)).toBe('private');
});

test('server/discover and initialize name only servers that are seen', async () => {
  const discovered = await ask(gateway.url(), oneConnector, 'server/discover');
  expect(discovered.text).not.toContain('# a');
  const opened = await send(gateway.url(), {
    headers: bearer(echo),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '0' },
      },
    }),
  });
  const session = String(opened.headers['mcp-session-id']);
  const listed = await send(gateway.url(), {
    headers: { ...bearer(echo), 'mcp-session-id': session },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
  expect(JSON.parse(listed.text)).toMatchObject({ result: { tools: [{ name: 'a__echo' }] } });
});

test('unknown methods are not passed on for somebody who may see a part of the server', async () => {
  const method = 'x-test/anything';
  const sendAs = async (key: string) =>
    await send(gateway.url('a'), {
      headers: { ...modernHeaders(method), ...bearer(key) },
      body: modernBody(method),
    });
  const before = upstreams[0]?.counts.byMethod[method] ?? 0;
  await sendAs(echo);
  expect(upstreams[0]?.counts.byMethod[method] ?? 0).toBe(before);
  await sendAs(all);
  expect(upstreams[0]?.counts.byMethod[method] ?? 0).toBe(before + 1);
});

test('what is stale or missing is not told of connectors that are not seen', async () => {
  const whole = (await ask(gateway.url(), all, 'tools/list')).text;
  expect(whole).toContain('"id":"dead"');
  const part = (await ask(gateway.url(), echo, 'tools/list')).text;
  expect(part).not.toMatch(/dead|degraded/);
  const refused = await call(all, 'dead__x');
  expect(refused.json()).toMatchObject({ error: { code: -32010 } });
  expect((await call(echo, 'dead__x')).json()).toMatchObject({ error: { code: -32602 } });
  const status = await get(`${gateway.origin}/status`, all);
  expect(status.status, 'a client is no operator').toBe(403);
});
