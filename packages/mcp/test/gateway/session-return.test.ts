import { tempFolder, startConformanceServer, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startAskingServer } from '../e2e/asking-server.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import type { Answerer } from '../../src/gateway/answerer.ts';
import type { SessionMemory } from '../../src/gateway/session/session-memory.ts';
import { SessionReturn } from '../../src/gateway/session/session-return.ts';
import { SessionStore, type LegacySession } from '../../src/gateway/session/session-store.ts';
import { createStateOwner } from '../../src/service/state-owner.ts';
import { openSession, send, type RawAnswer } from './raw-client.ts';

// Two services of one state folder, one after the other and beside each other (contract.md, drain; S2).

type Server = Awaited<ReturnType<typeof startConformanceServer>>;

const WATCHED = 'test://watched-resource';
let server: Server;
let folder: TempFolder;

beforeAll(async () => {
  server = await startConformanceServer({ eras: 'legacy' });
});
beforeEach(() => {
  folder = tempFolder();
});
afterAll(async () => await server.close());

async function gateway(): Promise<TestGateway> {
  const state = { stateFolder: folder.path, configPath: '/c.json' };
  const one = connector('c', { kind: 'http', url: server.url, headers: {} });
  const started = await startGateway([one], {}, { state });
  await started.service.manager.sync();
  await started.service.settled();
  return started;
}

async function ask(url: string, id: string, method: string, params: object): Promise<RawAnswer> {
  return await send(url, {
    headers: { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }),
  });
}

