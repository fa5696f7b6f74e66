import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type CliBench, cliBench, memoryServer, missingServer } from '../cli/fake-io.ts';

const frameSchema = z.object({
  kind: z.literal('frame'),
  service: z.object({ pid: z.number(), rssBytes: z.number(), restarted: z.boolean() }),
  connectors: z.array(
    z.object({
      id: z.string(),
      state: z.string(),
      callsPerSecond: z.number(),
      rssBytes: z.number().optional(),
      processes: z.number(),
    }),
  ),
});
const sinceSchema = z.object({
  service: z.object({ calls: z.number(), p95Ms: z.number().optional() }),
  connectors: z.array(z.object({ id: z.string(), restarts: z.number() })),
});
const statusSchema = z.object({
  connectors: z.array(z.object({ pids: z.array(z.number()).optional() })),
});
const doctorSchema = z.object({
  healthy: z.boolean(),
  findings: z.array(z.object({ id: z.string(), severity: z.string(), finding: z.string() })),
});
const adviceSchema = z.object({
  source: z.string(),
  advice: z.array(
    z.object({
      rule: z.string(),
      connector: z.string().optional(),
      verdict: z.string(),
      measured: z.record(z.string(), z.unknown()),
    }),
  ),
});

const pidOf = ({ connectors: [first] }: z.infer<typeof statusSchema>): number =>
  first?.pids?.[0] ?? 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A real service, and a second terminal of the same user for the commands that look at it. */
async function serving(
  bench: CliBench,
): Promise<{ readonly looker: CliBench; readonly end: () => Promise<void>; readonly url: string }> {
  const running = bench.run('serve');
  await bench.stdout.until(/Endpoint: (\S+)\n/);
  const url = /Endpoint: (\S+)\n/.exec(bench.stdout.text)?.[1] ?? '';
  const { cwd, home } = bench.io;
  const looker = await cliBench({ cwd, home });
  return {
    looker,
    url,
    end: async () => {
      bench.stop('SIGTERM');
      await running;
      await looker[Symbol.asyncDispose]();
    },
  };
}

async function callEcho(url: string, name: string): Promise<void> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name, arguments: { message: 'x', text: 'x' }, _meta: meta };
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
  expect(await response.text()).toContain('"result"');
}

test('monitor --json shows calls and the memory of processes of a real service (S1-33, S1-34)', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  const connectors = { memory: memoryServer(bench.path), web: { url: web.url } };
  await bench.configure(connectors, { port: await freePort() });
  const { looker, end, url } = await serving(bench);
  try {
    await bench.stdout.until(/^memory:? +fresh/m);
    const watching = looker.run('monitor', '--json', '--interval', '250ms');
    const frames = (): z.infer<typeof frameSchema>[] =>
      looker.stdout.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => frameSchema.parse(JSON.parse(line)));
    await waitUntil(
      async () => {
        await callEcho(url, 'web__echo');
        return frames().some(({ connectors: [, two] }) => (two?.callsPerSecond ?? 0) > 0);
      },
      { describe: 'a frame shows calls' },
    );
    looker.stop('SIGINT');
    expect(await watching).toBe(0);
    const [frame] = frames();
    expect(frame?.service).toMatchObject({ pid: process.pid, restarted: false });
    expect(frame?.connectors.map(({ id }) => id)).toEqual(['memory', 'web']);
    expect(frame?.connectors[0]?.processes).toBe(1);
    // Only Linux tells of the memory of others.
    const least = process.platform === 'linux' ? 10_000_000 : 0;
    expect(frame?.connectors[0]?.rssBytes ?? 0).toBeGreaterThanOrEqual(least);
  } finally {
    await end();
  }
}, 30_000);

