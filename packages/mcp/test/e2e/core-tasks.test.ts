import { createParser } from 'eventsource-parser';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, sendModern, send, type RawSession } from '../gateway/raw-client.ts';
import { startCoreTaskServer, type CoreTaskServer } from './core-task-server.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

let server: CoreTaskServer;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startCoreTaskServer();
  gateway = await startGateway([
    connector('slow-ones', { kind: 'http', url: server.url, headers: {} }),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

interface Answer {
  readonly result?: Readonly<Record<string, unknown>> & { readonly tasks?: { taskId: string }[] };
  readonly error?: { readonly code: number; readonly message: string };
}

const UNKNOWN = { error: { code: -32_602 } };

/** The last message of an answer, JSON or stream. */
function last(text: string): Answer {
  const lines = text.split('\n').filter((line) => line.startsWith('data: {'));
  return JSON.parse(lines.at(-1)?.slice(6) ?? text) as Answer;
}

async function ask(session: RawSession, method: string, params: object): Promise<Answer> {
  return last((await session.send(method, params)).text);
}

async function idsOf(session: RawSession): Promise<readonly string[]> {
  const { result } = await ask(session, 'tasks/list', {});
  return result?.tasks?.map(({ taskId }) => taskId) ?? [];
}

const PLACES = [
  ['/mcp/{connector}', 'slow-ones', 'slow', ''],
  ['/mcp', undefined, 'slow-ones__slow', 'slow-ones:'],
] as const;

describe.each(PLACES)('tasks of 2025-11-25 at %s', (_, connectorId, name, prefix) => {
  const make = async (session: RawSession): Promise<string> => {
    const { result } = await ask(session, 'tools/call', {
      name,
      arguments: {},
      task: { ttl: 1e6 },
    });
    return String(Reflect.get(Object(result?.['task']), 'taskId'));
  };

  test('are made, polled, listed, fetched and cancelled', async () => {
    const session = await openSession(gateway.url(connectorId));
    expect(session.initialize).toMatchObject({
      result: {
        capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      },
    });
    const taskId = await make(session);
    expect(taskId).toMatch(new RegExp(`^${prefix}t-\\d+$`));
    expect(await ask(session, 'tasks/get', { taskId })).toMatchObject({
      result: { taskId, status: 'working' },
    });
    expect(await idsOf(session)).toEqual([taskId]);
    const fetched = await session.send('tasks/result', { taskId });
    expect(last(fetched.text).result).toEqual({
      content: [],
      taskId: 'its own',
      _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
    });
    expect(fetched.text.split(`"taskId":"${taskId}"`)).toHaveLength(3);
    expect(await ask(session, 'tasks/cancel', { taskId })).toMatchObject({
      result: { taskId, status: 'cancelled' },
    });
    expect(server.asked.at(-1)?.params).toEqual({ taskId: taskId.slice(prefix.length) });
  });

  test('are nobody else’s, in no way of asking for them, and touch no server', async () => {
    const [one, two] = [
      await openSession(gateway.url(connectorId)),
      await openSession(gateway.url(connectorId)),
    ];
    const [first, second] = [await make(one), await make(two)];
    const before = server.asked.length;
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      expect(await ask(two, method, { taskId: first })).toMatchObject(UNKNOWN);
      expect(await ask(two, method, { taskId: `${prefix}t-999` })).toMatchObject(UNKNOWN);
    }
    expect(server.asked).toHaveLength(before);
    expect([await idsOf(one), await idsOf(two)]).toEqual([[first], [second]]);
  });

  test('are listed in pages, without those that the server has forgotten', async () => {
    const session = await openSession(gateway.url(connectorId));
    const made: string[] = [];
    for (let i = 0; i < 23; i += 1) made.push(await make(session));
    server.expire(made[3]?.slice(prefix.length) ?? '');
    const first = (await ask(session, 'tasks/list', {})).result;
    const second = (await ask(session, 'tasks/list', { cursor: first?.['nextCursor'] })).result;
    expect([first?.tasks?.length, second?.tasks?.length]).toEqual([19, 3]);
    expect(second).not.toHaveProperty('nextCursor');
    expect(await ask(session, 'tasks/list', { cursor: 'odd' })).toMatchObject(UNKNOWN);
    expect(await ask(session, 'tasks/get', { taskId: made[3] })).toMatchObject(UNKNOWN);
  });

  test('report to the session that made them, and to no other', async () => {
    const [one, two] = [
      await openSession(gateway.url(connectorId)),
      await openSession(gateway.url(connectorId)),
    ];
    const heard = await Promise.all(
      [one, two].map(async ({ id }) => await listen(id, connectorId)),
    );
    const taskId = await make(one);
    await make(two);
    await waitUntil(() => server.listening > 0, { describe: 'the gateway listens' });
    server.tell(taskId.slice(prefix.length));
    await waitUntil(() => heard[0]?.messages.length === 1, { describe: 'the owner hears of it' });
    expect(heard[0]?.messages).toMatchObject([
      { method: 'notifications/tasks/status', params: { taskId, status: 'working' } },
    ]);
    expect(heard[1]?.messages).toEqual([]);
    for (const stream of heard) stream.end();
  });

  test('end with the session that made them', async () => {
    const session = await openSession(gateway.url(connectorId));
    const taskId = await make(session);
    const headers = { 'mcp-session-id': session.id };
    await send(gateway.url(connectorId), { method: 'DELETE', headers });
    const next = await openSession(gateway.url(connectorId));
    expect(await ask(next, 'tasks/get', { taskId })).toMatchObject(UNKNOWN);
  });

  test('are nothing to older sessions and to modern clients', async () => {
    const older = await openSession(gateway.url(connectorId), '2025-06-18');
    expect(await ask(older, 'tasks/list', {})).toMatchObject({ error: { code: -32_601 } });
    const discovered = await sendModern(gateway.url(connectorId), 'server/discover');
    expect(discovered.text).not.toContain('"tasks"');
    const listed = await sendModern(gateway.url(connectorId), 'tasks/list');
    expect([listed.status, listed.json()]).toMatchObject([404, { error: { code: -32_601 } }]);
    const called = await ask(older, 'tools/call', { name, arguments: {} });
    expect(called).toMatchObject({ result: { content: [] } });
  });
});

interface Heard {
  readonly messages: unknown[];
  end(): void;
}

/** What comes on the stream of a session. */
async function listen(sessionId: string, connectorId: string | undefined): Promise<Heard> {
  const abort = new AbortController();
  const headers = { accept: 'text/event-stream', 'mcp-session-id': sessionId };
  const { signal } = abort;
  const response = await fetch(gateway.url(connectorId), { headers, signal });
  const messages: unknown[] = [];
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== '') messages.push(JSON.parse(data));
    },
  });
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk));
    } catch {
      // Ended by us.
    }
  };
  void read();
  return { messages, end: () => abort.abort() };
}
