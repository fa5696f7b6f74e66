import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  isAlive,
  leastMs,
  startFleet,
  startUpstream,
  tempFolder,
  waitUntil,
  type StdioUpstream,
} from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { openSession, send, sendModern } from '../gateway/raw-client.ts';
import { connectClient } from './clients.ts';
import { startServe } from './serve-process.ts';

async function list(url: string): Promise<number> {
  const { result } = (await sendModern(url, 'tools/list')).json() as { result: { tools: [] } };
  return result.tools.length;
}

const entryOf = (upstream: StdioUpstream): Record<string, unknown> => ({ ...upstream.command });

/** The tools that are listed now. */
async function listedAt(url: string): Promise<{ names: string[]; ttlMs: number }> {
  const { result } = (await sendModern(url, 'tools/list')).json() as {
    result: { tools: { name: string }[]; ttlMs: number };
  };
  return { names: result.tools.map(({ name }) => name), ttlMs: result.ttlMs };
}

test('the first list of serve comes within 2 s of its endpoint, whoever hangs', async () => {
  await using fleet = await startFleet([
    { kind: 'modern-http' },
    { kind: 'legacy-stdio', faults: [{ kind: 'never-handshake' }] },
  ]);
  const [http, hung] = fleet;
  const mcpServers = { web: { url: http.url }, hung: entryOf(hung) };
  const measure = async (): Promise<number> => {
    await using serve = await startServe({ mcpServers, built: true });
    await listedAt(serve.url);
    return performance.now() - serve.startedAtMs - serve.endpointAfterMs;
  };
  expect(await leastMs(measure, { belowMs: 2_000 })).toBeLessThan(2_000);
});

test('serve answers with what is up, soon with all healthy tools, and names the hung and the missing connector', async () => {
  await using fleet = await startFleet([
    { kind: 'legacy-stdio' },
    { kind: 'modern-http' },
    { kind: 'legacy-stdio', faults: [{ kind: 'never-handshake' }] },
  ]);
  const [stdio, http, hung] = fleet;
  await using serve = await startServe({
    mcpServers: {
      child: entryOf(stdio),
      web: { url: http.url },
      hung: entryOf(hung),
      missing: { command: 'no-such-command-here' },
    },
    built: true,
  });
  // The list will grow: it must not be kept.
  expect((await listedAt(serve.url)).ttlMs).toBe(0);
  // How long a server takes to answer is not ours to say: a busy machine may need more than the first list waits.
  for (const name of ['web__echo', 'child__echo']) {
    await waitUntil(async () => (await listedAt(serve.url)).names.includes(name), {
      describe: `${name} is listed`,
    });
  }

  const status = await fetch(serve.url.replace('/mcp', '/status'));
  const { connectors } = (await status.json()) as { connectors: readonly { id: string }[] };
  expect(connectors.find(({ id }) => id === 'hung')).toMatchObject({
    state: 'unavailable',
    phase: 'handshake',
    failure: { phase: 'handshake' },
  });
  expect(connectors.find(({ id }) => id === 'missing')).toMatchObject({
    state: 'unavailable',
    failure: {
      phase: 'spawn',
      code: 'SPAWN_FAILED',
      message: expect.stringContaining('no-such-command-here') as unknown,
    },
  });
  expect((await fetch(serve.url.replace('/mcp', '/livez'))).status).toBe(200);

  await using client = await connectClient(serve.url, 'v2 auto');
  await expect(client.call('hung__echo')).rejects.toMatchObject({
    code: -32_010,
    data: { connector: 'hung', phase: 'handshake' },
  });
});

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  '%s leaves no child, those in their handshake and those that ignore SIGTERM included',
  async (signal) => {
    await using fleet = await startFleet([
      { kind: 'legacy-stdio', grandchildren: 1 },
      { kind: 'modern-stdio' },
      { kind: 'legacy-stdio', faults: [{ kind: 'never-handshake' }] },
      {
        kind: 'legacy-stdio',
        faults: [{ kind: 'never-handshake', ignoreSigterm: true, ignoreStdinClose: true }],
      },
    ]);
    const [one, two, three, four] = fleet;
    await using serve = await startServe({
      mcpServers: {
        one: entryOf(one),
        two: entryOf(two),
        three: entryOf(three),
        four: entryOf(four),
      },
    });
    const started = (): boolean =>
      fleet.every((upstream) => upstream.processes().length > 0) && one.processes().length > 1;
    await waitUntil(started, {
      timeoutMs: 10_000,
      describe: 'every server has started',
    });
    const pids = fleet.flatMap((upstream) => upstream.processes());
    // The grandchild is among them, or nothing would show that it goes too.
    expect(pids.length).toBeGreaterThanOrEqual(5);
    const killed = { code: null, signal: 'SIGKILL' };
    const clean = { code: 0, signal: null };
    expect(await serve.stop(signal)).toEqual(signal === 'SIGKILL' ? killed : clean);
    await waitUntil(() => pids.every((pid) => !isAlive(pid)), {
      timeoutMs: 10_000,
      describe: 'no child is left',
    });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(serve.stderr()).not.toMatch(/^\s+at /m);
  },
  30_000,
);

test('after kill -9 the next start serves the whole list before any upstream has answered', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-stdio', toolCount: 4 });
  await using folder = tempFolder();
  const mcpServers = { child: entryOf(upstream) };
  await using first = await startServe({ mcpServers, folder });
  await waitUntil(async () => (await list(first.url)) === 13, {
    timeoutMs: 15_000,
    describe: 'the first run has listed everything',
  });
  await waitUntil(() => existsSync(join(folder.path, 'mcp', 'manifests', 'child.json')), {
    describe: 'the manifest is on disk',
  });
  await first.stop('SIGKILL');
  upstream.setFaults([{ kind: 'never-handshake' }]);
  await using second = await startServe({ mcpServers, folder });
  expect(await list(second.url)).toBe(13);
});

test('a legacy session goes on after kill -9 and a start, in the same state folder', async () => {
  await using upstream = await startUpstream({ kind: 'legacy-http-stateless' });
  await using folder = tempFolder();
  const mcpServers = { web: { url: upstream.url } };
  await using first = await startServe({ mcpServers, folder });
  const { id } = await openSession(first.url);
  const journal = join(folder.path, 'mcp', 'sessions.jsonl');
  // The file is there before its first line is.
  await waitUntil(() => (statSync(journal, { throwIfNoEntry: false })?.size ?? 0) > 0, {
    describe: 'the session is on disk',
  });
  await first.stop('SIGKILL');
  await using second = await startServe({ mcpServers, folder });
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  const answer = await send(second.url, { headers, body });
  expect(answer.status).toBe(200);
  expect(answer.text).toContain('"result"');
  const other = { ...headers, 'mcp-session-id': randomUUID() };
  expect((await send(second.url, { headers: other, body })).status).toBe(404);
});