test('monitor --since-last tells of all the time since the run before it, crashes between included (S1-31)', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  const connectors = { memory: memoryServer(bench.path), web: { url: web.url } };
  await bench.configure(connectors, { port: await freePort() });
  const { looker, end, url } = await serving(bench);
  const look = async (): Promise<z.infer<typeof sinceSchema>> => {
    looker.stdout.text = '';
    expect(await looker.run('monitor', '--since-last', '--json', '--interval', '250ms')).toBe(0);
    expect(looker.stdout.text.trimEnd().split('\n')).toHaveLength(1);
    return sinceSchema.parse(JSON.parse(looker.stdout.text));
  };
  const status = async (): Promise<z.infer<typeof statusSchema>> =>
    statusSchema.parse(await (await fetch(new URL('/status', url))).json());
  try {
    await bench.stdout.until(/^memory:? +fresh/m);
    expect((await look()).connectors[0]?.restarts).toBe(0);
    for (let crash = 0; crash < 2; crash += 1) {
      const pid = pidOf(await status());
      process.kill(pid, 'SIGKILL');
      await waitUntil(async () => ![0, pid].includes(pidOf(await status())), {
        timeoutMs: 15_000,
        describe: 'another process is there',
      });
      await callEcho(url, 'web__echo');
    }
    // No look saw the first of them; both are told of.
    const frame = await look();
    expect(frame.connectors[0]).toMatchObject({ id: 'memory', restarts: 2 });
    expect(frame.service.calls).toBe(2);
    expect(frame.service.p95Ms).toBeGreaterThan(0);
    expect((await look()).service.calls).toBe(0);
  } finally {
    await end();
  }
}, 60_000);

test('doctor and advise look at a real service, and monitor at an address (S1-21, S1-51)', async () => {
  await using bench = await cliBench();
  await using web = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  const connectors = { memory: memoryServer(bench.path), web: { url: web.url } };
  await bench.configure(connectors, { port: await freePort() });
  const { end, url } = await serving(bench);
  try {
    await bench.stdout.until(/^memory:? +fresh/m);
    await bench.stdout.until(/^web:? +fresh/m);
    await using other = await cliBench({ cwd: bench.path, home: bench.path });
    expect(await other.run('doctor', '--json')).toBe(0);
    const report = doctorSchema.parse(JSON.parse(other.stdout.text));
    expect(report.healthy).toBe(true);
    expect(report.findings.find(({ id }) => id === 'port')?.finding).toContain('our service');
    expect(report.findings.find(({ id }) => id === 'clock')?.severity).toBe('ok');
    expect(report.findings.find(({ id }) => id === 'registry')?.severity).toBe('ok');

    await using third = await cliBench({ cwd: bench.path, home: bench.path });
    expect(await third.run('advise', '--json', '--seconds', '2')).toBe(0);
    const { advice, source } = adviceSchema.parse(JSON.parse(third.stdout.text));
    expect(source).toMatch(/^the running service, watched for 2 s$/);
    const pool = advice.find(({ rule, connector }) => rule === 'S1-51' && connector === 'memory');
    expect(pool).toMatchObject({ verdict: 'do not', measured: { callsPerMinute: 0 } });

    await using fourth = await cliBench();
    const place = ['--url', url];
    expect(await fourth.run('monitor', '--once', '--interval', '250ms', ...place)).toBe(0);
    expect(fourth.stdout.text).toMatch(/^\S+ service {2}0 calls\/s/);
    expect(await fourth.run('advise', '--seconds', '2', ...place)).toBe(0);
    expect(fourth.stdout.text).toMatch(/^do not {2}S1-51 memory: fewer than 10 calls a minute/m);
  } finally {
    await end();
  }
}, 30_000);

