import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../../..');
const REGISTRY = 'node_modules/@cortex-os/mcp-registry';

let folder: TempFolder;
let unpacked: string;

beforeAll(async () => {
  folder = tempFolder();
  const script = join(ROOT, 'scripts', 'pack.mjs');
  await run(process.execPath, [script, '--no-build', '--to', folder.path], { cwd: ROOT });
  const file = readdirSync(folder.path).find((name) => /^cortex-os-mcp-[\d.]+\.tgz$/.test(name));
  await run('tar', ['xzf', file ?? 'no file', '-C', folder.path], { cwd: folder.path });
  unpacked = join(folder.path, 'package');
  for (const name of Object.keys(manifest('.').dependencies)) {
    const link = join(unpacked, 'node_modules', name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    // Of ours, or of the registry, which is inside.
    const places = ['mcp', 'mcp-registry'].map((one) =>
      join(ROOT, 'packages', one, 'node_modules', name),
    );
    symlinkSync(realpathSync(places.find((place) => existsSync(place)) ?? name), link);
  }
}, 120_000);

afterAll(async () => await folder[Symbol.asyncDispose]());

interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bundleDependencies?: readonly string[];
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(unpacked, path, 'package.json'), 'utf8'));
}

test('the packed file asks npm only for packages in fixed versions; our own is inside', () => {
  const own = manifest('.');
  const bundled = manifest(REGISTRY);
  expect(own.bundleDependencies).toEqual(['@cortex-os/mcp-registry']);
  expect(own.dependencies['@cortex-os/mcp-registry']).toBe(bundled.version);
  for (const { dependencies } of [own, bundled]) {
    for (const range of Object.values(dependencies)) expect(range).toMatch(/^\d+\.\d+\.\d+/);
  }
  for (const [name, range] of Object.entries(bundled.dependencies))
    expect(own.dependencies[name]).toBe(range);
  expect(JSON.stringify([own, bundled])).not.toMatch(
    /workspace:|catalog:|devDependencies|"scripts"/,
  );
  expect(existsSync(join(unpacked, REGISTRY, 'dist/index.js'))).toBe(true);
});

test('it holds what its manifest names, a licence, and nothing that has lost its source', () => {
  for (const name of manifest('.').files) expect(existsSync(join(unpacked, name))).toBe(true);
  for (const name of [
    'LICENSE',
    'README.md',
    'bin/cortex-mcp.js',
    'dist/bin/main.js',
    'dist/bin/LICENSES.txt',
  ])
    expect(existsSync(join(unpacked, name))).toBe(true);
  const hasPage = existsSync(join(ROOT, 'packages/mcp/dist/page'));
  expect(existsSync(join(unpacked, 'dist/page'))).toBe(hasPage);
  const compiled = readdirSync(join(unpacked, 'dist'), { recursive: true, encoding: 'utf8' });
  const orphans = compiled
    .filter((name) => name.endsWith('.js') && !/^(?:bin|page)\//.test(name))
    .filter((name) => !existsSync(join(unpacked, 'src', name.replace(/\.js$/, '.ts'))));
  expect(orphans).toEqual([]);
  expect(compiled.filter((name) => name.includes('.test.'))).toEqual([]);
});

test('its command calls a tool and its library serves, with only the packages beside it that it asks npm for', async () => {
  await using home = tempFolder();
  const server = join(ROOT, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js');
  const memory = { command: process.execPath, args: [server] };
  writeFileSync(join(home.path, 'cortex-mcp.json'), JSON.stringify({ mcpServers: { memory } }));
  mkdirSync(join(home.path, 'state'));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home.path,
    MEMORY_FILE_PATH: join(home.path, 'm'),
  };
  const cli = [join(unpacked, 'bin/cortex-mcp.js')];
  const called = await run(process.execPath, [...cli, 'call', 'memory__read_graph'], {
    cwd: home.path,
    env,
  });
  expect(called.stdout).toContain('"entities"');
  const { stdout } = await run(process.execPath, [...cli, 'connect', 'claude-desktop', '--json'], {
    cwd: home.path,
    env,
  });
  expect(JSON.parse(stdout).entry.args[0]).toBe(cli[0]);
  writeFileSync(
    join(unpacked, 'library.mjs'),
    `import { createGateway } from './dist/index.js';
     await using gateway = await createGateway({ mcpServers: {} });
     console.log((await gateway.start()).url);`,
  );
  const used = await run(process.execPath, [join(unpacked, 'library.mjs')], {
    cwd: home.path,
    env,
  });
  expect(used.stdout).toMatch(/^http:/);
});
