import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { processTree, startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { startSseServer } from '../upstream/legacy-sse-fixture.ts';
import {
  INITIALIZE,
  INITIALIZED,
  connectStdio,
  modern,
  request,
  startRaw,
  stdioHome,
  type StdioHome,
} from './stdio-fixture.ts';

vi.setConfig({ testTimeout: 40_000 });

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

interface Serving extends AsyncDisposable {
  readonly child: ChildProcess;
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** A real `cortex-mcp serve` on the home's port. */
async function serve(home: StdioHome, port: number): Promise<Serving> {
  const child = spawn(process.execPath, home.command('serve'), { env: home.env, stdio: 'ignore' });
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  const ready = async (): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitUntil(ready, { timeoutMs: 20_000, describe: 'the service is ready' });
  return { child, stop, [Symbol.asyncDispose]: async () => await stop('SIGKILL') };
}

test('stdio attaches to the running service and starts nothing itself', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-stdio' });
  const port = await freePort();
  await using home = await stdioHome({ one: { ...upstream.command } }, port);
  await using service = await serve(home, port);
  const children = upstream.processes().length;
  await using client = await connectStdio(home, 'v2 auto');
  await using other = await connectStdio(home, 'v1');
  expect(await client.tools()).toContain('one__echo');
  expect(await other.call('one__echo', { message: 'x' })).toMatchObject({
    content: [{ text: 'x' }],
  });
  expect(upstream.processes()).toHaveLength(children);
  expect([...processTree(client.pid), ...processTree(other.pid)]).toEqual([]);
  const status = (await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as {
    clients: { sessions: number };
  };
  expect(status.clients.sessions).toBe(1);
  await other.close();
  const sessions = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${port}/status`);
    return ((await answer.json()) as typeof status).clients.sessions;
  };
  await waitUntil(async () => (await sessions()) === 0, { describe: 'its session is ended' });
  expect(service.child.exitCode).toBe(null);
});

test('the service restarts: the session is opened anew, the log level and subscriptions are asked for again', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  const port = await freePort();
  await using home = await stdioHome({ one: { url: upstream.url } }, port);
  const before = await serve(home, port);
  await using raw = startRaw(home);
  raw.write(INITIALIZE, INITIALIZED, request(1, 'tools/list'));
  expect(JSON.stringify(await raw.find(1))).toContain('one__echo');
  raw.write(
    request('slow', 'tools/call', {
      name: 'one__slow',
      arguments: { ms: 20_000, steps: 400 },
      _meta: { progressToken: 'p' },
    }),
  );
  await raw.find((message) => message['method'] === 'notifications/progress');
  await before.stop('SIGKILL');
  // What was under way fails at once; the rest goes on with the next service.
  expect(await raw.find('slow')).toMatchObject({ error: { data: { code: 'STREAM_CUT' } } });
  await using after = await serve(home, port);
  raw.write(request(2, 'tools/call', { name: 'one__echo', arguments: { message: 'again' } }));
  expect(JSON.stringify(await raw.find(2))).toContain('"text":"again"');
  expect(processTree(raw.child.pid ?? 0)).toEqual([]);
  expect(after.child.exitCode).toBe(null);
  expect(await raw.end()).toBe(0);
});

test('a service of another configuration is not taken for ours', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-session' });
  const port = await freePort();
  await using theirs = await stdioHome({}, port);
  await using service = await serve(theirs, port);
  await using home = await stdioHome({ one: { url: upstream.url } }, port);
  await using raw = startRaw(home);
  raw.write(modern(1, 'tools/list'));
  expect(JSON.stringify(await raw.find(1))).toContain('one__echo');
  expect(raw.stderr()).toContain('another configuration');
  expect(service.child.exitCode).toBe(null);
});

test('--url names the service; while there is none, requests are answered with an error', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const port = await freePort();
  await using home = await stdioHome({ one: { url: upstream.url } }, port);
  await using raw = startRaw(home, '--url', `http://127.0.0.1:${port}`, '--connector', 'one');
  raw.write(modern(1, 'tools/list'));
  expect(await raw.find(1)).toMatchObject({
    error: { code: -32_603, data: { code: 'UNREACHABLE' } },
  });
  await using service = await serve(home, port);
  raw.write(modern(2, 'tools/list'));
  expect(JSON.stringify(await raw.find(2))).toContain('"name":"echo"');
  expect(service.child.exitCode).toBe(null);
  expect(await raw.end()).toBe(0);
});

test.each([
  [['--url', 'nonsense'], 'no http or https address'],
  [['--url', 'http://127.0.0.1:1/mcp', '--connector', 'one'], 'not both'],
  [['--connector', 'No Such'], 'no connector id'],
])('%j is refused with exit code 2', async (words, why) => {
  await using home = await stdioHome({});
  await using raw = startRaw(home, ...words);
  await once(raw.child, 'exit');
  expect(raw.child.exitCode).toBe(2);
  expect(raw.stderr()).toContain(why);
  expect(raw.lines).toEqual([]);
});

test('a server’s question reaches the desktop client, and its answer the server', async () => {
  await using server = await startSseServer();
  await using home = await stdioHome({ old: { type: 'sse', url: server.url } });
  await using raw = startRaw(home);
  raw.write(
    request('init', 'initialize', {
      protocolVersion: '2025-06-18',
      capabilities: { sampling: {} },
      clientInfo: { name: 'raw', version: '0' },
    }),
    INITIALIZED,
    request(1, 'tools/list'),
  );
  expect(JSON.stringify(await raw.find(1))).toContain('old__ask');
  raw.write(request(2, 'tools/call', { name: 'old__ask', arguments: {} }));
  const question = await raw.find((message) => message['method'] === 'sampling/createMessage');
  const content = { type: 'text', text: 'the desktop' };
  raw.write({
    jsonrpc: '2.0',
    id: question['id'],
    result: { role: 'assistant', model: 'm', content },
  });
  expect(JSON.stringify(await raw.find(2))).toContain('the desktop');
  server.server().registerTool('fresh', {}, () => ({ content: [] }));
  await raw.find((message) => message['method'] === 'notifications/tools/list_changed');
  expect(await raw.end()).toBe(0);
});
