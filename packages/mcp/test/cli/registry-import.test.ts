import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  createRegistryApi,
  fromServerJson,
  readAll,
  RegistryMemoryCache,
  createMemoryStore,
  closeRegistryCache,
} from '@cortex-os/mcp-registry';
import { expect, onTestFinished, test } from 'vitest';
import { registryBench, type RegistryBench } from './registry-bench.ts';

const SERVERS = {
  github: { command: 'npx', args: ['-y', 'gh'], env: { GITHUB_TOKEN: 's3cret-token' } },
  web: { url: 'https://w.test/mcp', headers: { Authorization: 'Bearer s3cret-header' } },
};

async function cursorFile(bench: RegistryBench, servers: object = SERVERS): Promise<string> {
  const file = join(bench.path, '.cursor', 'mcp.json');
  await mkdir(join(bench.path, '.cursor'), { recursive: true });
  await writeFile(file, JSON.stringify({ mcpServers: servers }));
  return file;
}

async function records(bench: RegistryBench): Promise<readonly Record<string, unknown>[]> {
  const path = join(bench.stateFolder, 'servers.json');
  const all = await readAll({ path });
  await closeRegistryCache({ path });
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

test('registry import shows a plan by default and writes nothing', async () => {
  await using bench = await registryBench();
  const file = await cursorFile(bench);
  expect(await bench.registry('import', 'cursor')).toBe(0);
  expect(bench.stdout.text).toContain(file);
  expect(bench.stdout.text).toMatch(/^add\s+github\s+moves to secrets\/: GITHUB_TOKEN$/m);
  expect(bench.stdout.text).toMatch(/2 to store; do it with --apply\n$/);
  expect(bench.stdout.text).not.toContain('s3cret');
  expect(await readdir(bench.path)).not.toContain('.config');
});

test('registry import --apply stores, --undo takes back, and neither shows a secret', async () => {
  await using bench = await registryBench();
  await cursorFile(bench, { ...SERVERS, odd: {} });
  expect(await bench.registry('import', '--apply')).toBe(0);
  expect(bench.stdout.text).toMatch(/^skip\s+odd\s+it has neither/m);
  expect(bench.stdout.text).toMatch(/2 stored; take it back with --undo\n$/);
  const stored = await records(bench);
  expect(stored).toMatchObject([
    {
      name: 'github',
      origin: 'local',
      env: { GITHUB_TOKEN: expect.stringMatching(/^file:secrets[/]/) as string },
    },
    { name: 'web', origin: 'local' },
  ]);
  expect(stored.some((record) => 'connector' in record)).toBe(false);
  const secrets = await readdir(join(bench.stateFolder, 'secrets'));
  expect(secrets).toHaveLength(2);
  expect((await stat(join(bench.stateFolder, 'secrets', secrets[0] ?? ''))).mode & 0o777).toBe(
    0o600,
  );
  expect(await bench.json('import', 'cursor', '--connect', '--apply')).toMatchObject({
    stored: 2,
    rows: [{ action: 'update', moved: [] }, { action: 'update' }, { action: 'skip' }],
  });
  expect((await records(bench)).every((record) => 'connector' in record)).toBe(true);
  expect(await bench.json('import', 'cursor', '--dry-run')).toMatchObject({
    applied: false,
    rows: [{ action: 'unchanged' }, {}, {}],
  });
  expect(await bench.registry('import', '--undo')).toBe(0);
  expect(await records(bench)).toEqual(stored);
  expect(await bench.json('import', '--undo')).toEqual({
    rows: [
      { name: 'github', action: 'removed' },
      { name: 'web', action: 'removed' },
    ],
  });
  expect(await records(bench)).toEqual([]);
  expect(await readdir(join(bench.stateFolder, 'secrets'))).toEqual([]);
  await expect(bench.registry('import', '--undo')).rejects.toMatchObject({ code: 'EUNDO' });
  expect(bench.stdout.text + bench.stderr.text).not.toContain('s3cret');
});

test('registry import knows files by their path, and any file by --file', async () => {
  await using bench = await registryBench();
  const file = join(bench.path, 'p', '.vscode', 'mcp.json');
  await mkdir(join(bench.path, 'p', '.vscode'), { recursive: true });
  await writeFile(file, '{ "servers": { "a": { "command": "./run" } } } // mine');
  expect(await bench.json('import', 'p/.vscode/mcp.json')).toMatchObject({
    files: [file],
    rows: [{ name: 'a', action: 'add' }],
  });
  await writeFile(join(bench.path, '.mcp.json'), '{"mcpServers":{"b":{"command":"x"}}}');
  expect(await bench.json('import', '.mcp.json', '--apply')).toMatchObject({
    rows: [{ name: 'b' }],
  });
  expect(
    await bench.json('import', 'vscode', '--file', 'p/.vscode/mcp.json', '--apply'),
  ).toMatchObject({ stored: 1 });
  expect(await records(bench)).toMatchObject([
    { name: 'a', cwd: join(bench.path, 'p') },
    { name: 'b', source: { client: 'claude-code' } },
  ]);
});

test('registry import reads a server.json and warns of an older schema', async () => {
  await using bench = await registryBench();
  const document = { name: 'io.test/a', version: '1.0.0', description: 'a', packages: [] };
  await writeFile(join(bench.path, 'server.json'), JSON.stringify(document));
  expect(await bench.json('import', 'server.json', '--apply')).toMatchObject({ stored: 1 });
  expect(bench.stderr.text).toMatch(/^warning: .*server\.json: its \$schema/);
  expect(await records(bench)).toMatchObject([
    { name: 'io.test/a', origin: 'local', server: { version: '1.0.0' } },
  ]);
  // A name that every object has as a member is no client's file.
  await writeFile(join(bench.path, 'constructor'), JSON.stringify(document));
  expect(await bench.json('import', 'constructor')).toMatchObject({
    rows: [{ name: 'io.test/a' }],
  });
  await writeFile(join(bench.path, 'server.json'), '{}');
  expect(await bench.registry('import', 'server.json')).toBe(1);
});

/** A registry on this machine that speaks the official API. */
async function upstream(names: readonly string[]): Promise<string> {
  const cache = await RegistryMemoryCache.open(createMemoryStore(), { random: () => 0.5 });
  await cache.upsertMany(
    names.map((name) =>
      fromServerJson(
        { name, version: '1.0.0', description: name, packages: [] },
        {
          status: 'active',
          updatedAt: '2026-01-01T00:00:00Z',
          publishedAt: '2026-01-01T00:00:00Z',
        },
      ),
    ),
  );
  const api = createRegistryApi({ cache, now: () => new Date() });
  const server = createServer((request, response) => api.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    api.close();
    await cache.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('registry import takes a registry by its address, incrementally and inert', async () => {
  await using bench = await registryBench();
  const url = await upstream(['io.test/a', 'io.test/b']);
  expect(await bench.registry('import', url)).toBe(0);
  expect(bench.stdout.text).toMatch(/^2 added, 0 updated/);
  expect(bench.stdout.text).toMatch(/nothing was stored/);
  expect(await bench.json('import', url, '--apply')).toMatchObject({
    applied: true,
    added: 2,
  });
  expect(await records(bench)).toMatchObject([{ origin: 'remote' }, { origin: 'remote' }]);
  bench.stdout.text = '';
  expect(await bench.registry('import', url, '--apply')).toBe(0);
  expect(bench.stdout.text).toMatch(
    /2 unchanged.*of what changed since 2025-12-31T23:59:59\.000Z\n$/,
  );
  expect(
    JSON.parse(await readFile(join(bench.stateFolder, 'sources.json'), 'utf8')),
  ).toHaveProperty(['sources', url]);
  await cursorFile(bench, { 'io.test/c': { command: 'x' } });
  const { stdout } = bench;
  stdout.text = '';
  await bench.registry('import', await upstream(['io.test/a']), '--apply');
  expect(stdout.text).toMatch(/^conflict\s+io\.test\/a\s+it came from another source/m);
});

test('registry import refuses what does not belong together in one line', async () => {
  await using bench = await registryBench();
  const refused: [string[], RegExp][] = [
    [['--undo', '--apply'], /stands alone/],
    [['cursor', '--undo'], /stands alone/],
    [['cursor', '--apply', '--dry-run'], /either/],
    [['cursor', '--since', '2026-01-01'], /address of a registry/],
    [['--file', 'x'], /name of its client/],
    [['http://127.0.0.1:1', '--connect'], /not run/],
    [['--apply', '--connect'], /needs the name of a client/],
  ];
  for (const [argv, message] of refused)
    await expect(bench.registry('import', ...argv)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(message) as string,
    });
  await expect(bench.registry('import', 'cursor')).rejects.toMatchObject({
    code: 'CLIENT_UNKNOWN',
    message: 'there is no file of this client; name it with --file',
  });
  await expect(bench.registry('import', 'http://r.test')).rejects.toMatchObject({
    code: 'EREFUSED',
  });
  await expect(bench.registry('import', 'none.json')).rejects.toMatchObject({ code: 'ENOENT' });
});
