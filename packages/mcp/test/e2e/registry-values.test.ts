import { mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitUntil } from '@cortex-os/testkit';
import { registryBench, type RegistryBench } from '../cli/registry-bench.ts';
import { startRegistryGateway, type RegistryGateway } from '../registry-fixture.ts';
import { startToldHttp, TOLD_SERVER, type Told } from '../told-server.ts';

async function secretFile(bench: RegistryBench, part: string): Promise<string> {
  const folder = join(bench.stateFolder, 'secrets');
  const name = (await readdir(folder)).find((one) => one.includes(part));
  if (name === undefined) throw new Error(`no secret for ${part}`);
  return join(folder, name);
}

async function imported(bench: RegistryBench, client: string, servers: object): Promise<void> {
  const file = join(bench.path, 'servers-of-the-client.json');
  await writeFile(file, JSON.stringify({ mcpServers: servers }));
  const argv = ['import', client, '--file', file, '--apply', '--connect'];
  expect(await bench.registry(...argv)).toBe(0);
}

async function fresh({ service }: RegistryGateway, count: number): Promise<void> {
  const states = (): string[] => service.manager.listConnectors().map(({ state }) => state);
  await waitUntil(() => states().filter((state) => state === 'fresh').length === count, {
    timeoutMs: 15_000,
    describe: 'every connector is fresh',
  });
  await service.settled();
}

async function told<T = Told>({ service }: RegistryGateway, id: string): Promise<T> {
  const { result } = JSON.parse(await service.call(`${id}__told`, '{}')) as {
    result: { content: { text: string }[] };
  };
  return JSON.parse(result.content[0]?.text ?? '') as T;
}

/** Everything that people and machines are shown. */
async function shown(bench: RegistryBench, gateway: RegistryGateway): Promise<string> {
  const list = await fetch(`${gateway.origin}/v0.1/servers`);
  const files = ['servers.json', 'servers.log'].map(async (name) => {
    const path = join(bench.stateFolder, name);
    return await readFile(path, 'utf8').catch(() => '');
  });
  return [
    JSON.stringify(await gateway.status()),
    await list.text(),
    ...gateway.logged,
    bench.stdout.text,
    bench.stderr.text,
    ...(await Promise.all(files)),
  ].join('\n');
}

test('a secret inside an argument works after the import, is shown nowhere, and a rotated one is taken up', async () => {
  await using bench = await registryBench();
  const { command, args } = TOLD_SERVER;
  const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
  await imported(bench, 'claude-desktop', {
    told: {
      command,
      args: [...args, `--token=${secret}`, '--url', `postgres://u:${secret}@h/db`, 'plain'],
    },
  });
  await using gateway = await startRegistryGateway(bench.stateFolder, { tools: false });
  await fresh(gateway, 1);
  expect((await told(gateway, 'told')).args).toEqual([
    `--token=${secret}`,
    '--url',
    `postgres://u:${secret}@h/db`,
    'plain',
  ]);
  expect(await shown(bench, gateway)).not.toContain(secret);
  await writeFile(await secretFile(bench, 'token'), 'rotated-secret\n');
  await gateway.service.manager.sync(true);
  expect((await told(gateway, 'told')).args).toContain('--token=rotated-secret');
  expect(await shown(bench, gateway)).not.toContain('rotated-secret');
}, 60_000);

