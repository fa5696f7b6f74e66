import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Principal } from '../../src/auth/principal.ts';
import type { Answerer } from '../../src/gateway/answerer.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import type { KeptSession, SessionMemory } from '../../src/gateway/session/session-memory.ts';
import { SessionReturn } from '../../src/gateway/session/session-return.ts';
import { DEFAULT_SESSION_LIMITS, SessionStore } from '../../src/gateway/session/session-store.ts';
import { startAskingServer } from '../e2e/asking-server.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { openSession, send, type RawAnswer } from './raw-client.ts';

// Sessions that several processes of one state folder serve (contract.md, drain; S2).

const OWNER: Principal = { ...ANONYMOUS, id: 'key:owner', kind: 'key' };
const STRANGER: Principal = { ...ANONYMOUS, id: 'key:stranger', kind: 'key' };
const client = { protocolVersion: '2025-11-25', capabilities: {}, infoText: undefined };
const KEPT: KeptSession = {
  connectorId: undefined,
  principalId: OWNER.id,
  client,
  logLevel: undefined,
  resources: [],
};

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(async () => {
  vi.useRealTimers();
  await folder[Symbol.asyncDispose]();
});

/** A store with a memory whose answers come when the test says so. */
function remembering(store: SessionStore): {
  readonly sessions: SessionReturn;
  readonly asked: ((kept: KeptSession | undefined) => void)[];
  readonly said: string[];
} {
  const asked: ((kept: KeptSession | undefined) => void)[] = [];
  const said: string[] = [];
  const memory: SessionMemory = {
    keep: () => void said.push('keep'),
    forget: () => void said.push('forget'),
    recall: async () => await new Promise((resolve) => asked.push(resolve)),
    flush: async () => await Promise.resolve(),
  };
  const sessionRequests = {
    onChanged: () => undefined,
    restore: async () => await Promise.resolve(),
    resourcesOf: () => [],
  };
  const answerer = { sessionRequests } as unknown as Answerer;
  return { sessions: new SessionReturn({ memory, store, answerer }), asked, said };
}

test('a stranger who asks for a session first does not make its owner lose it (S2)', async () => {
  const store = new SessionStore();
  const { sessions, asked } = remembering(store);
  const named = { id: 'the-session', connectorId: undefined };
  const strange = sessions.bringBack({ ...named, principal: STRANGER });
  const own = sessions.bringBack({ ...named, principal: OWNER });
  expect(sessions.bringBack({ ...named, principal: OWNER }), 'asked for once').toBe(own);
  for (const answer of asked) answer(KEPT);
  await Promise.all([strange, own]);
  expect(store.use('the-session', undefined, STRANGER)).toBeUndefined();
  expect(store.use('the-session', undefined, OWNER)?.id).toBe('the-session');
  store.close();
});

test('whoever asks for what is not there takes the others no place (S17)', async () => {
  const { sessions, asked } = remembering(new SessionStore());
  const look = (id: string, principal: Principal): Promise<void> | undefined =>
    sessions.bringBack({ id, connectorId: undefined, principal });
  const lookups = Array.from({ length: 300 }, (_, n) => look(`guess-${n}`, STRANGER));
  expect(lookups.filter((one) => one !== undefined)).toHaveLength(250);
  lookups.push(look('the-session', OWNER));
  expect(lookups.at(-1)).toBeDefined();
  for (const answer of asked) answer(undefined);
  await Promise.all(lookups.filter((one) => one !== undefined));
  expect(look('guess-300', STRANGER), 'once they are answered there is room').toBeDefined();
  for (const answer of asked) answer(undefined);
});

test('a session that was idle here, or had to make room, is not over for other processes', () => {
  vi.useFakeTimers();
  const store = new SessionStore({ ...DEFAULT_SESSION_LIMITS, maxSessions: 1 });
  const { sessions, said } = remembering(store);
  for (let n = 0; n < 2; n += 1) sessions.opened(store.create({ connectorId: undefined, client }));
  vi.advanceTimersByTime(DEFAULT_SESSION_LIMITS.idleMs + 15_000);
  expect([store.size, said]).toEqual([0, ['keep', 'keep']]);
  const session = store.create({ connectorId: undefined, client });
  store.end(session, 'the client ended the session');
  expect(said.at(-1)).toBe('forget');
});

async function inSession(
  gateway: TestGateway,
  id: string,
  more: { readonly method?: string; readonly body?: string },
): Promise<RawAnswer> {
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  return await send(gateway.url(), { ...more, headers });
}

const PING = { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' };

async function two(servers: Parameters<typeof startGateway>[0]): Promise<TestGateway[]> {
  const state = { stateFolder: folder.path, configPath: '/c.json' };
  const gateways: TestGateway[] = [];
  for (let n = 0; n < 2; n += 1) {
    const gateway = await startGateway(servers, {}, { state });
    await gateway.service.manager.sync();
    gateways.push(gateway);
  }
  return gateways;
}

test.for([
  ['the one that writes', 0],
  ['the other', 1],
] as const)('a session ended at %s of two processes is over at both (S2)', async ([, at]) => {
  await using stack = new AsyncDisposableStack();
  const gateways = await two([]);
  for (const gateway of gateways) stack.use(gateway);
  const [here, there] = [gateways[at], gateways[1 - at]];
  if (here === undefined || there === undefined) throw new Error('there are two');
  const { id } = await openSession(there.url());
  expect((await inSession(here, id, PING)).status).toBe(200);
  expect((await inSession(there, id, PING)).status).toBe(200);
  expect((await inSession(here, id, { method: 'DELETE' })).status).toBe(204);
  const isOver = async (): Promise<boolean> => (await inSession(there, id, PING)).status === 404;
  await waitUntil(isOver, { describe: 'it is over' });
  expect((await inSession(here, id, PING)).status).toBe(404);
});

test('what a client answers at the process that writes reaches its call in the other (§4.9)', async () => {
  await using asking = await startAskingServer();
  await using stack = new AsyncDisposableStack();
  const gateways = await two([connector('ask', { kind: 'http', url: asking.url, headers: {} })]);
  for (const gateway of gateways) stack.use(gateway);
  const [writer, other] = gateways;
  if (writer === undefined || other === undefined) throw new Error('there are two');
  const capabilities = { elicitation: { form: {} } };
  const params = { ...client, capabilities, clientInfo: { name: 'raw', version: '0' } };
  const opened = await send(writer.url(), {
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
  const id = String(opened.headers['mcp-session-id']);
  const call = await fetch(other.url(), {
    method: 'POST',
    headers: {
      'mcp-session-id': id,
      'mcp-protocol-version': '2025-11-25',
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 'c1',
      method: 'tools/call',
      params: { name: 'ask__form', arguments: { message: 'Name?' } },
    }),
  });
  let text = '';
  const reading = (async () => {
    for await (const chunk of call.body ?? []) text += Buffer.from(chunk).toString();
  })();
  await waitUntil(() => text.includes('elicitation'), { describe: 'it asks' });
  const question = Number(/"id":(\d+),"method":"elicitation/.exec(text)?.[1]);
  const result = { action: 'accept', content: { reply: 'Ann' } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: question, result });
  expect((await inSession(writer, id, { body })).status).toBe(202);
  await reading;
  expect(text).toContain('Ann');
});
