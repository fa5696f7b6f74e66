import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import type { CliIo } from '../../src/cli/cli-io.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createStdioLocator } from '../../src/cli/stdio-locator.ts';
import { meetingPlace, takeOwnership } from '../../src/cli/stdio-owner.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { modern } from '../e2e/stdio-fixture.ts';

vi.setConfig({ testTimeout: 30_000 });

interface Run extends AsyncDisposable {
  readonly stdin: PassThrough;
  readonly out: string[];
  err(): string;
  readonly stop: AbortController;
  readonly code: Promise<number>;
  /** Bytes that the client leaves unread. */
  unread: number;
  /** Whether the rest of the output was given up. */
  abandoned: boolean;
  ask(id: number, method?: string): Promise<string>;
}

/** `cortex-mcp stdio` in this process. */
function run(home: string, ...words: string[]): Run {
  const stdin = new PassThrough();
  const stop = new AbortController();
  const out: string[] = [];
  let err = '';
  const io: CliIo = {
    stdin,
    stdout: {
      write: (text) => void out.push(text),
      get unread() {
        return started.unread;
      },
      abandon: () => {
        started.abandoned = true;
      },
    },
    stderr: { write: (text) => (err += text) },
    env: { CORTEX_HOME: home, PATH: process.env['PATH'], MCP_LOG_LEVEL: 'warn' },
    cwd: home,
    home,
    isTty: false,
    stderrIsTty: false,
    columns: undefined,
    signal: stop.signal,
  };
  const code = runCli(['stdio', ...words], io);
  const started: Run = {
    unread: 0,
    abandoned: false,
    stdin,
    out,
    err: () => err,
    stop,
    code,
    ask: async (id, method = 'tools/list') => {
      stdin.write(`${JSON.stringify(modern(id, method))}\n`);
      const isIt = (line: string): boolean => line.includes(`"id":${id}`);
      await waitUntil(() => out.some(isIt), {
        timeoutMs: 15_000,
        describe: `answer ${id}: ${err}`,
      });
      return out.find(isIt) ?? '';
    },
    async [Symbol.asyncDispose]() {
      stop.abort('SIGTERM');
      await code;
    },
  };
  return started;
}

async function configure(home: string, mcpServers: object, port = 0): Promise<void> {
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'cortex-mcp.json'), JSON.stringify({ mcpServers, port }));
}

async function freePort(): Promise<number> {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

test('one serves, the next attaches to it, and takes its place when it ends', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await configure(folder.path, { one: { url: upstream.url } });
  await using first = run(folder.path);
  expect(await first.ask(1)).toContain('one__echo');
  const sockets = async () =>
    (await readdir(join(folder.path, 'mcp'))).filter((name) => name.endsWith('.sock'));
  expect(await sockets()).toHaveLength(1);
  await using second = run(folder.path, '--connector', 'one');
  expect(await second.ask(1)).toContain('"name":"echo"');
  first.stdin.end();
  expect(await first.code).toBe(0);
  expect(await second.ask(2)).toContain('"name":"echo"');
  second.stop.abort('SIGTERM');
  expect(await second.code).toBe(0);
  expect(await sockets()).toEqual([]);
  expect(second.err()).toBe('');
});

test('a service at --url is used as it is; an address with a path as well', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startGateway([connectorFor(upstream, 'one')]);
  await using all = run(folder.path, '--url', gateway.origin);
  expect(await all.ask(1)).toContain('one__echo');
  await using one = run(folder.path, '--url', gateway.url('one'));
  expect(await one.ask(1)).toContain('"name":"echo"');
  one.stdin.end();
  expect(await one.code).toBe(0);
});

test('a client that reads nothing is given up, and so is what it has not read', async () => {
  await using folder = tempFolder();
  await configure(folder.path, {});
  await using deaf = run(folder.path);
  await deaf.ask(1);
  deaf.unread = 65 * 1_048_576;
  await deaf.ask(2);
  expect(await deaf.code).toBe(1);
  expect(deaf.abandoned).toBe(true);
  expect(deaf.err()).toContain('does not read');
});

test('what listens on the port and is no service of ours is left alone', async () => {
  await using folder = tempFolder();
  const port = await freePort();
  const stranger: Server = createServer((_request, response) => response.end('{"service":{}}'));
  stranger.listen(port, '127.0.0.1');
  await once(stranger, 'listening');
  await configure(folder.path, {}, port);
  await using alone = run(folder.path);
  expect(await alone.ask(1)).toContain('"tools":[]');
  stranger.close();
});

test('a state folder whose path is too long for a socket still works', async () => {
  await using folder = tempFolder();
  const home = join(folder.path, 'x'.repeat(120));
  await configure(home, {});
  await using alone = run(home);
  expect(await alone.ask(1)).toContain('"tools":[]');
  const place = await meetingPlace(join(home, 'mcp'), 'a');
  expect(Buffer.byteLength(place.socketPath)).toBeLessThanOrEqual(100);
});

test('a service that cannot be started is told to the client, which may try again', async () => {
  await using folder = tempFolder();
  await configure(folder.path, {});
  // A folder stands where the socket belongs, and cannot be taken away.
  const state = join(folder.path, 'mcp');
  const place = await meetingPlace(state, join(folder.path, 'cortex-mcp.json'));
  await mkdir(join(place.socketPath, 'in-the-way'), { recursive: true });
  await using alone = run(folder.path);
  expect(await alone.ask(1)).toContain('UNAVAILABLE');
});

test('a locator that is closed while its service starts closes that service, and lets others serve', async () => {
  await using folder = tempFolder();
  await configure(folder.path, {});
  const { path: home } = folder;
  const config = await loadConfig({ flags: {}, env: { CORTEX_HOME: home }, cwd: home, home });
  const [began, start] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let closed = false;
  const locator = createStdioLocator({
    config,
    path: '/mcp',
    startService: async () => {
      began.resolve();
      await start.promise;
      return {
        close: async () => {
          closed = true;
        },
      };
    },
    say: () => undefined,
  });
  const located = Promise.allSettled([locator.locate(undefined)]);
  await began.promise;
  const ended = locator.close();
  start.resolve();
  await ended;
  await located;
  expect(closed).toBe(true);
  const next = await takeOwnership(await meetingPlace(config.stateFolder.value, config.configPath));
  expect(next).toBeDefined();
  await next?.release();
});

test('takeOwnership() gives it to one at a time', async () => {
  await using folder = tempFolder();
  const place = await meetingPlace(folder.path, 'a');
  const mine = await takeOwnership(place);
  expect(mine).toBeDefined();
  expect(await takeOwnership(place)).toBeUndefined();
  const other = await takeOwnership(await meetingPlace(folder.path, 'b'));
  expect(other).toBeDefined();
  await mine?.release();
  const again = await takeOwnership(place);
  expect(again).toBeDefined();
  await Promise.all([again?.release(), other?.release()]);
});

test.each([
  [['--url', 'ftp://x'], 'no http or https'],
  [['--url', 'http://h/mcp', '--connector', 'a'], 'not both'],
  [['--connector', 'A b'], 'no connector id'],
])('%j is a usage error, and stdout stays empty', async (words, why) => {
  await using folder = tempFolder();
  const wrong = run(folder.path, ...words);
  expect(await wrong.code).toBe(2);
  expect(wrong.err()).toContain(why);
  expect(wrong.out).toEqual([]);
});