test('a secret inside an address works after the import, path, query and user info, and is shown nowhere', async () => {
  await using bench = await registryBench();
  await using server = await startToldHttp();
  const secret = 'sk-0123456789abcdefABCDEF0123456789';
  const { host } = new URL(server.origin);
  await imported(bench, 'cursor', {
    path: { url: `${server.origin}/${secret}/mcp`, headers: { 'X-Key': secret } },
    query: { url: `${server.origin}/mcp?api_key=${secret}` },
    user: { url: `http://me:${secret}@${host}/mcp` },
  });
  await using gateway = await startRegistryGateway(bench.stateFolder, { tools: false });
  await fresh(gateway, 3);
  expect(await told(gateway, 'path')).toEqual({ path: `/${secret}/mcp`, key: secret });
  expect(await told(gateway, 'query')).toEqual({ path: `/mcp?api_key=${secret}` });
  const basic = Buffer.from(`me:${secret}`).toString('base64');
  expect(await told(gateway, 'user')).toEqual({ path: '/mcp', authorization: `Basic ${basic}` });
  expect(await shown(bench, gateway)).not.toContain(secret);
  await writeFile(await secretFile(bench, 'api-key'), 'rotated-secret\n');
  await gateway.service.manager.sync(true);
  expect(await told(gateway, 'query')).toEqual({ path: '/mcp?api_key=rotated-secret' });
}, 60_000);

test('a secret that is gone or no text makes that one connector unavailable, named without its value', async () => {
  await using bench = await registryBench();
  const { command, args } = TOLD_SERVER;
  const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
  await imported(bench, 'claude-desktop', {
    gone: { command, args: [...args, `--token=${secret}`] },
    odd: { command, args: [...args, `--token=${secret}`] },
    well: { command, args },
  });
  await unlink(await secretFile(bench, 'gone'));
  await writeFile(await secretFile(bench, 'odd'), 'nul\0inside\n');
  await using gateway = await startRegistryGateway(bench.stateFolder, { tools: false });
  await fresh(gateway, 1);
  await gateway.service.manager.sync(true);
  const { connectors } = await gateway.status();
  const failure = { phase: 'config', code: 'CONFIG_INVALID' };
  expect(connectors).toMatchObject([
    {
      id: 'gone',
      failure: {
        ...failure,
        message: expect.stringMatching(/secrets\/gone\.\S+ cannot be read \(ENOENT\)/) as string,
      },
    },
    {
      id: 'odd',
      failure: { ...failure, message: expect.stringMatching(/argument \d+ holds a NUL/) as string },
    },
    { id: 'well', state: 'fresh' },
  ]);
}, 60_000);

test('variables, the envFile and unset names of an imported entry mean what they mean in its client', async () => {
  await using bench = await registryBench();
  const { command, args } = TOLD_SERVER;
  const project = join(bench.path, 'project');
  await mkdir(join(project, '.cursor'), { recursive: true });
  await writeFile(join(project, '.env'), 'FROM_FILE=f\nGONE=g\nOWN=file\n');
  await writeFile(
    join(project, '.cursor', 'mcp.json'),
    JSON.stringify({
      mcpServers: {
        told: {
          command,
          args: [...args, '${env:WHO}', '${NOBODY:-fallback}', '${workspaceFolder}'],
          env: { OWN: '${WHO}', GONE: null },
          envFile: '${workspaceFolder}/.env',
          cwd: '${workspaceFolder}',
        },
        missing: { command, args: ['${NOBODY}'] },
      },
    }),
  );
  const argv = ['import', 'project/.cursor/mcp.json', '--apply', '--connect'];
  expect(await bench.registry(...argv)).toBe(0);
  await using gateway = await startRegistryGateway(
    bench.stateFolder,
    { tools: false },
    { baseEnv: { ...process.env, WHO: 'me' } },
  );
  await fresh(gateway, 1);
  expect(await told(gateway, 'told')).toMatchObject({
    args: ['me', 'fallback', project],
    cwd: project,
    env: { OWN: 'me', FROM_FILE: 'f' },
  });
  expect((await told(gateway, 'told')).env).not.toHaveProperty('GONE');
  const { connectors } = await gateway.status();
  expect(connectors.find(({ id }) => id === 'missing')).toMatchObject({
    failure: {
      phase: 'config',
      message: expect.stringMatching(/\$\{NOBODY\} has no value: set NOBODY/) as string,
    },
  });
}, 60_000);
