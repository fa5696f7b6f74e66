import { startConformanceServer, waitUntil, type ConformanceServer } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { startAskingServer, type AskingServer } from '../e2e/asking-server.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { send, type RawAnswer } from './raw-client.ts';

const SHORT = { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 300, maxCallMs: 1_200 };

let asking: AskingServer;
let conformance: ConformanceServer;
let gateway: TestGateway;

beforeAll(async () => {
  asking = await startAskingServer();
  conformance = await startConformanceServer({ eras: 'legacy' });
  gateway = await startGateway([
    connector('asking', { kind: 'http', url: asking.url, headers: {} }),
    connector('short', { kind: 'http', url: asking.url, headers: {} }, { timeouts: SHORT }),
    connector('polling', { kind: 'http', url: conformance.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await conformance.close();
  await asking[Symbol.asyncDispose]();
});

interface Session {
  readonly headers: Readonly<Record<string, string>>;
  post(message: object, headers?: Readonly<Record<string, string>>): Promise<RawAnswer>;
  /** A request whose answer is read as it comes. */
  begin(message: object): Promise<Reading>;
  /** A stream of the session; of a request when `lastEventId` says so. */
  get(lastEventId?: string): Promise<Response>;
}

interface Reading {
  /** Resolves when what has come holds `pattern`. */
  until(pattern: RegExp): Promise<void>;
  readonly whole: Promise<string>;
}

function readingOf(response: Response): Reading {
  let text = '';
  const collect = async (): Promise<string> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    return text;
  };
  return {
    until: async (pattern) =>
      await waitUntil(() => pattern.test(text), { describe: String(pattern) }),
    whole: collect(),
  };
}

async function open(
  connectorId: string,
  version = '2025-11-25',
  capabilities = {},
): Promise<Session> {
  const url = gateway.url(connectorId);
  const params = {
    protocolVersion: version,
    capabilities,
    clientInfo: { name: 'raw', version: '0' },
  };
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  const opened = await send(url, { body: JSON.stringify(initialize) });
  const headers = {
    'mcp-session-id': String(opened.headers['mcp-session-id']),
    'mcp-protocol-version': version,
  };
  return {
    headers,
    post: async (message, more = {}) =>
      await send(url, {
        headers: { ...headers, ...more },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      }),
    begin: async (message) =>
      readingOf(
        await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...headers,
          },
          body: JSON.stringify({ jsonrpc: '2.0', ...message }),
        }),
      ),
    get: async (lastEventId) =>
      await fetch(url, {
        headers: {
          ...headers,
          accept: 'text/event-stream',
          ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        },
      }),
  };
}

const toolCall = (id: number, name: string, more: object = {}): object => ({
  id,
  method: 'tools/call',
  params: { name, arguments: {}, ...more },
});
const FORM = { elicitation: { form: {} } };
const STREAM_FIRST = { accept: 'text/event-stream, application/json' };
const eventsOf = (text: string): unknown[] =>
  [...text.matchAll(/data: (.+)/g)].map(([, data = '']) => JSON.parse(data) as unknown);

/** Reads a stream until it holds `pattern`, and gives what it held. */
async function readUntil(response: Response, pattern: RegExp): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (pattern.test(text)) return text;
  }
  return text;
}

test('an answer is a stream for clients that name streams first, and JSON for all others (SEP-1699)', async () => {
  const session = await open('asking');
  const list = { id: 1, method: 'tools/list' };
  const streamed = await session.post(list, STREAM_FIRST);
  expect(streamed.headers['content-type']).toBe('text/event-stream');
  expect(streamed.text).toMatch(
    /^id: 1-0\nretry: 1000\ndata: \n\nid: 1-1\nevent: message\ndata: \{/,
  );
  const plain = await session.post(list);
  expect(plain.headers['content-type']).toBe('application/json');
  expect(eventsOf(streamed.text)).toEqual([plain.json()]);
});

test('a session of an earlier revision gets no event ids', async () => {
  const session = await open('asking', '2025-06-18', FORM);
  const stream = await session.get();
  const answered = session.post(toolCall(1, 'form'), { accept: 'application/json' });
  const asked = await readUntil(stream, /\n\n/);
  expect(asked).toMatch(/^event: message\ndata: \{/);
  await session.post({ id: 1, result: { action: 'cancel' } });
  expect((await answered).json()).toMatchObject({ id: 1, result: { content: [{ type: 'text' }] } });
});

test('a server that ends its stream to be polled has its client poll us (SEP-1699)', async () => {
  const session = await open('polling');
  const { text } = await session.post(toolCall(7, 'test_reconnection'));
  expect(text).toMatch(/^id: 1-0\nretry: \d+\ndata: \n\nretry: \d+\n\n$/);
  const resumed = await (await session.get('1-0')).text();
  expect(eventsOf(resumed)).toMatchObject([
    { id: 7, result: { content: [{ text: 'reached after a reconnection' }] } },
  ]);
});

test('a client whose connection was cut gets the answer of its call when it comes back', async () => {
  const session = await open('asking', '2025-11-25', FORM);
  const controller = new AbortController();
  const cut = await fetch(gateway.url('asking'), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...session.headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...toolCall(5, 'form') }),
    signal: controller.signal,
  });
  const seen = await readUntil(cut, /elicitation/);
  const [, id = ''] = /id: (\S+)\nevent/.exec(seen) ?? [];
  controller.abort();
  await session.post({ id: 1, result: { action: 'decline' } });
  const resumed = await (await session.get(id)).text();
  expect(eventsOf(resumed)).toMatchObject([
    { id: 5, result: { content: [{ text: '{"action":"decline"}' }] } },
  ]);
});

