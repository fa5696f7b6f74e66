import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { SIGNAL } from './http-fixture.ts';
import {
  callOf,
  callerOf,
  openSse,
  send,
  sseDefinition,
  startSseServer,
} from './legacy-sse-fixture.ts';

const LIST = { signal: SIGNAL, timeoutMs: 5_000 };

test('createSseUpstream() shakes hands, lists and calls over one stream (MCP 2024-11-05)', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  const info = await opened.upstream.connect(SIGNAL);
  expect(info).toMatchObject({
    era: 'legacy',
    serverInfo: { name: 'old', version: '1.0.0' },
    instructions: 'be kind',
  });
  expect(opened.upstream.phase).toBe('ready');
  const list = JSON.parse(await opened.upstream.request('tools/list', [], LIST)) as {
    tools: { name: string }[];
  };
  expect(list.tools.map(({ name }) => name)).toEqual(['echo', 'steps', 'hang', 'ask']);
  const calls = await Promise.all(
    ['a', 'b', 'c'].map((message) => send(opened.upstream, callOf('echo', { message })).outcome),
  );
  expect(calls.map((outcome) => outcome.kind === 'result' && outcome.text)).toEqual(
    ['a', 'b', 'c'].map((text) => expect.stringContaining(`"text":"${text}"`)),
  );
  expect(server.streams).toBe(1);
});

test('concurrent connects and calls open one stream', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  const { upstream } = opened;
  const [, , call] = await Promise.all([
    upstream.connect(SIGNAL),
    upstream.connect(SIGNAL),
    send(upstream, callOf('echo', { message: 'x' })).outcome,
  ]);
  expect(call.kind).toBe('result');
  expect(server.streams).toBe(1);
});

test('progress carries the client’s own token; logs reach nobody on a shared stream', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  const meta = [{ key: 'progressToken', text: '"mine"' }];
  const { sink, outcome } = send(opened.upstream, callOf('steps', {}, { meta }));
  expect((await outcome).kind).toBe('result');
  expect(sink.notifications).toHaveLength(1);
  expect(JSON.parse(sink.notifications[0] ?? '')).toMatchObject({
    method: 'notifications/progress',
    params: { progressToken: 'mine', progress: 1 },
  });
  expect(opened.notifications).toEqual([]);
  expect(opened.upstream.ignoredMessages).toBe(1);
});

test('logs of a session that one client has to itself are told', async () => {
  await using server = await startSseServer();
  const client = { clientInfo: undefined, capabilities: {}, sole: true };
  await using opened = openSse(sseDefinition(server.url), { client });
  await send(opened.upstream, callOf('steps')).outcome;
  expect(opened.notifications.map(({ method }) => method)).toEqual(['notifications/message']);
});

test('cancel() tells the server, and the sink hears nothing more', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  const { sink, handle } = send(opened.upstream, callOf('hang'));
  await waitUntil(() => server.seen.filter((line) => line === 'POST /messages').length >= 3, {
    describe: 'it has happened',
  });
  handle.cancel('enough');
  await waitUntil(() => server.cancelled === 1, { describe: 'the server is told' });
  expect(sink.endings).toBe(0);
});

test('a stream that ends fails calls at once with STREAM_CUT; the next call opens another', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  const calls = [1, 2, 3].map(() => send(opened.upstream, callOf('hang')));
  await waitUntil(() => server.seen.filter((line) => line === 'POST /messages').length >= 5, {
    describe: 'it has happened',
  });
  server.cutStreams();
  for (const { outcome } of calls) {
    expect(await outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT' } });
  }
  // Nothing was tried again first.
  expect(server.streams).toBe(1);
  expect(opened.losses).toMatchObject([{ code: 'STREAM_CUT', phase: 'ready' }]);
  const again = await send(opened.upstream, callOf('echo', { message: 'back' })).outcome;
  expect(again).toMatchObject({ kind: 'result' });
  expect(server.streams).toBe(2);
});

test('a message that is answered with 404 is sent once more on a new stream', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  // The server forgets the session and leaves the stream open, as one behind a balancer may.
  server.forgetSessions();
  const again = await send(opened.upstream, callOf('echo', { message: 'back' })).outcome;
  expect(again).toMatchObject({ kind: 'result' });
  expect(opened.losses).toHaveLength(1);
  expect(server.streams).toBe(2);
});

test('streams that end at once are not reopened in a storm', async () => {
  await using server = await startSseServer();
  const pace = { baseMs: 40_000, capMs: 60_000, resetAfterMs: 60_000 };
  await using opened = openSse(sseDefinition(server.url), { random: () => 0.99, pace });
  await opened.upstream.connect(SIGNAL);
  server.cutStreams();
  await waitUntil(() => opened.losses.length === 1, { describe: 'it has happened' });
  const startedAtMs = performance.now();
  const { outcome } = send(opened.upstream, callOf('echo', { message: 'x' }));
  expect(await outcome).toMatchObject({ kind: 'fail', error: { code: 'CONNECT_FAILED' } });
  expect(performance.now() - startedAtMs).toBeLessThan(10_000);
  const { error } = (await outcome) as { error: { retryAfterMs: number } };
  expect(error.retryAfterMs).toBeGreaterThan(10_000);
  expect(server.streams).toBe(1);
});

