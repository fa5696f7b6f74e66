import { tempFolder, startConformanceServer, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
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
