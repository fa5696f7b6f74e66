import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRegistryGateway } from '../registry-fixture.ts';
import { cliBench, type CliBench, memoryServer } from './fake-io.ts';

const TOKEN = 'ghp_abcdefghijklmnop1234567890ABCDEF';
const state = ({ path }: CliBench): string => join(path, '.config/cortex-os/mcp');

async function rows(bench: CliBench): Promise<Record<string, unknown>[]> {
  bench.stdout.text = '';
  expect(await bench.run('connectors', 'list', '--json')).toBe(0);
  return JSON.parse(bench.stdout.text) as Record<string, unknown>[];
}

test('connectors add, list, disable, enable and remove, with nothing running and no configuration', async () => {
  await using bench = await cliBench();
  expect(await bench.run('connectors', 'list')).toBe(0);
  expect(bench.stdout.text).toContain('no connectors in the registry');
  expect(
    await bench.run(
      'connectors',
      'add',
      'My Server',
      '--env',
      'A=1',
      '--',
      'npx',
      '-y',
      '--env',
      'x',
    ),
  ).toBe(0);
  expect(bench.stdout.text).toContain('added my-server\n');
  expect(await bench.run('connectors', 'add', 'web', '--url', 'https://h.example/mcp')).toBe(0);
  expect(await rows(bench)).toEqual([
    {
      id: 'my-server',
      name: 'My Server',
      enabled: true,
      origin: 'local',
      transport: 'stdio',
      target: 'npx -y --env x',
    },
    {
      id: 'web',
      name: 'web',
      enabled: true,
      origin: 'local',
      transport: 'streamableHttp',
      target: 'https://h.example/mcp',
    },
  ]);
  expect(await bench.run('connectors', 'disable', 'my-server')).toBe(0);
  expect(await bench.run('connectors', 'list')).toBe(0);
  expect(bench.stdout.text).toMatch(/^my-server +disabled +stdio +local +npx -y/m);
  expect(await bench.run('connectors', 'enable', 'My Server')).toBe(0);
  expect(await bench.run('connectors', 'remove', 'my-server')).toBe(0);
  expect((await rows(bench)).map(({ id }) => id)).toEqual(['web']);
  expect(bench.stderr.text).toBe('');
});

test('connectors add moves literal secrets into files of their own, and remove deletes them', async () => {
  await using bench = await cliBench();
  const add = ['connectors', 'add', 'gh', '--url', 'https://h.example/mcp'];
  const headers = ['--header', `Authorization=Bearer ${TOKEN}`, '--header', 'X-Mode=fast'];
  expect(await bench.run(...add, ...headers)).toBe(0);
  expect(bench.stdout.text).toContain('moved to secrets/: Authorization\n');
  const [file = ''] = await readdir(join(state(bench), 'secrets'));
  const path = join(state(bench), 'secrets', file);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toContain(TOKEN);
  const stored = await readFile(join(state(bench), 'servers.json'), 'utf8');
  expect(stored).not.toContain(TOKEN);
  expect(stored).toContain(`file:secrets/${file}`);
  expect(bench.stdout.text + bench.stderr.text).not.toContain(TOKEN);
  expect(await bench.run(...add, ...headers)).toBe(2);
  expect(await readdir(join(state(bench), 'secrets'))).toEqual([file]);
  expect(await bench.run('connectors', 'remove', 'gh')).toBe(0);
  expect(await readdir(join(state(bench), 'secrets'))).toEqual([]);
});