test('list_changed and updates of subscribed resources are told; an interest survives a new stream', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  server.server().sendToolListChanged();
  await waitUntil(() => opened.notifications.length === 1, { describe: 'it has happened' });
  expect(opened.notifications[0]?.method).toBe('notifications/tools/list_changed');
  const interest = { resources: new Set(['test://note']), logLevel: 'debug' };
  await opened.upstream.setInterest(interest);
  expect([...server.subscribed]).toEqual(['test://note']);
  server.cutStreams();
  await waitUntil(() => opened.losses.length === 1, { describe: 'the cut is noticed' });
  await opened.upstream.connect(SIGNAL);
  await waitUntil(() => server.subscribed.size === 1, { describe: 'it is asked for again' });
  await server.server().server.sendResourceUpdated({ uri: 'test://note' });
  const updates = () => opened.notifications.filter(({ method }) => method.endsWith('/updated'));
  await waitUntil(() => updates().length >= 2, { describe: 'missed ones, and the new one' });
  await opened.upstream.setInterest({ resources: new Set(), logLevel: undefined });
  await waitUntil(() => server.subscribed.size === 0, { describe: 'it is taken back' });
});

test('the one client with a call under way is asked; its answer reaches the server (contract, isolation)', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  const { sink, outcome } = send(opened.upstream, callOf('ask', {}, { caller: callerOf('one') }));
  await waitUntil(() => sink.requests.length === 1, { describe: 'it has happened' });
  expect(sink.requests[0]?.method).toBe('sampling/createMessage');
  expect(sink.requests[0]?.paramsText).toContain('who?');
  const text = '{"role":"assistant","model":"m","content":{"type":"text","text":"me"}}';
  sink.requests[0]?.respond({ kind: 'result', text });
  expect(await outcome).toMatchObject({ kind: 'result' });
  expect(JSON.stringify(await outcome)).toContain('me');
});

test('with two clients under way nobody is asked, and the server is told why', async () => {
  await using server = await startSseServer();
  const refused: string[] = [];
  await using opened = openSse(sseDefinition(server.url), {
    events: {
      notification: () => undefined,
      closed: () => undefined,
      refused: (why) => void refused.push(why),
    },
  });
  await opened.upstream.connect(SIGNAL);
  const other = send(opened.upstream, callOf('hang', {}, { caller: callerOf('two') }));
  const { sink, outcome } = send(opened.upstream, callOf('ask', {}, { caller: callerOf('one') }));
  expect(JSON.stringify(await outcome)).toContain('cannot be told which client');
  expect(sink.requests).toEqual([]);
  expect(other.sink.requests).toEqual([]);
  expect(opened.upstream.ignoredMessages).toBeGreaterThan(0);
  expect(refused).toEqual(['unattributed']);
  other.handle.cancel('over');
});

test('close() ends the stream, fails what is under way with CLOSED and opens nothing more', async () => {
  await using server = await startSseServer();
  await using opened = openSse(sseDefinition(server.url));
  await opened.upstream.connect(SIGNAL);
  const { outcome } = send(opened.upstream, callOf('hang'));
  await opened.upstream.close();
  expect(await outcome).toMatchObject({ kind: 'fail', error: { code: 'CLOSED' } });
  await waitUntil(() => server.open === 0, { describe: 'the stream is gone' });
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({ code: 'CLOSED' });
  const late = send(opened.upstream, callOf('echo', { message: 'x' }));
  expect(await late.outcome).toMatchObject({ kind: 'fail', error: { code: 'CLOSED' } });
  expect(server.streams).toBe(1);
});

test('configured headers go to stream and endpoint; a bad one is a config error', async () => {
  await using server = await startSseServer();
  await using opened = openSse(
    sseDefinition(server.url, { headers: { authorization: 'Bearer s' } }),
  );
  await opened.upstream.connect(SIGNAL);
  expect(server.authorizations).toEqual(new Set(['Bearer s']));
  await using bad = openSse(sseDefinition(server.url, { headers: { host: 'evil' } }));
  await expect(bad.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    phase: 'config',
  });
});

const EVERYTHING = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);

async function freePort(): Promise<number> {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

test('server-everything in its sse mode: tools, and a kill -9 with a restart', async () => {
  const port = await freePort();
  const start = async () => {
    const child = spawn(process.execPath, [EVERYTHING, 'sse'], {
      env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
      stdio: 'ignore',
    });
    const answers = async (): Promise<boolean> =>
      await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    await waitUntil(answers, { timeoutMs: 15_000, describe: 'server-everything listens' });
    return child;
  };
  let child = await start();
  try {
    await using opened = openSse(sseDefinition(`http://127.0.0.1:${port}/sse`));
    const list = JSON.parse(await opened.upstream.request('tools/list', [], LIST)) as {
      tools: unknown[];
    };
    expect(list.tools.length).toBeGreaterThan(5);
    const slow = send(
      opened.upstream,
      callOf(
        'trigger-long-running-operation',
        { duration: 20, steps: 40 },
        {
          meta: [{ key: 'progressToken', text: '7' }],
        },
      ),
    );
    await waitUntil(() => slow.sink.notifications.length > 0, { describe: 'it has happened' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await slow.outcome).toMatchObject({ kind: 'fail', error: { code: 'STREAM_CUT' } });
    child = await start();
    const echo = send(opened.upstream, callOf('echo', { message: 'again' }));
    expect(JSON.stringify(await echo.outcome)).toContain('again');
  } finally {
    child.kill('SIGKILL');
  }
}, 60_000);
