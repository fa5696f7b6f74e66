import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { closeRegistryCache, readAll } from '@cortex-os/mcp-registry';
import { expect, test } from 'vitest';
import { cliBench, memoryServer } from './fake-io.ts';
import { registryBench, type RegistryBench } from './registry-bench.ts';

async function put(home: string, name: string, text: string): Promise<string> {
  const file = join(home, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const GEMINI = JSON.stringify({
  theme: 'x',
  mcp: { excluded: ['off'] },
  mcpServers: {
    web: { httpUrl: 'https://w.test/mcp', headers: { Authorization: 'Bearer s3cret-header' } },
    off: { command: 'x', excludeTools: ['rm'] },
  },
});
const CODEX = `[mcp_servers.docs]
command = "npx"
env = { API_KEY = "s3cret-key-1" }
[mcp_servers.hub]
url = "https://h.test/mcp"
bearer_token_env_var = "HUB_TOKEN"
[mcp_servers.cortex]
url = "http://127.0.0.1:3024/mcp"
`;

async function stored(bench: RegistryBench): Promise<readonly Record<string, unknown>[]> {
  const path = join(bench.stateFolder, 'servers.json');
  const all = await readAll({ path });
  await closeRegistryCache({ path });
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

test('registry import takes the servers of Gemini CLI over, and gives them back', async () => {
  await using bench = await registryBench();
  const file = await put(bench.path, '.gemini/settings.json', GEMINI);
  expect(await bench.registry('import', 'gemini')).toBe(0);
  expect(bench.stdout.text).toContain(file);
  expect(bench.stdout.text).toMatch(/^add +web +moves to secrets\/: Authorization$/m);
  expect(bench.stdout.text).toMatch(/^add +off +excludeTools is not applied/m);
  expect(await bench.json('import', 'gemini', '--apply', '--connect')).toMatchObject({ stored: 2 });
  expect(await stored(bench)).toMatchObject([
    { name: 'off', enabled: false, connector: {} },
    { name: 'web', transport: 'streamableHttp', connector: {} },
  ]);
  expect(await bench.registry('export', 'gemini', 'web')).toBe(0);
  expect(bench.stdout.text).toContain('"httpUrl": "https://w.test/mcp"');
  expect(bench.stdout.text).not.toContain('s3cret');
  expect(await bench.registry('import', '--undo')).toBe(0);
  expect(await stored(bench)).toEqual([]);
  expect(await readFile(file, 'utf8')).toBe(GEMINI);
});

test('registry import takes the servers of Codex over, by name and by file', async () => {
  await using bench = await registryBench();
  const file = await put(bench.path, '.codex/config.toml', CODEX);
  expect(await bench.registry('import', 'codex')).toBe(0);
  expect(bench.stdout.text).toMatch(/^add +docs +moves to secrets\/: API_KEY$/m);
  // What `connect codex` wrote would make the gateway its own connector.
  expect(bench.stdout.text).toMatch(/^skip +cortex +it is this gateway$/m);
  expect(await bench.json('import', file, '--apply')).toMatchObject({ stored: 2 });
  expect(await stored(bench)).toMatchObject([
    { name: 'docs', env: { API_KEY: expect.stringMatching(/^file:secrets\//) as string } },
    { name: 'hub', headers: { Authorization: 'Bearer ${HUB_TOKEN}' } },
  ]);
  expect(await bench.registry('import', '--undo')).toBe(0);
  expect(await stored(bench)).toEqual([]);
  expect(await readFile(file, 'utf8')).toBe(CODEX);
});

test('registry import says on which line a file of Codex is broken', async () => {
  await using bench = await registryBench();
  const file = await put(bench.path, '.codex/config.toml', '[mcp_servers.a]\ncommand = s3cret\n');
  expect(await bench.run('registry', 'import', 'codex')).not.toBe(0);
  expect(bench.stderr.text).toContain(`${file}: the TOML is not valid on line 2 (invalid value)`);
  expect(bench.stderr.text).not.toContain('s3cret');
});

test('registry export writes no file of Codex and says to whom it can', async () => {
  await using bench = await registryBench();
  expect(await bench.run('registry', 'export', 'codex')).toBe(2);
  expect(bench.stderr.text).toContain('vscode, gemini, server-json');
});

test('a first start offers what Gemini CLI and Codex have, and not this gateway', async () => {
  await using bench = await cliBench({
    isTty: true,
    stdinIsTty: true,
    stdin: Readable.from(['y\n']),
  });
  const gemini = JSON.stringify({ mcpServers: { memory: memoryServer(bench.path) } });
  await put(bench.path, '.gemini/settings.json', gemini);
  await put(bench.path, '.codex/config.toml', CODEX);
  const running = bench.run('--port', '0');
  await Promise.race([bench.stdout.until(/^Cortex MCP .+ 3 from the registry$/m), running]);
  bench.stop('SIGINT');
  expect(await running).toBe(0);
  const { text } = bench.stdout;
  expect(text).toContain(`Gemini CLI: ${join(bench.path, '.gemini/settings.json')} (1 server)`);
  expect(text).toContain(`Codex: ${join(bench.path, '.codex/config.toml')} (2 servers)`);
  expect(text).toMatch(/Imported 3 servers/);
  expect(text).not.toMatch(/add\S* +cortex/);
});
