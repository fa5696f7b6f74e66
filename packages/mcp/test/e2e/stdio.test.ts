import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, processTree, startUpstream, waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  INITIALIZE,
  INITIALIZED,
  MODERN_META,
  STDIO_MODES,
  connectStdio,
  modern,
  request,
  startRaw,
  stdioHome,
} from './stdio-fixture.ts';

vi.setConfig({ testTimeout: 40_000 });

function progressOf(token: string): (message: Record<string, unknown>) => boolean {
  return (message) => JSON.stringify(message).includes(`"progressToken":"${token}"`);
}

/** On a busy machine the server may not be up when a first list stops waiting. */
async function untilListed(raw: ReturnType<typeof startRaw>, tool: string): Promise<void> {
  for (let round = 0; ; round += 1) {
    raw.write(request(`list ${round}`, 'tools/list'));
    if (JSON.stringify(await raw.find(`list ${round}`)).includes(`"${tool}"`)) return;
    expect(round, 'lists without the tool').toBeLessThan(20);
  }
}

type Stdio = Awaited<ReturnType<typeof startUpstream>> & { readonly transport: 'stdio' };
let upstream: Stdio;
let servers: Record<string, object>;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'legacy-stdio' });
  servers = { one: { ...upstream.command } };
});
afterAll(async () => await upstream.close());

test.each(STDIO_MODES)(
  'stdio alone serves the official client %s: lists, calls, progress',
  async (mode) => {
    await using home = await stdioHome(servers);
    await using client = await connectStdio(home, mode);
    expect(client.serverName()).toBe('cortex-mcp');
    // On a busy machine the server may not be up when a first list stops waiting.
    const isListed = async () => (await client.tools()).includes('one__echo');
    await waitUntil(isListed, { timeoutMs: 15_000, describe: 'the tool is listed' });
    expect(await client.call('one__echo', { message: 'grüße\n🌍' })).toMatchObject({
      content: [{ type: 'text', text: 'grüße\n🌍' }],
    });
    expect(await client.progress('one__slow', { ms: 600, steps: 3 })).toEqual([1, 2, 3]);
    await expect(client.call('one__nope')).rejects.toMatchObject({ code: -32_602 });
    const { pid } = client;
    const tree = processTree(pid).map((entry) => entry.pid);
    expect(tree.length).toBeGreaterThan(0);
    await client.close();
    const ended = () => [pid, ...tree].every((one) => !isAlive(one));
    await waitUntil(ended, { describe: 'neither the program nor a child is left' });
  },
);

test('--connector serves one connector under its own names', async () => {
  await using home = await stdioHome(servers);
  await using client = await connectStdio(home, 'v2 legacy', '--connector', 'one');
  const isListed = async () => (await client.tools()).includes('echo');
  await waitUntil(isListed, { timeoutMs: 15_000, describe: 'the tool is listed' });
  expect(await client.tools()).not.toContain('one__echo');
});