test('a stream cannot be had by another session, nor after the session has ended', async () => {
  const session = await open('asking');
  await session.post({ id: 1, method: 'tools/list' }, STREAM_FIRST);
  const other = await open('asking');
  expect((await other.get('1-0')).status).toBe(400);
  expect((await session.get('1-0')).status).toBe(200);
  expect((await session.get('9-9')).status).toBe(400);
  await send(gateway.url('asking'), { method: 'DELETE', headers: session.headers });
  expect((await session.get('1-0')).status).toBe(404);
});

test('a client that takes no stream with its call is asked on the stream of its session', async () => {
  const session = await open('asking', '2025-11-25', FORM);
  const stream = await session.get();
  const answered = session.post(toolCall(2, 'form'), { accept: 'application/json' });
  const asked = await readUntil(stream, /elicitation\/create[^]*\n\n/);
  expect(eventsOf(asked)).toMatchObject([{ id: 1, method: 'elicitation/create' }]);
  await session.post({ id: 1, result: { action: 'accept', content: {} } });
  expect((await answered).json()).toMatchObject({
    id: 2,
    result: { content: [{ text: '{"action":"accept","content":{}}' }] },
  });
});

test('a client without any stream cannot be asked, and the server is told so', async () => {
  const session = await open('asking', '2025-11-25', FORM);
  const answer = await session.post(toolCall(2, 'form'), { accept: 'application/json' });
  expect(answer.text).toContain('no stream open');
});

test('an answer to what was never asked is taken and ignored, of a stranger too', async () => {
  const asked = await open('asking', '2025-11-25', FORM);
  const stranger = await open('asking', '2025-11-25', FORM);
  const stream = await asked.get();
  const pending = asked.post(toolCall(3, 'form'), { accept: 'application/json' });
  await readUntil(stream, /elicitation/);
  const forged = await stranger.post({
    id: 1,
    result: { action: 'accept', content: { reply: 'x' } },
  });
  expect([forged.status, forged.text]).toEqual([202, '']);
  expect((await asked.post({ id: 99, result: {} })).status).toBe(202);
  expect(callsInFlight()).toBe(1);
  await asked.post({ id: 1, error: { code: -1, message: 'the user is away' } });
  // The client's error reaches the server as it is.
  expect((await pending).json()).toMatchObject({
    id: 3,
    result: { content: [{ text: expect.stringContaining('"code":-1') as unknown }] },
  });
});

test('a client that never answers has the hard cap, not the idle time, and is told to forget it', async () => {
  const session = await open('short', '2025-11-25', FORM);
  const startedAtMs = performance.now();
  const { text } = await session.post(toolCall(4, 'form'));
  expect(performance.now() - startedAtMs).toBeGreaterThan(1_000);
  expect(eventsOf(text)).toMatchObject([
    { id: 1, method: 'elicitation/create' },
    { method: 'notifications/cancelled', params: { requestId: 1 } },
    { id: 4, error: { code: -32_010, data: { code: 'TIMEOUT', connector: 'short' } } },
  ]);
});

test('a legacy client gets log messages from the level it asked for, and all before it asks (S8)', async () => {
  const session = await open('asking', '2025-11-25', FORM);
  const logsOf = async (id: number): Promise<unknown[]> => {
    const answer = await session.begin(toolCall(id, 'steps'));
    await answer.until(/elicitation/);
    await session.post({ id, result: { action: 'accept', content: {} } });
    const events = eventsOf(await answer.whole) as { method?: string; params?: object }[];
    return events.flatMap(({ method, params }) =>
      method === 'notifications/message' ? params : [],
    );
  };
  expect(await logsOf(1)).toMatchObject([{ level: 'debug' }, { level: 'warning' }]);
  await session.post({ id: 50, method: 'logging/setLevel', params: { level: 'warning' } });
  expect(await logsOf(2)).toMatchObject([{ level: 'warning' }]);
});

test('the second stream of a session is refused while the first is read, and replaces it after', async () => {
  const session = await open('asking');
  const first = await session.get();
  expect((await session.get()).status).toBe(409);
  await first.body?.cancel();
  await waitUntil(async () => (await session.get()).status === 200, {
    describe: 'the gateway sees that it is gone',
  });
});

test('a session is known to nobody but its owner', async () => {
  const session = await open('asking');
  const { id } = { id: session.headers['mcp-session-id'] ?? '' };
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  const stranger = await send(gateway.url(), {
    headers: session.headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
  expect(stranger.status).toBe(404);
});

function callsInFlight(): number {
  return (gateway.service.status()['clients'] as { callsInFlight: number }).callsInFlight;
}