test.each([
  [['add', 'a'], 'give either --url <address> or -- <command>'],
  [['add', 'a', '--url', 'https://h.example/', '--', 'x'], 'give either --url'],
  [['add', 'a', '--url', 'ftp://h.example/'], '--url needs an http or https address'],
  [['add', 'a', '--url', 'https://u:p@h.example/'], '--url must hold no credentials'],
  [['add', 'a', '--url', 'https://h.example/', '--env', 'A=1'], '--env and --cwd are for commands'],
  [['add', 'a', '--header', 'A=1', '--', 'x'], '--header is for servers by --url'],
  [['add', 'a', '--env', 's3cret', '--', 'x'], '--env needs NAME=value'],
  [['add', ' ', '--', 'x'], 'the name must not be empty'],
  [['remove', 'nope'], 'the registry has no connector "nope"; see cortex-mcp connectors list'],
  [['disable', 'nope'], 'the registry has no connector "nope"'],
  [['enable', 'nope'], 'the registry has no connector "nope"'],
  [['list', 'x'], 'unexpected argument "x"'],
])('connectors %j is a usage error that repeats no value', async (argv, message) => {
  await using bench = await cliBench();
  expect(await bench.run('connectors', ...argv)).toBe(2);
  expect(bench.stderr.text).toContain(`cortex-mcp: ${message}`);
  expect(bench.stderr.text).toMatch(/^[^\n]+\([A-Z_]+\)\n(?:Do: [^\n]+\n)?$/);
  expect(bench.stderr.text).not.toContain('s3cret');
  await expect(stat(join(state(bench), 'servers.json'))).rejects.toThrow('ENOENT');
});

test('connectors add replaces with --force only, and names a near miss', async () => {
  await using bench = await cliBench();
  const add = async (...more: string[]) =>
    await bench.run('connectors', 'add', 'mem', ...more, '--', 'x');
  expect([await add(), await add(), await add('--force', '--disabled')]).toEqual([0, 2, 0]);
  expect(bench.stderr.text).toContain('replace it with --force');
  expect(await rows(bench)).toMatchObject([{ id: 'mem', enabled: false }]);
  expect(await bench.run('connectors', 'remove', 'men')).toBe(2);
  expect(bench.stderr.text).toContain('did you mean mem?');
});

test('connectors enable makes a connector of an imported server, warns that no command runs, and remove keeps the data', async () => {
  const document = {
    name: 'io.github.x/y',
    description: 'd',
    version: '1.0.0',
    packages: [
      { registryType: 'npm', identifier: 'y', version: '1.0.0', transport: { type: 'stdio' } },
    ],
  };
  await using bench = await cliBench({ stdin: input(JSON.stringify(document)) });
  expect(await bench.run('registry', 'add', '-')).toBe(0);
  expect(await bench.run('connectors', 'enable', 'io.github.x/y')).toBe(0);
  expect(bench.stderr.text).toContain('its command is not run');
  expect(await rows(bench)).toMatchObject([{ id: 'io-github-x-y', origin: 'remote' }]);
  expect(await bench.run('connectors', 'remove', 'io-github-x-y')).toBe(0);
  expect(await rows(bench)).toEqual([]);
  bench.stdout.text = '';
  expect(await bench.run('registry', 'get', 'io.github.x/y')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ server: document });
});

test('connectors remove leaves the published versions of the same name', async () => {
  const document = { name: 'a/b', description: 'd', version: '1.0.0', packages: [] };
  await using bench = await cliBench({ stdin: input(JSON.stringify(document)) });
  expect(await bench.run('connectors', 'add', 'a/b', '--', 'x')).toBe(0);
  expect(await bench.run('registry', 'add', '-')).toBe(0);
  expect(await bench.run('connectors', 'remove', 'a-b')).toBe(0);
  expect(await rows(bench)).toEqual([]);
  bench.stdout.text = '';
  expect(await bench.run('registry', 'get', 'a/b')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ server: document });
});

test('connectors add keeps a variable whatever its name', async () => {
  await using bench = await cliBench();
  expect(await bench.run('connectors', 'add', 'c', '--env', '__proto__=1', '--', 'x')).toBe(0);
  const stored = await readFile(join(state(bench), 'servers.json'), 'utf8');
  expect(stored).toMatch(/"__proto__": *"1"/);
});

async function* input(text: string): AsyncGenerator<string> {
  yield text;
}

test('connectors add reaches a running gateway, whose registry it cannot open itself', async () => {
  await using bench = await cliBench();
  await using gateway = await startRegistryGateway(state(bench), { tools: false });
  await gateway.client.change(() => ({ value: undefined }));
  const { command, env } = memoryServer(bench.path) as { command: string; env: object };
  const pairs = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${String(value)}`]);
  expect(await bench.run('connectors', 'add', 'mem', ...pairs, '--', command)).toBe(0);
  expect(bench.stdout.text).toContain('added mem, and the running gateway connects it');
  const status = await gateway.status();
  expect(status.registry).toMatchObject({ health: { access: 'writer', records: 1 } });
});
