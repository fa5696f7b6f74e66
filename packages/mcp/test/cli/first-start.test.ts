import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { type CliBench, cliBench, memoryServer } from './fake-io.ts';

/** Its row of the table, coloured or not; paths that hold `fresh` are none. */
// oxlint-disable-next-line no-control-regex -- colours are escape sequences
const FRESH = /memory:? +(?:\u001b\[\d+m)*fresh/;
const SECRET = 'ghp_abcdefghijklmnop0123456789ABCD';

async function put(bench: CliBench, name: string, value: unknown): Promise<void> {
  const file = join(bench.path, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
}

/** Cursor has two servers, one of them with a key; and this gateway, which must not become its own connector. */
async function putCursor(bench: CliBench): Promise<void> {
  await put(bench, '.cursor/mcp.json', {
    mcpServers: {
      memory: memoryServer(bench.path),
      github: { url: 'http://127.0.0.1:9/mcp', headers: { Authorization: `Bearer ${SECRET}` } },
      cortex: { url: 'http://127.0.0.1:3024/mcp' },
      desktop: { command: 'node', args: ['/x/bin/cortex-mcp.js', 'stdio'] },
    },
  });
}

/** A person at a terminal that is as wide as it likes. */
async function terminal(answer: string): Promise<CliBench> {
  return await cliBench({ isTty: true, stdinIsTty: true, stdin: Readable.from([answer]) });
}

async function serveOnce(bench: CliBench, until: RegExp, ...more: string[]): Promise<number> {
  const running = bench.run(...more, '--port', '0');
  await Promise.race([bench.stdout.until(until), running]);
  bench.stop('SIGINT');
  return await running;
}

test('serve without a configuration offers on a terminal what clients have, imports it after y, and serves it', async () => {
  await using bench = await terminal('y\n');
  await putCursor(bench);
  expect(await serveOnce(bench, FRESH)).toBe(0);
  const { text } = bench.stdout;
  expect(text).toContain(`Cursor: ${join(bench.path, '.cursor/mcp.json')} (2 servers)\n`);
  expect(text).toMatch(/add\S* +memory +\S+mcp-server-memory/);
  expect(text).toMatch(/add\S* +github +http:\/\/127.0.0.1:9\/mcp\n/);
  expect(text).toMatch(/^ {2}github: keys move to secrets\/: Authorization$/m);
  expect(text).toContain("Take 2 servers over? The clients' files stay as they are. [y/N] ");
  expect(text).toMatch(/Imported 2 servers; take it back with: \S+ registry import --undo\n/);
  expect(text).toMatch(/^Cortex MCP \S+, no configuration file, 2 from the registry\n/m);
  expect(text + bench.stderr.text).not.toContain(SECRET);
  expect(text).not.toMatch(/add\S* +(?:desktop|cortex)/);
});

test('what a first start has imported is served by the next one without a question, until --undo', async () => {
  await using bench = await terminal('yes\n');
  await putCursor(bench);
  await serveOnce(bench, FRESH);
  await using again = await cliBench({ ...bench.io, signal: new AbortController().signal });
  expect(await again.run('connectors', 'list', '--json')).toBe(0);
  expect(bench.stdout.text).toContain('"github"');
  expect(await again.run('registry', 'import', '--undo')).toBe(0);
  bench.stdout.text = '';
  await again.run('connectors', 'list', '--json');
  expect(bench.stdout.text).not.toContain('github');
});

test.each(['n\n', '\n', ''])(
  'serve after the answer %j imports nothing and starts empty',
  async (answer) => {
    await using bench = await terminal(answer);
    await putCursor(bench);
    const cursor = await readFile(join(bench.path, '.cursor/mcp.json'), 'utf8');
    expect(await serveOnce(bench, /There are no connectors yet/)).toBe(0);
    expect(bench.stdout.text).toMatch(/Nothing was imported. Later: \S+ registry import\n/);
    expect(bench.stdout.text).toMatch(/connectors add memory -- npx/);
    expect(await readFile(join(bench.path, '.cursor/mcp.json'), 'utf8')).toBe(cursor);
  },
);

test('serve in a pipe never asks: it names what it found with the command that imports it, and starts', async () => {
  await using bench = await cliBench({ stdinIsTty: true, stdin: Readable.from(['y\n']) });
  await putCursor(bench);
  await put(bench, '.vscode/mcp.json', { servers: { mine: { command: 'x' } } });
  await put(bench, '.claude.json', '{');
  expect(await serveOnce(bench, /There are no connectors yet/)).toBe(0);
  const { text } = bench.stdout;
  expect(text).toContain('Found 2 servers of Cursor');
  expect(text).toContain(' registry import cursor --apply --connect\n');
  expect(text).toContain(
    ` registry import vscode --file ${join(bench.path, '.vscode/mcp.json')} --apply --connect\n`,
  );
  expect(text).not.toContain('[y/N]');
  expect(bench.stderr.text).toMatch(
    /"event":"warning","msg":"\S+\.claude\.json is left out: the JSON is not valid/,
  );
});

test('serve asks nothing about servers of the folder one stands in', async () => {
  await using bench = await terminal('y\n');
  await put(bench, '.mcp.json', { mcpServers: { theirs: { command: 'rm' } } });
  expect(await serveOnce(bench, /There are no connectors yet/)).toBe(0);
  expect(bench.stdout.text).toContain('Found 1 server of Claude Code');
  expect(bench.stdout.text).not.toContain('[y/N]');
});

test('serve where nothing is found starts empty and says how to add a server and connect a client', async () => {
  await using bench = await terminal('');
  expect(await serveOnce(bench, /There are no connectors yet/)).toBe(0);
  expect(bench.stdout.text).toMatch(/connectors add github --url https:/);
  // With the port that this one has, and not the usual one.
  expect(bench.stdout.text).toMatch(/connect <client> --port \d+\n/);
  expect(bench.stdout.text).toMatch(/no configuration file\n/);
});

test('a signal while a first start asks ends it without serving', async () => {
  const { promise } = Promise.withResolvers<never>();
  async function* silent(): AsyncGenerator<string> {
    await promise;
    yield '';
  }
  await using bench = await cliBench({ isTty: true, stdinIsTty: true, stdin: silent() });
  await putCursor(bench);
  const running = bench.run('--port', '0');
  await bench.stdout.until(/\[y\/N\] /);
  bench.stop('SIGINT');
  expect(await running).toBe(130);
  expect(bench.stdout.text).not.toContain('Endpoint');
});

test('a configuration that is named and missing is an error and no first start', async () => {
  await using bench = await terminal('y\n');
  await putCursor(bench);
  expect(await bench.run('--config', 'none.json')).toBe(2);
  expect(await bench.run('sync')).toBe(2);
  expect(bench.stderr.text).toContain('no configuration found');
});

test('serve --json prints one object a line, with what was found, and never asks', async () => {
  await using bench = await terminal('y\n');
  await putCursor(bench);
  expect(await serveOnce(bench, /"listening".*\n/, 'serve', '--json')).toBe(0);
  const events = bench.stdout.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({ event: 'listening', connectors: 0, fromRegistry: 0 });
  expect(events[0].found).toEqual([
    {
      client: 'cursor',
      file: join(bench.path, '.cursor/mcp.json'),
      servers: ['memory', 'github'],
      command: expect.stringMatching(/registry import cursor --apply --connect$/),
    },
  ]);
  expect(events.at(-1)).toEqual({ event: 'stopping' });
  expect(bench.stdout.text).not.toContain(SECRET);
});

test('serve --json prints each connector when it settles, and those that go', async () => {
  await using bench = await cliBench();
  await bench.configure({ memory: memoryServer(bench.path) });
  const running = bench.run('--json', '--port', '0');
  await bench.stdout.until(/"event":"connector","id":"memory".*"state":"fresh"/);
  await bench.configure({});
  await bench.stdout.until(/\{"event":"removed","id":"memory"\}\n/);
  bench.stop('SIGTERM');
  expect(await running).toBe(0);
  expect(bench.stdout.text).toMatch(/"connectors":1,"fromRegistry":0\}\n/);
});
