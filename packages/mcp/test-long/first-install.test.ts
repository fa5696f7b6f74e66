import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { networkEnv } from './network-env.ts';

vi.setConfig({ testTimeout: 600_000 });

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
/** The oldest Node that the packed file is for. */
const OLDEST_NODE = '22.22.2';

/** What a machine that has only npm knows; the settings of its npm registry come with it. */
function bareEnv(home: string, binFolder: string): Record<string, string> {
  const path = `${binFolder}:/usr/local/bin:/usr/bin:/bin`;
  return {
    ...networkEnv(),
    HOME: home,
    PATH: path,
    npm_config_update_notifier: 'false',
    MCP_PORT: '0',
  };
}

async function packed(folder: string): Promise<string> {
  const script = join(ROOT, 'scripts', 'pack.mjs');
  await run(process.execPath, [script, '--no-build', '--to', folder], { cwd: ROOT });
  const file = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  return join(folder, file ?? 'no file');
}

/** A folder with `node` of a version in it. */
async function nodeFolder(version: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  const env = { ...bareEnv(folder, dirname(process.execPath)) };
  await run('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], { cwd: folder, env });
  return join(folder, 'node_modules', 'node', 'bin');
}

test.each([
  ['the newest', undefined],
  [OLDEST_NODE, OLDEST_NODE],
])(
  'npm install of the packed file into an empty folder, on Node %s: help, serve, and a called tool',
  async (_name, version) => {
    await using folder = tempFolder();
    const tarball = await packed(folder.path);
    const node =
      version === undefined
        ? dirname(process.execPath)
        : await nodeFolder(version, join(folder.path, 'node'));
    const place = join(folder.path, 'place');
    mkdirSync(place);
    const env = bareEnv(join(folder.path), node);
    writeFileSync(join(place, 'package.json'), '{}');
    const startedAtMs = performance.now();
    await run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd: place, env });
    const cli = join(place, 'node_modules', '.bin', 'cortex-mcp');
    const help = await run(cli, ['--help'], { cwd: place, env });
    expect(help.stdout).toContain('Usage: cortex-mcp');
    await run(
      cli,
      ['connectors', 'add', 'memory', '--', 'npx', '-y', '@modelcontextprotocol/server-memory'],
      { cwd: place, env },
    );
    const serving = spawn(cli, ['serve'], {
      cwd: place,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let text = '';
      serving.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await waitUntil(() => /Endpoint: \S+/.test(text), {
        timeoutMs: 30_000,
        describe: 'it serves',
      });
      const called = await run(cli, ['call', 'memory__read_graph'], { cwd: place, env });
      expect(called.stdout).toContain('"entities"');
    } finally {
      serving.kill('SIGINT');
      await once(serving, 'exit');
    }
    const library =
      "import { createGateway } from '@cortex-os/mcp'; await using g = await createGateway({ mcpServers: {} }); console.log((await g.start()).url)";
    writeFileSync(
      join(place, 'library.mjs'),
      version === undefined
        ? library
        : library.replace('await using g', 'const g').replace(/$/, '; await g.close()'),
    );
    const used = await run(join(node, 'node'), ['library.mjs'], { cwd: place, env });
    expect(used.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+/);
    console.log(
      `packed file installed, served and called on ${version ?? process.version}: ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`,
    );
  },
);
