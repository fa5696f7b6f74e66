import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closeRegistryCache, getRegistryCache, type ServerRecord } from '@cortex-os/mcp-registry';
import { expect, test } from 'vitest';
import { registryBench, type RegistryBench } from './registry-bench.ts';

const RECORDS: readonly ServerRecord[] = [
  {
    name: 'run',
    transport: 'stdio',
    command: 'x',
    env: { API_KEY: 'file:secrets/k', TOKEN: 's3cret' },
    cwd: '/w',
  },
  { name: 'web', transport: 'streamableHttp', endpoint: 'https://w.test/mcp', origin: 'local' },
  {
    name: 'io.test/far',
    transport: 'stdio',
    command: 'npx',
    origin: 'remote',
    server: { name: 'io.test/far', version: '1.0.0', description: 'far' },
  },
];

async function filled(): Promise<RegistryBench> {
  const bench = await registryBench();
  const path = join(bench.stateFolder, 'servers.json');
  await (await getRegistryCache({ path })).upsertMany(RECORDS);
  await closeRegistryCache({ path });
  return bench;
}

test('registry export prints the config of a client, without secrets and without remote servers', async () => {
  await using bench = await filled();
  expect(await bench.registry('export', 'claude-desktop')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toEqual({
    mcpServers: { run: { command: 'x', env: { API_KEY: '${API_KEY}', TOKEN: '${TOKEN}' } } },
  });
  expect(bench.stderr.text).toMatch(/web is left out: Claude Desktop starts programs only/);
  expect(bench.stderr.text).toMatch(/run needs API_KEY, TOKEN: secrets are not written/);
  expect(bench.stderr.text).toMatch(/run: Claude Desktop has no place for cwd/);
  expect(bench.stdout.text + bench.stderr.text).not.toMatch(/s3cret|file:/);
});

test('registry export --json names what is left out and what is needed', async () => {
  await using bench = await filled();
  expect(await bench.json('export', 'claude-desktop', 'web', 'run')).toMatchObject({
    client: 'claude-desktop',
    skipped: [{ name: 'web' }],
    needs: { run: ['API_KEY', 'TOKEN'] },
  });
  await bench.registry('export', 'cursor', 'io.test/far');
  expect(bench.stderr.text).toContain('io.test/far came from elsewhere, and the client will run');
});

test('registry export --write merges into the file of the client and keeps a copy', async () => {
  await using bench = await filled();
  const folder = join(bench.path, '.cursor');
  await mkdir(folder);
  const text =
    '{ "mcpServers": { /* mine */ "run": { "command": "old", "env": { "TOKEN": "mine" } } }, "else": 1 }';
  await writeFile(join(folder, 'mcp.json'), text);
  expect(await bench.registry('export', 'cursor', '--write')).toBe(0);
  expect(bench.stdout.text).toMatch(/1 added, 1 updated, 0 unchanged\nas it was: .*\.bak\n$/);
  const written = await readFile(join(folder, 'mcp.json'), 'utf8');
  expect(written).toContain('/* mine */');
  expect(JSON.parse(written.replace('/* mine */', ''))).toMatchObject({
    mcpServers: {
      run: { command: 'x', env: { TOKEN: 'mine' } },
      web: { url: 'https://w.test/mcp' },
    },
    else: 1,
  });
  const backup = (await readdir(folder)).find((name) => name.endsWith('.bak')) ?? '';
  expect(await readFile(join(folder, backup), 'utf8')).toBe(text);
  expect(await bench.json('export', 'cursor', '--write')).toMatchObject({
    unchanged: ['run', 'web'],
  });
});

test('registry export --write --file makes another file, for Claude Code without projects', async () => {
  await using bench = await filled();
  expect(
    await bench.json('export', 'claude-code', 'web', '--write', '--file', '.mcp.json'),
  ).toMatchObject({ file: join(bench.path, '.mcp.json'), added: ['web'] });
  expect(JSON.parse(await readFile(join(bench.path, '.mcp.json'), 'utf8'))).toEqual({
    mcpServers: { web: { type: 'http', url: 'https://w.test/mcp' } },
  });
});

test('registry export server-json prints one document or a list', async () => {
  await using bench = await filled();
  expect(await bench.json('export', 'server-json', 'io.test/far')).toEqual(RECORDS[2]?.server);
  const list = await bench.json('export', 'server-json');
  expect(list).toMatchObject([
    { name: 'local/run' },
    { name: 'local/web', remotes: [{ url: 'https://w.test/mcp' }] },
  ]);
  expect(JSON.stringify(list)).not.toMatch(/s3cret|file:|\/w"/);
});

test('registry export says in one line what it cannot do', async () => {
  await using bench = await filled();
  await expect(bench.registry('export', 'cursor', 'none')).rejects.toMatchObject({
    code: 'SERVER_UNKNOWN',
    message: 'there is no server called none',
  });
  await expect(bench.registry('export', 'emacs')).rejects.toMatchObject({ code: 'CLIENT_UNKNOWN' });
  for (const argv of [
    ['server-json', '--write'],
    ['cursor', '--file', 'x'],
  ])
    await expect(bench.registry('export', ...argv)).rejects.toMatchObject({ code: 'USAGE' });
});