/** What a session's stream says, as long as it is open. */
async function listen(url: string, id: string, lastEventId?: string) {
  const abort = new AbortController();
  const response = await fetch(url, {
    signal: abort.signal,
    headers: {
      accept: 'text/event-stream',
      'mcp-session-id': id,
      'mcp-protocol-version': '2025-11-25',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  return {
    status: response.status,
    until: async (pattern: RegExp) =>
      await waitUntil(() => pattern.test(text), { describe: String(pattern) }),
    text: () => text,
    close: async () => {
      abort.abort();
      await reading;
    },
  };
}

test('a session goes on in the next process: its log level, its subscriptions, its stream', async () => {
  const first = await gateway();
  const { id } = await openSession(first.url());
  await ask(first.url(), id, 'logging/setLevel', { level: 'warning' });
  await ask(first.url(), id, 'resources/subscribe', { uri: WATCHED });
  await first.service.close();

  await using second = await gateway();
  // The streams of the old process are no streams of this one, whatever their numbers.
  const stream = await listen(second.url(), id, '1-3');
  expect(stream.status).toBe(200);
  await stream.until(/list_changed/);
  await stream.until(/resources\/updated[^\n]*watched-resource/);
  const updates = (): number => [...stream.text().matchAll(/resources\/updated/g)].length;
  const before = updates();
  await waitUntil(
    async () => {
      server.world.change({ kind: 'resource', uri: WATCHED });
      await new Promise((resolve) => setTimeout(resolve, 50));
      return updates() > before;
    },
    { describe: 'an update comes' },
  );
  expect((await ask(second.url(), id, 'resources/unsubscribe', { uri: WATCHED })).status).toBe(200);
  await stream.close();
  // It is told once only.
  const again = await listen(second.url(), id);
  await again.until(/retry:/);
  expect(again.text()).not.toContain('list_changed');
  await again.close();
});

test('a session that is over does not come back; neither does one of another endpoint or nobody (S2)', async () => {
  const first = await gateway();
  const over = await openSession(first.url());
  const other = await openSession(first.url('c'));
  const headers = { 'mcp-session-id': over.id, 'mcp-protocol-version': '2025-11-25' };
  expect((await send(first.url(), { method: 'DELETE', headers })).status).toBe(204);
  await first.service.close();

  await using second = await gateway();
  expect((await ask(second.url(), over.id, 'tools/list', {})).status).toBe(404);
  expect((await ask(second.url(), other.id, 'tools/list', {})).status).toBe(404);
  expect((await ask(second.url(), crypto.randomUUID(), 'tools/list', {})).status).toBe(404);
  expect((await ask(second.url('c'), other.id, 'tools/list', {})).status).toBe(200);
});

test('a session that is ended while its server is asked for updates stays ended (S2)', () => {
  const said: string[] = [];
  const store = new SessionStore();
  const listeners: ((session: LegacySession, resources: readonly string[]) => void)[] = [];
  const changed = (session: LegacySession): void => {
    for (const listener of listeners) listener(session, [WATCHED]);
  };
  const sessionRequests = {
    onChanged: (listener: (typeof listeners)[number]) => void listeners.push(listener),
  };
  const memory: SessionMemory = {
    keep: () => void said.push('keep'),
    forget: () => void said.push('forget'),
    recall: async () => await Promise.resolve(undefined),
    flush: async () => await Promise.resolve(),
  };
  const answerer = { sessionRequests } as unknown as Answerer;
  const sessions = new SessionReturn({ memory, store, answerer });
  const client = { protocolVersion: '2025-11-25', capabilities: {}, infoText: undefined };
  const session = store.create({ connectorId: undefined, client });
  sessions.opened(session);
  changed(session);
  store.end(session, 'the client ended the session');
  changed(session);
  expect(said).toEqual(['keep', 'keep', 'forget']);
});

test('requests that come together bring a session back once', async () => {
  const first = await gateway();
  const { id } = await openSession(first.url());
  await first.service.close();
  await using second = await gateway();
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await ask(second.url(), id, 'ping', {})),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  const metrics = await (await fetch(`${second.origin}/metrics`)).text();
  expect(metrics).toMatch(/^mcp_sessions_current 1$/m);
});

test('what a client answers or cancels in one process reaches its call in the other (§4.9)', async () => {
  await using asking = await startAskingServer();
  const state = { stateFolder: folder.path, configPath: '/c.json' };
  const servers = [connector('ask', { kind: 'http', url: asking.url, headers: {} })];
  await using first = await startGateway(servers, {}, { state });
  await first.service.manager.sync();
  await using second = await startGateway(servers, {}, { state });
  await second.service.manager.sync();
  const capabilities = { elicitation: { form: {} } };
  const clientInfo = { name: 'raw', version: '0' };
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };
  const opened = await send(first.url(), {
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
  const headers = {
    'mcp-session-id': String(opened.headers['mcp-session-id']),
    'mcp-protocol-version': '2025-11-25',
  };
  const call = async (id: string) => {
    const response = await fetch(first.url(), {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'ask__form', arguments: { message: 'Name?' } },
      }),
    });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
    })();
    await waitUntil(() => /elicitation/.test(text), { describe: 'it asks' });
    return {
      question: /"id":(\d+),"method":"elicitation/.exec(text)?.[1],
      reading,
      text: () => text,
    };
  };
  const answered = await call('c1');
  const cancelled = await call('c2');
  const say = async (message: object): Promise<void> => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    expect((await send(second.url(), { headers, body })).status).toBe(202);
  };
  const result = { action: 'accept', content: { reply: 'Ann' } };
  await say({ id: Number(answered.question), result });
  await answered.reading;
  expect(answered.text()).toContain('Ann');
  await say({ method: 'notifications/cancelled', params: { requestId: 'c2' } });
  await cancelled.reading;
  expect(cancelled.text()).not.toContain('"error"');
});

const passed = (session: string, principal: string, message: string): string =>
  JSON.stringify({ session, principal, message });

test('what another process says that makes no sense, or is not the session\u2019s own, changes nothing (S2)', async () => {
  await using one = await gateway();
  const { id } = await openSession(one.url());
  const logger = pino({ level: 'silent' });
  const other = createStateOwner({ stateFolder: folder.path, configPath: '/c.json' }, logger);
  other.start();
  const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  const lines = [
    'no JSON',
    'null',
    '{}',
    '{"session":1,"principal":"anonymous","message":"x"}',
    passed('unknown', 'anonymous', cancel),
    passed(id, 'key:other', cancel),
    passed(id, 'anonymous', 'no JSON'),
    passed(id, 'anonymous', '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
    passed(id, 'anonymous', cancel),
  ];
  for (let round = 0; round < 20; round += 1) {
    for (const line of lines) other.tell(line);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect((await ask(one.url(), id, 'ping', {})).status).toBe(200);
  await other.release();
});