test('two desktop clients at once share one service, and its children', async () => {
  await using home = await stdioHome(servers);
  const before = upstream.processes().length;
  const [first, second] = await Promise.all([
    connectStdio(home, 'v2 auto'),
    connectStdio(home, 'v1'),
  ]);
  try {
    await Promise.all([first.tools(), second.tools()]);
    expect(await second.call('one__echo', { message: 'b' })).toMatchObject({
      content: [{ text: 'b' }],
    });
    expect(upstream.processes().length - before).toBe(1);
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
  await waitUntil(() => upstream.processes().length === before, { describe: 'no child is left' });
});

test('when the client that serves ends, the other goes on with a service of its own, unseen', async () => {
  await using home = await stdioHome(servers);
  const before = upstream.processes().length;
  await using first = startRaw(home);
  first.write(INITIALIZE, INITIALIZED, request(1, 'tools/list'));
  await first.find(1);
  await using second = startRaw(home);
  second.write(INITIALIZE, INITIALIZED, request(1, 'tools/list'));
  await second.find(1);
  expect(upstream.processes().length - before).toBe(1);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  // It notices by itself, opens a session of its own, and says that lists may have changed.
  await second.find((message) => message['method'] === 'notifications/tools/list_changed');
  second.write(request(2, 'tools/call', { name: 'one__echo', arguments: { message: 'on' } }));
  expect(JSON.stringify(await second.find(2))).toContain('"text":"on"');
  expect(await second.end()).toBe(0);
  await waitUntil(() => upstream.processes().length === before, { describe: 'no child is left' });
});

test('both eras in one pipe; nothing but JSON-RPC on stdout; EOF ends it after the answers', async () => {
  await using home = await stdioHome(servers);
  await using raw = startRaw(home);
  raw.write(modern('d', 'server/discover'), INITIALIZE, INITIALIZED);
  expect(await raw.find('d')).toMatchObject({ result: { resultType: 'complete' } });
  expect(await raw.find('init')).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
  raw.write(modern(1, 'tools/list'), request(2, 'tools/list'), request(3, 'ping'));
  expect(await raw.find(1)).toMatchObject({ result: { resultType: 'complete' } });
  expect(await raw.find(2)).not.toHaveProperty('result.resultType');
  expect(await raw.find(3)).toMatchObject({ result: {} });
  raw.write(modern('m', 'tools/call', { name: 'one__echo', arguments: { message: 'x' } }));
  // Written just before the end: it is answered all the same.
  expect(await raw.end()).toBe(0);
  expect(raw.lines.find(({ id }) => id === 'm')).toMatchObject({
    result: { content: [{ text: 'x' }] },
  });
  expect(raw.stderr()).toBe('');
});

test.each([
  ['no JSON', '{nope', -32_700],
  ['a doubled key', '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32_600],
  ['a line beyond 4 MiB', `"${'x'.repeat(4 * 1_048_576)}"`, -32_600],
])('%s is answered with an error, and the next message works', async (_what, line, code) => {
  await using home = await stdioHome({});
  await using raw = startRaw(home);
  raw.write(line, '', modern('next', 'tools/list'));
  expect(await raw.find((message) => 'error' in message)).toMatchObject({ error: { code } });
  expect(await raw.find('next')).toHaveProperty('result');
  expect(await raw.end()).toBe(0);
});

test('a request before initialize, and an unknown method, get errors under their ids', async () => {
  await using home = await stdioHome({});
  await using raw = startRaw(home);
  raw.write(request('early', 'tools/list'), modern('odd', 'no/such'));
  expect(await raw.find('early')).toHaveProperty('error.code', -32_600);
  expect(await raw.find('odd')).toHaveProperty('error.code', -32_601);
});

test('notifications/cancelled ends a call in both eras, and it is not answered', async () => {
  await using home = await stdioHome(servers);
  await using raw = startRaw(home);
  raw.write(INITIALIZE, INITIALIZED);
  await untilListed(raw, 'one__slow');
  const aborted = upstream.counts.aborted;
  const slow = { name: 'one__slow', arguments: { ms: 20_000, steps: 400 } };
  raw.write(request('l', 'tools/call', { ...slow, _meta: { progressToken: 'tl' } }));
  raw.write(
    request('m', 'tools/call', {
      ...slow,
      _meta: {
        ...MODERN_META,
        progressToken: 'tm',
      },
    }),
  );
  await Promise.all([raw.find(progressOf('tl')), raw.find(progressOf('tm'))]);
  for (const requestId of ['l', 'm']) {
    raw.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
  }
  await waitUntil(() => upstream.counts.aborted - aborted === 2, { describe: 'both are told' });
  raw.write(request('after', 'ping'));
  await raw.find('after');
  expect(raw.lines.filter(({ id }) => id === 'l' || id === 'm')).toEqual([]);
  expect(await raw.end()).toBe(0);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends it, its children and its socket',
  async (signal) => {
    await using home = await stdioHome(servers);
    const before = upstream.processes().length;
    await using raw = startRaw(home);
    raw.write(modern(1, 'tools/list'));
    await raw.find(1);
    raw.child.kill(signal);
    await once(raw.child, 'exit');
    expect(raw.child.exitCode).toBe(0);
    await waitUntil(() => upstream.processes().length === before, { describe: 'no child is left' });
    const files = await readdir(join(home.env['CORTEX_HOME'] ?? '', 'mcp'));
    expect(files.filter((name) => name.endsWith('.sock'))).toEqual([]);
  },
);

test('a configuration that is wrong is told on stderr, with exit code 2 and an empty stdout', async () => {
  await using home = await stdioHome({ bad: { type: 'stdio' } });
  await using raw = startRaw(home);
  await once(raw.child, 'exit');
  expect(raw.child.exitCode).toBe(2);
  expect(raw.lines).toEqual([]);
  expect(raw.stderr()).toContain('bad');
});
