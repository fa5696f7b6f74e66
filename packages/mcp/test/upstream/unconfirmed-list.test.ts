import type { ServerResponse } from 'node:http';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { fetchManifest } from '../../src/connectors/manifest.ts';
import {
  SIGNAL,
  definitionFor,
  json,
  legacyAnswer,
  open,
  recorder,
  startWire,
  toolCall,
  type Answer,
  type Opened,
  type Seen,
  type Wire,
} from './http-fixture.ts';

const OPTIONS = { signal: SIGNAL, timeoutMs: 5_000 };
const CHECKED = { willCheckLists: (): boolean => true };
const INITIALIZED = 'notifications/initialized';

const ofMethod = (wire: Wire, method: string): readonly Seen[] =>
  wire.seen.filter(({ message }) => message['method'] === method);

/** Without the early list of the question for the era, which carries the headers of the modern revision. */
const listsOf = (wire: Wire): readonly Seen[] =>
  ofMethod(wire, 'tools/list').filter(({ headers }) => headers['mcp-session-id'] !== undefined);

const answerList: Answer = (seen, response) => {
  json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { tools: [] } });
};

interface Held extends AsyncDisposable {
  readonly wire: Wire;
  /** Notifications that have not been answered, oldest first. */
  readonly held: ServerResponse[];
}

/** A legacy server that does not answer `notifications/initialized`; `onList` is asked within a session only. */
async function startHeld(onList: Answer = answerList): Promise<Held> {
  const held: ServerResponse[] = [];
  const usual = legacyAnswer((seen, response) => {
    if (seen.message['method'] !== 'tools/list') return answerList(seen, response);
    if (seen.headers['mcp-session-id'] !== undefined) return onList(seen, response);
    response.writeHead(400).end();
    return undefined;
  });
  const wire = await startWire((seen, response) => {
    if (seen.message['method'] !== INITIALIZED) return usual(seen, response);
    held.push(response);
    return undefined;
  });
  return { wire, held, [Symbol.asyncDispose]: async () => await wire[Symbol.asyncDispose]() };
}

const list = async ({ upstream }: Opened): Promise<string> =>
  await upstream.request('tools/list', [], OPTIONS);

/** Waits for the next notification and answers it. */
async function take({ held }: Held, status = 202): Promise<void> {
  await waitUntil(() => held.length > 0, { describe: 'the notification is here' });
  held.shift()?.writeHead(status).end();
}

test('an unknown legacy server is in sync after three round trips (S4-01)', async () => {
  await using server = await startUpstream({
    kind: 'legacy-http-session',
    toolCount: 2,
    // A list that is held up for longer than this counts as one more.
    latencyMs: 200,
  });
  await using opened = open(definitionFor(server.url), CHECKED);
  const info = await opened.upstream.connect(SIGNAL, 'lists');
  const manifest = await fetchManifest(opened.upstream, info, OPTIONS);
  expect(manifest.lists.tools.length).toBeGreaterThanOrEqual(2);
  expect(server.counts.roundTrips).toBe(3);
  expect(server.counts.byMethod).toMatchObject({ initialize: 1, [INITIALIZED]: 1 });
});

