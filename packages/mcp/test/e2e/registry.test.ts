import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { connectClient } from './clients.ts';
import { startServe } from './serve-process.ts';
import { memoryRecord } from '../registry-fixture.ts';

const RUN_CLI = fileURLToPath(new URL('run-cli.ts', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real program in a process of its own. */
async function cli(home: string, ...argv: string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  execFile(
    process.execPath,
    ['--conditions=cortex-source', RUN_CLI, ...argv],
    { env: { ...process.env, CORTEX_HOME: home, NO_COLOR: '1' }, cwd: home },
    (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    },
  );
  return await promise;
}

function addArguments(name: string, folder: string): string[] {
  const { command = '', env = {} } = memoryRecord(name, folder);
  const pairs = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  return ['connectors', 'add', name, ...pairs, '--', command];
}

/** A registry without files is opened a while after the start. */
async function announced(home: string): Promise<void> {
  await waitUntil(() => existsSync(join(home, 'mcp/registry-control.json')), {
    timeoutMs: 15_000,
    describe: 'the service announces itself',
  });
}

async function ids(home: string): Promise<string[]> {
  const { stdout } = await cli(home, 'connectors', 'list', '--json');
  return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
}

test('a running gateway takes what the command line adds, at once and beside each other, and nothing is lost', async () => {
  await using folder = tempFolder();
  await using gateway = await startServe({ mcpServers: {}, folder });
  await announced(folder.path);
  const added = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => await cli(folder.path, ...addArguments(name, folder.path))),
  );
  expect(added.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  for (const { stdout } of added) expect(stdout).toContain('the running gateway connects it');
  expect(await ids(folder.path)).toEqual(['a', 'b', 'c']);
  await using client = await connectClient(gateway.url, 'v1');
  await waitUntil(
    async () => {
      const names = await client.listToolNames();
      return ['a', 'b', 'c'].every((id) => names.includes(`${id}__read_graph`));
    },
    { timeoutMs: 15_000, describe: 'the tools of all three are listed' },
  );
  expect((await cli(folder.path, 'connectors', 'disable', 'b')).code).toBe(0);
  await waitUntil(async () => !(await client.listToolNames()).includes('b__read_graph'), {
    describe: 'the tools of the disabled one are gone',
  });
  expect(await gateway.stop('SIGTERM')).toMatchObject({ code: 0 });
  await expect(stat(join(folder.path, 'mcp/registry-control.json'))).rejects.toThrow('ENOENT');
}, 60_000);

test('kill -9 of the gateway loses nothing that was acknowledged, and the command line goes on alone', async () => {
  await using folder = tempFolder();
  {
    await using gateway = await startServe({ mcpServers: {}, folder });
    await announced(folder.path);
    expect((await cli(folder.path, ...addArguments('a', folder.path))).code).toBe(0);
    await gateway.stop('SIGKILL');
  }
  // Its announcement is still there, and leads nowhere.
  expect(await readFile(join(folder.path, 'mcp/registry-control.json'), 'utf8')).toContain('token');
  const { code, stdout } = await cli(folder.path, ...addArguments('b', folder.path));
  expect([code, stdout]).toEqual([0, 'added b\n']);
  expect(await ids(folder.path)).toEqual(['a', 'b']);
  const doctor = await cli(folder.path, 'registry', 'doctor', '--json');
  expect(JSON.parse(doctor.stdout)).toMatchObject({ healthy: true, content: { records: 2 } });
  await using again = await startServe({ mcpServers: {}, folder });
  await using client = await connectClient(again.url, 'v1');
  await waitUntil(
    async () => {
      const names = await client.listToolNames();
      return names.includes('a__read_graph') && names.includes('b__read_graph');
    },
    { timeoutMs: 15_000, describe: 'both are served after the restart' },
  );
}, 60_000);

test('MCP_REGISTRY_TOOLS serves the registry tools to an official client of a real process', async () => {
  await using folder = tempFolder();
  process.env['MCP_REGISTRY_TOOLS'] = 'true';
  await using gateway = await startServe({ mcpServers: {}, folder });
  delete process.env['MCP_REGISTRY_TOOLS'];
  await using client = await connectClient(gateway.url, 'v2 pinned');
  const server = { name: 'x', transport: 'stdio', command: 'touch', args: ['/tmp/never'] };
  expect(await client.call('registry__register', { server })).not.toHaveProperty('isError');
  expect((await cli(folder.path, 'registry', 'get', 'x')).stdout).toContain('"origin": "remote"');
  expect(await ids(folder.path)).toEqual([]);
}, 60_000);
