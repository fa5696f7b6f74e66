import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startConformanceServer, waitUntil } from '@cortex-os/testkit';
import { Client } from 'undici';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders } from '../gateway/raw-client.ts';
import { startAskingServer } from './asking-server.ts';
import { startCluster, type ReloadCluster } from './reload-cluster.ts';

// What two workers share while one takes over from the other (contract.md, drain).

const SETTINGS = { drainLameDuckMs: 2_000, drainMaxMs: 20_000, logLevel: 'warn' };
const VERSION = '2025-11-25';
const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface Sent {
  readonly path?: string;
  readonly method?: 'POST' | 'GET' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** On a connection of its own, which the newest worker gets. */
async function send(origin: string, { path = '/mcp', method = 'POST', headers, body }: Sent) {
  const client = new Client(origin);
  try {
    const {
      statusCode,
      headers: answered,
      body: stream,
    } = await client.request({
      path,
      method,
      headers: { ...JSON_HEADERS, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer: Answer = { status: statusCode, headers: answered, text: await stream.text() };
    return answer;
  } finally {
    await client.destroy();
  }
}

async function open(origin: string, capabilities: object = {}): Promise<Record<string, string>> {
  const params = {
    protocolVersion: VERSION,
    capabilities,
    clientInfo: { name: 'raw', version: '0' },
  };
  const body = { jsonrpc: '2.0', id: 'init', method: 'initialize', params };
  const { headers } = await send(origin, { body });
  return {
    'mcp-session-id': String(headers['mcp-session-id']),
    'mcp-protocol-version': VERSION,
  };
}

/** A stream of a session as it comes. */
async function openStream(origin: string, { method = 'GET', headers, body }: Sent) {
  const client = new Client(origin, { bodyTimeout: 0 });
  const answer = await client.request({
    path: '/mcp',
    method,
    headers: { ...JSON_HEADERS, accept: 'text/event-stream, application/json', ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  let text = '';
  answer.body.setEncoding('utf8');
  answer.body.on('data', (chunk: string) => (text += chunk));
  answer.body.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    answer.body.once('close', resolve);
  });
  return {
    status: answer.statusCode,
    text: () => text,
    ended,
    until: async (pattern: RegExp) => {
      await waitUntil(() => pattern.test(text), { timeoutMs: 10_000, describe: String(pattern) });
      return pattern.exec(text);
    },
    close: async () => await client.destroy(),
  };
}

async function pidOf(origin: string): Promise<number> {
  const { text } = await send(origin, { path: '/status', method: 'GET' });
  return (JSON.parse(text) as { service: { pid: number } }).service.pid;
}

async function listed(cluster: ReloadCluster, tool: string): Promise<void> {
  const body = JSON.parse(modernBody('tools/list')) as object;
  await waitUntil(
    async () =>
      (await send(cluster.origin, { headers: modernHeaders('tools/list'), body })).text.includes(
        tool,
      ),
    { timeoutMs: 15_000, describe: `${tool} is listed` },
  );
}

const call = (id: string, name: string, args: object = {}): object => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

test('a question of a call in the old worker is answered through the new one, and a cancellation reaches it (T7)', async () => {
  await using asking = await startAskingServer();
  await using cluster = await startCluster({
    mcpServers: { asking: { url: asking.url, isolation: 'session' } },
    settings: SETTINGS,
  });
  const { origin } = cluster;
  await listed(cluster, 'asking__form');
  const session = await open(origin, { elicitation: { form: {} } });
  const body = call('c1', 'asking__form', { message: 'Name?' });
  const asked = await openStream(origin, { method: 'POST', headers: session, body });
  const other = await openStream(origin, {
    method: 'POST',
    headers: session,
    body: call('c2', 'asking__form', { message: 'Other?' }),
  });
  const [, question] = (await asked.until(/"id":(\d+),"method":"elicitation/)) ?? [];
  await other.until(/elicitation/);
  const old = await pidOf(origin);
  await cluster.overlap();
  await waitUntil(async () => (await pidOf(origin)) !== old, {
    describe: 'the new worker answers',
  });
  const result = { action: 'accept', content: { reply: 'Ann' } };
  const answered = { jsonrpc: '2.0', id: Number(question), result };
  expect((await send(origin, { headers: session, body: answered })).status).toBe(202);
  await asked.ended;
  expect(asked.text()).toContain('Ann');
  const params = { requestId: 'c2' };
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params };
  expect((await send(origin, { headers: session, body: cancel })).status).toBe(202);
  await other.ended;
  // Cancelled, and not ended by the drain with an error.
  expect(other.text()).not.toContain('"error"');
  expect(await cluster.replaced()).toEqual({ code: 0, signal: null });
  await Promise.all([asked.close(), other.close()]);
}, 60_000);

test('a session keeps its subscriptions and its stream over a reload; one that was ended stays so', async () => {
  await using upstream = await startConformanceServer({ eras: 'legacy' });
  await using cluster = await startCluster({
    mcpServers: { one: { url: upstream.url, era: 'legacy' } },
    settings: { ...SETTINGS, drainLameDuckMs: 500 },
  });
  const { origin } = cluster;
  await listed(cluster, 'one__');
  const session = await open(origin);
  const ended = await open(origin);
  const uri = 'test://watched-resource';
  const subscribe = { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } };
  expect((await send(origin, { headers: session, body: subscribe })).text).toContain('"result"');
  const before = await openStream(origin, { headers: session });
  const [, eventId] = (await before.until(/^id: (\S+)/m)) ?? [];
  expect((await send(origin, { method: 'DELETE', headers: ended })).status).toBe(204);
  expect(await cluster.reload()).toEqual({ code: 0, signal: null });
  await before.ended;
  expect((await send(origin, { headers: ended, body: call('x', 'one__') })).status).toBe(404);

  const after = await openStream(origin, {
    headers: { ...session, 'last-event-id': String(eventId) },
  });
  expect(after.status).toBe(200);
  // What may have been missed is said to have happened.
  await after.until(/notifications\/tools\/list_changed/);
  await after.until(/notifications\/resources\/updated[^\n]*watched-resource/);
  const known = after.text().length;
  await waitUntil(
    async () => {
      upstream.world.change({ kind: 'resource', uri });
      await wait(100);
      return /resources\/updated/.test(after.text().slice(known));
    },
    { timeoutMs: 10_000, describe: 'an update comes through the new worker' },
  );
  await after.close();
  await before.close();
}, 60_000);

test('an exclusive stdio server never runs twice, and its calls wait for the older worker to end it', async () => {
  await using cluster = await startCluster({
    mcpServers: {},
    settings: SETTINGS,
    configure: (folder) => ({
      lock: {
        command: process.execPath,
        args: [
          fileURLToPath(new URL('locking-server.ts', import.meta.url)),
          join(folder, 'held.lock'),
        ],
        exclusive: true,
        era: 'legacy',
      },
    }),
  });
  const { origin } = cluster;
  await listed(cluster, 'lock__who');
  const params = { name: 'lock__who', arguments: {} };
  const who = async (): Promise<string> => {
    const body = JSON.parse(modernBody('tools/call', params)) as object;
    return (await send(origin, { headers: modernHeaders('tools/call', 'lock__who'), body })).text;
  };
  const first = await who();
  const old = await pidOf(origin);
  await cluster.overlap();
  await waitUntil(async () => (await pidOf(origin)) !== old, {
    describe: 'the new worker answers',
  });
  const during = await Promise.all([who(), who(), who()]);
  expect(await cluster.replaced()).toEqual({ code: 0, signal: null });
  for (const answer of during) {
    expect(answer).toContain('"content"');
    expect(answer).not.toBe(first);
  }
  expect(existsSync(join(cluster.folder.path, 'held.lock'))).toBe(true);
  expect(cluster.stderr()).toBe('');
}, 60_000);

test('the registry is written by one worker at a time; a write during the overlap waits for the older one', async () => {
  await using upstream = await startConformanceServer({ eras: 'legacy' });
  await using cluster = await startCluster({
    mcpServers: { one: { url: upstream.url, era: 'legacy' } },
    settings: SETTINGS,
    env: { MCP_REGISTRY_API_KEY: 'a-key-for-this-test-only' },
  });
  const { origin } = cluster;
  await listed(cluster, 'one__');
  const publish = async (name: string): Promise<Answer> =>
    await send(origin, {
      path: '/v0.1/publish',
      headers: { authorization: 'Bearer a-key-for-this-test-only' },
      body: {
        $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
        name: `io.test/${name}`,
        description: 'A server.',
        version: '1.0.0',
        remotes: [{ type: 'streamable-http', url: 'https://example.com/mcp' }],
      },
    });
  expect((await publish('before')).status).toBe(200);
  const old = await pidOf(origin);
  await cluster.overlap();
  await waitUntil(async () => (await pidOf(origin)) !== old, {
    describe: 'the new worker answers',
  });
  expect((await publish('during')).status).toBe(200);
  expect(await cluster.replaced()).toEqual({ code: 0, signal: null });
  const { text } = await send(origin, { path: '/v0.1/servers', method: 'GET' });
  expect(text).toContain('io.test/before');
  expect(text).toContain('io.test/during');
  const status = JSON.parse((await send(origin, { path: '/status', method: 'GET' })).text) as {
    registry: { health: { access: unknown } };
  };
  expect(status.registry.health.access).toBe('writer');
  expect(cluster.stderr()).toBe('');
}, 60_000);