test('a list leaves after notifications/initialized, before its answer, and is over with it', async () => {
  await using server = await startHeld();
  const { wire } = server;
  await using opened = open(definitionFor(wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  let done = false;
  const listed = list(opened).then((text) => {
    done = true;
    return text;
  });
  await waitUntil(() => listsOf(wire).length > 0, { describe: 'the list was asked for' });
  const order = wire.seen.filter(({ headers }) => headers['mcp-session-id'] === 's1');
  expect(order.map(({ message }) => message['method'])).toEqual([INITIALIZED, 'tools/list']);
  // Answered by now, since the next request on that server is.
  await fetch(wire.url, { method: 'POST', body: '{"method":"initialize"}' });
  expect(done).toBe(false);
  await take(server);
  expect(await listed).toBe('{"tools":[]}');
  expect(listsOf(wire)).toHaveLength(1);
});

test.for([
  ['nobody looks at the lists once more', {}, {}, 'lists'],
  ['it is said that nobody will', {}, { willCheckLists: (): boolean => false }, 'lists'],
  ['its era is pinned', { era: 'legacy' }, CHECKED, 'lists'],
  ['a call is what comes next', {}, CHECKED, 'anything'],
] as const)(
  'connect() waits for the answer to notifications/initialized where %s',
  async ([, changes, options, next]) => {
    await using server = await startHeld();
    await using opened = open(definitionFor(server.wire.url, changes), options);
    const connecting = opened.upstream.connect(SIGNAL, next);
    const listed = list(opened);
    await waitUntil(() => server.held.length > 0, { describe: 'the notification is here' });
    expect(opened.upstream.info).toBeUndefined();
    expect(listsOf(server.wire)).toHaveLength(0);
    await take(server);
    await connecting;
    expect(await listed).toBe('{"tools":[]}');
  },
);

test('connect() waits for it where the era is remembered, also after a session was lost', async () => {
  await using server = await startHeld((seen, response) => {
    if (seen.headers['mcp-session-id'] === 's2') return answerList(seen, response);
    response.writeHead(listsOf(server.wire).length === 1 ? 200 : 404).end();
    return undefined;
  });
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  await take(server);
  // The first is answered with nothing, and what is asked again finds the session gone.
  const listed = list(opened);
  await waitUntil(() => server.held.length > 0, { describe: 'a new session' });
  expect(listsOf(server.wire).filter(({ headers }) => headers['mcp-session-id'] === 's2')).toEqual(
    [],
  );
  await take(server);
  expect(await listed).toBe('{"tools":[]}');
});

const early: readonly (readonly [string, Answer])[] = [
  [
    'a JSON-RPC error',
    (seen, response) => {
      const error = { code: -32_602, message: 'Received request before initialization' };
      json(response, { jsonrpc: '2.0', id: seen.message['id'], error });
    },
  ],
  [
    '400 and "not initialized"',
    (_seen, response) => void response.writeHead(400).end('not initialized'),
  ],
  ['503', (_seen, response) => void response.writeHead(503).end()],
  ['a connection that breaks', (_seen, response) => void response.destroy()],
];

test.for(early)(
  'a list that is refused with %s before the handshake is over is asked for once more, in the same session',
  async ([, refuse]) => {
    let over = false;
    await using server = await startHeld((seen, response) =>
      (over ? answerList : refuse)(seen, response),
    );
    await using opened = open(definitionFor(server.wire.url), CHECKED);
    await opened.upstream.connect(SIGNAL, 'lists');
    const listed = list(opened);
    await waitUntil(() => listsOf(server.wire).length > 0, { describe: 'the list was asked for' });
    over = true;
    await take(server);
    expect(await listed).toBe('{"tools":[]}');
    expect(listsOf(server.wire)).toHaveLength(2);
    expect(ofMethod(server.wire, 'initialize')).toHaveLength(1);
    expect(opened.losses).toEqual([]);
  },
);

test('a list that is refused twice fails', async () => {
  await using server = await startHeld((_seen, response) => void response.writeHead(500).end());
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const listed = list(opened);
  await take(server);
  await expect(listed).rejects.toMatchObject({ httpStatus: 500, phase: 'list' });
  expect(listsOf(server.wire)).toHaveLength(2);
});

test('a session that ends for a list that came early is opened anew, and its handshake waited for', async () => {
  const ended = new Set<unknown>();
  await using server = await startHeld((seen, response) => {
    const session = seen.headers['mcp-session-id'];
    if (session === 's1') ended.add(session);
    if (ended.has(session)) response.writeHead(404).end();
    else void answerList(seen, response);
  });
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const listed = list(opened);
  await waitUntil(() => ended.size > 0, { describe: 'the session has ended' });
  // What is said of a session that is gone.
  await take(server, 404);
  await take(server);
  expect(await listed).toBe('{"tools":[]}');
  expect(ofMethod(server.wire, 'initialize')).toHaveLength(2);
  expect(opened.losses).toHaveLength(1);
});

test('a notification that is refused again fails the list as a handshake that failed', async () => {
  await using server = await startHeld();
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const listed = list(opened);
  await take(server, 500);
  await take(server, 500);
  await expect(listed).rejects.toMatchObject({ httpStatus: 500, phase: 'handshake' });
  expect(opened.upstream.phase).toBe('handshake');
});

test('a notification that is never answered fails the list within the time of a handshake', async () => {
  await using server = await startHeld();
  const timeouts = { ...DEFAULT_TIMEOUTS, handshakeTimeoutMs: 300 };
  await using opened = open(definitionFor(server.wire.url, { timeouts }), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  await expect(list(opened)).rejects.toMatchObject({ code: 'TIMEOUT', phase: 'handshake' });
  expect(listsOf(server.wire)).toHaveLength(1);
});

test('a call and a subscription wait for the end of the handshake, a notification of a client is dropped', async () => {
  await using server = await startHeld();
  const { wire } = server;
  await using opened = open(definitionFor(wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const sink = recorder();
  opened.upstream.forward(toolCall('legacy'), sink);
  opened.upstream.notify?.('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
  const interest = opened.upstream.setInterest({
    resources: new Set(['a:b']),
    logLevel: undefined,
  });
  const listed = list(opened);
  await waitUntil(() => listsOf(wire).length > 0, { describe: 'the list was asked for' });
  expect(wire.methods()).not.toContain('tools/call');
  expect(wire.methods()).not.toContain('resources/subscribe');
  await take(server);
  expect((await sink.outcome).kind).toBe('result');
  await listed;
  await expect(interest).rejects.toMatchObject({ refused: new Set(['a:b']) });
  expect(wire.methods()).not.toContain('notifications/roots/list_changed');
});

test('a call goes over a new session when the handshake it waited for was refused', async () => {
  await using server = await startHeld();
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const sink = recorder();
  opened.upstream.forward(toolCall('legacy'), sink);
  await take(server, 403);
  await take(server);
  expect((await sink.outcome).kind).toBe('result');
  expect(ofMethod(server.wire, 'tools/call')[0]?.headers['mcp-session-id']).toBe('s2');
});

test('close() during the handshake ends what waits, and its connection', async () => {
  await using server = await startHeld();
  const opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const listed = list(opened);
  await waitUntil(() => listsOf(server.wire).length > 0, { describe: 'the list was asked for' });
  const [outcome] = await Promise.allSettled([listed, opened.upstream.close()]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  const givenUp = (): boolean => server.held.every(({ destroyed }) => destroyed);
  await waitUntil(givenUp, { describe: 'the server sees it' });
  await opened.agents.close();
});

test('a list that is given up during the handshake does not wait for it', async () => {
  await using server = await startHeld();
  await using opened = open(definitionFor(server.wire.url), CHECKED);
  await opened.upstream.connect(SIGNAL, 'lists');
  const abort = new AbortController();
  const listed = opened.upstream.request('tools/list', [], { ...OPTIONS, signal: abort.signal });
  await waitUntil(() => listsOf(server.wire).length > 0, { describe: 'the list was asked for' });
  abort.abort(new Error('enough'));
  await expect(listed).rejects.toThrow('enough');
  expect(listsOf(server.wire)).toHaveLength(1);
});
