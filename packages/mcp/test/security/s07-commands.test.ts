import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processTree, tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAP_KEY, signedMap, startMapServer, type MapServer } from '../e2e/map-fixture.ts';
import { send, sendModern } from '../gateway/raw-client.ts';
import { expectNoStall, startAttacked, type AttackedGateway } from './attacked-gateway.ts';

// CVE-2026-42271 and CVE-2026-30623 (LiteLLM), CVE-2025-49596 (Inspector), CVE-2026-30615 (Windsurf), LocalAI #9394.

const KEY = 'k'.repeat(24);
const CANARY = 'canary-of-the-service';
let folder: TempFolder;
let gateway: AttackedGateway;
let maps: MapServer;

/** A file that only exists when something was run. */
const mark = (name: string): string => join(folder.path, name);
const touch = (name: string): readonly string[] => ['-c', `touch ${mark(name)}`];
const DUMP =
  'require("fs").writeFileSync(process.argv[1], JSON.stringify([process.argv.slice(2), process.env]))';

beforeAll(async () => {
  folder = tempFolder();
  const evil = {
    plain: { command: '/bin/sh', args: touch('map-plain') },
    path: { command: 'sh', args: touch('map-path') },
    longer: { command: '/bin/true', args: [';', 'touch', mark('map-longer')] },
    steered: { command: '/bin/true', env: { LD_PRELOAD: mark('x.so') } },
    node: { command: '/bin/true', env: { NODE_OPTIONS: `--require=${mark('x.js')}` } },
  };
  const entries = Object.entries(evil).map(([id, entry]) =>
    Object.assign(entry, { id, displayName: id }),
  );
  maps = await startMapServer(signedMap(entries));
  const literal = [
    ';id',
    '$(touch pwned)',
    '`touch pwned`',
    '|touch pwned',
    '&& id',
    '\ntouch x',
    '-v',
  ];
  gateway = await startAttacked({
    config: {
      registry: { enabled: true, tools: true, http: true, apiKey: '${REG_KEY}' },
      serviceMap: { url: maps.url, allowCommands: [['/bin/true']] },
      mcpServers: {
        local: { command: '/bin/sh', args: touch('local') },
        literal: {
          command: process.execPath,
          args: ['-e', DUMP, mark('literal'), ...literal],
          env: { OWN: 'mine' },
        },
      },
    },
    env: {
      REG_KEY: KEY,
      CONNECTORS_SIGNATURE_KEY: new TextDecoder().decode(MAP_KEY.secret),
      AWS_SECRET_ACCESS_KEY: CANARY,
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await maps[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const statuses = async (): Promise<ReadonlyMap<string, string>> => {
  const { connectors } = (await (await fetch(`${gateway.origin}/status`)).json()) as {
    connectors: { id: string; failure?: { message: string } }[];
  };
  return new Map(connectors.map(({ id, failure }) => [id, failure?.message ?? '']));
};

test('S7 control: a command of the operator’s own file is run, so that running would be seen', async () => {
  await waitUntil(() => existsSync(mark('local')), { timeoutMs: 15_000, describe: 'it has run' });
  expect(existsSync(mark('local'))).toBe(true);
});

/** What the process wrote; its file is there before that is. */
const written = async (): Promise<string> =>
  await readFile(mark('literal'), 'utf8').catch(() => '');

test('S7: arguments reach a process literally, and of our environment only what it needs', async () => {
  await waitUntil(async () => (await written()).endsWith(']'), {
    timeoutMs: 15_000,
    describe: 'it has run',
  });
  const [args, env] = JSON.parse(await written()) as [string[], object];
  expect(args).toEqual([
    ';id',
    '$(touch pwned)',
    '`touch pwned`',
    '|touch pwned',
    '&& id',
    '\ntouch x',
    '-v',
  ]);
  expect(env).toMatchObject({ OWN: 'mine' });
  expect(JSON.stringify(env)).not.toContain(CANARY);
  expect(JSON.stringify(env)).not.toContain(KEY);
});

test('S7: a remote map runs no command but the very line that the operator named, and steers none', async () => {
  await waitUntil(async () => (await statuses()).size >= 7, {
    timeoutMs: 15_000,
    describe: 'the map is in force',
  });
  const known = await statuses();
  for (const id of ['plain', 'path', 'longer']) {
    expect([id, known.get(id)]).toEqual([id, expect.stringContaining('COMMAND_NOT_ALLOWED')]);
  }
  for (const id of ['steered', 'node']) {
    expect([id, known.get(id)]).toEqual([id, expect.stringContaining('ENVIRONMENT_NOT_ALLOWED')]);
  }
});

const NAME = 'io.test/evil';
const published = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: NAME,
  description: 'x',
  version: '1.0.0',
  packages: [
    {
      registryType: 'npm',
      identifier: 'evil',
      version: '1.0.0',
      runtimeHint: '/bin/sh',
      runtimeArguments: [{ type: 'positional', value: '-c' }],
      transport: { type: 'stdio' },
      environmentVariables: [{ name: 'NODE_OPTIONS', value: '--require=/tmp/x' }],
    },
  ],
};

/** What makes an operator’s entry run. */
const POWERS = { connector: {}, enabled: true, origin: 'local', cwd: '/', envFile: '/etc/passwd' };

const post = async (body: object, key = KEY) =>
  await send(`${gateway.origin}/v0.1/publish`, {
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });

test('S7: what is published over HTTP is stored inert, and never run (CVE-2026-42271)', async () => {
  expect((await post(published, 'wrong')).status).toBe(401);
  const stored = await post({ ...published, ...POWERS, command: '/bin/sh', args: touch('api') });
  // Taken without what could be run, or not taken.
  expect([200, 400, 422]).toContain(stored.status);
  expect((await post({ ...published, version: '1.0.1' })).status).toBe(200);
  expect([...(await statuses()).keys()].filter((id) => id.includes('evil'))).toEqual([]);
});

test('S7: a tool call that registers a server makes an entry that nothing runs', async () => {
  await waitUntil(
    async () => (await sendModern(gateway.url, 'tools/list')).text.includes('registry__register'),
    { timeoutMs: 15_000, describe: 'the tools of the registry' },
  );
  const shapes = [
    { name: 'evil-a', transport: 'stdio', command: '/bin/sh', args: touch('tool-a'), ...POWERS },
    { ...published, name: 'io.test/evil-b', ...POWERS, command: '/bin/sh', args: touch('tool-b') },
    { name: '../evil-c', transport: 'stdio', command: '/bin/sh', args: touch('tool-c') },
  ];
  for (const server of shapes) {
    const name = 'registry__register';
    const { status } = await sendModern(gateway.url, 'tools/call', { name, arguments: { server } });
    expect(status).toBe(200);
  }
  expect([...(await statuses()).keys()].filter((id) => id.includes('evil'))).toEqual([]);
});

test('S7: there is no route that starts what a request says (CVE-2025-49596)', async () => {
  const body = JSON.stringify({ command: '/bin/sh', args: touch('route'), transportType: 'stdio' });
  const query = `?transportType=stdio&command=/bin/sh&args=${encodeURIComponent(touch('route').join(' '))}`;
  const paths = ['/stdio', '/connect', '/test-connection', '/mcp-rest/test/tools/list', '/proxy'];
  for (const path of [...paths, '/api/servers', '/api/connectors', '/status', '/mcp']) {
    expect((await send(`${gateway.origin}${path}`, { body })).status).toBeGreaterThanOrEqual(400);
    const { status } = await send(`${gateway.origin}${path}${query}`, { method: 'GET' });
    expect([path, status >= 400 || path === '/status']).toEqual([path, true]);
  }
});

test('S7: after all of this nothing has run, and no process is left', async () => {
  await gateway.probe();
  await fetch(`${gateway.origin}/status`);
  const made = [
    'map-plain',
    'map-path',
    'map-longer',
    'api',
    'tool-a',
    'tool-b',
    'tool-c',
    'route',
  ];
  expect(made.filter((name) => existsSync(mark(name)))).toEqual([]);
  expect(existsSync(join(gateway.folder, 'pwned'))).toBe(false);
  // The local command, which may run, may take a moment to end.
  const isRunning = (): boolean =>
    processTree(gateway.pid).some((entry) => JSON.stringify(entry).includes('touch'));
  await waitUntil(() => !isRunning(), { timeoutMs: 10_000, describe: 'nothing of it runs' });
  await expectNoStall(gateway);
});