test('monitor says once that the service is gone, goes on, and ends when nobody reads any more', async () => {
  let gone = false;
  await using bench = await cliBench();
  await bench.configure({ off: missingServer }, { port: await freePort() });
  const text: string[] = [];
  const stdout = {
    write: (more: string) => text.push(more),
    get gone() {
      return gone;
    },
  };
  await using looker = await cliBench({ cwd: bench.path, home: bench.path, stdout });
  const watching = looker.run('monitor', '--interval', '250ms');
  await waitUntil(() => text.length === 1, { describe: 'it says so' });
  expect(text[0]).toMatch(/^\S+ no running service of .*cortex-mcp\.json: .*; start it with/);
  const running = bench.run('serve');
  await waitUntil(() => text.length >= 2, { timeoutMs: 10_000, describe: 'it sees the service' });
  expect(text[1]).toContain(' service  0 calls/s');
  gone = true;
  expect(await watching).toBe(0);
  bench.stop('SIGTERM');
  await running;
});

test('monitor draws on a terminal, and leaves the cursor as it was', async () => {
  await using bench = await cliBench();
  await bench.configure({ off: missingServer }, { port: await freePort() });
  const { looker, end } = await serving(bench);
  await using terminal = await cliBench({
    cwd: looker.io.cwd,
    home: looker.io.home,
    isTty: true,
    columns: 100,
    rows: 30,
    env: { TERM: 'xterm' },
  });
  const watching = terminal.run('monitor', '--interval', '250ms');
  await terminal.stdout.until(/CONNECTOR/);
  await end();
  await terminal.stdout.until(/no answer/);
  terminal.stop('SIGINT');
  expect(await watching).toBe(0);
  const { text } = terminal.stdout;
  expect(text.split('\u001B[?25l').length).toBe(text.split('\u001B[?25h').length);
});

test.each([
  [['monitor', '--interval', '1ms'], '--interval "1ms" is no time'],
  [['monitor', '--interval', 'soon'], '--interval "soon" is no time'],
  [['monitor', '--url', 'x'], '--url "x" is no address'],
  [['advise', '--seconds', '1'], '--seconds "1" is no number'],
  [['advise', '--url', ':'], '--url ":" is no address'],
])('%j is refused with one line and one for what to do, exit code 2', async (argv, said) => {
  await using bench = await cliBench();
  expect(await bench.run(...argv)).toBe(2);
  expect(bench.stderr.text).toContain(said);
  expect(bench.stderr.text).toMatch(/^cortex-mcp: .* \(USAGE\)\nDo: .*\n$/);
});

test('monitor --once and advise fail in one line without a service; doctor reports a broken file', async () => {
  await using bench = await cliBench();
  await bench.configure({}, { port: await freePort() });
  expect(await bench.run('monitor', '--once')).toBe(1);
  expect(await bench.run('advise', '--seconds', '2')).toBe(1);
  expect(bench.stderr.text).toContain('start it with cortex-mcp serve');
  expect(await bench.run('advise', '--baseline', 'none')).toBe(1);
  expect(bench.stderr.text).toContain('no baseline');
  await using broken = await cliBench();
  await broken.configure({ x: 7 });
  expect(await broken.run('doctor')).toBe(1);
  expect(broken.stdout.text).toMatch(/^fail +config +.*cortex-mcp\.json/m);
  expect(broken.stdout.text).toMatch(/^ +fix: /m);
  // What it would have named is not known to be well.
  expect(broken.stdout.text).toMatch(/^unknown +commands /m);
  expect(broken.stdout.text).toMatch(/^unknown +dns /m);
  expect(await readFile(join(broken.path, 'cortex-mcp.json'), 'utf8')).toContain('"x":7');
});

test.each([
  [401, '', 'answers 401; set MCP_API_KEY to a key'],
  [500, '', 'answers 500'],
  [200, '{}', 'what answers there is no Cortex MCP'],
])('monitor --once says what answers in place of a service: %i %j', async (status, body, said) => {
  const port = await freePort();
  const server = createHttpServer((_request, response) => response.writeHead(status).end(body));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  await using bench = await cliBench();
  expect(await bench.run('monitor', '--once', '--url', `http://127.0.0.1:${port}`)).toBe(1);
  expect(bench.stderr.text).toContain(said);
  server.close();
  server.closeAllConnections();
});
