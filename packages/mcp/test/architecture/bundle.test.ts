import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { repoRoot } from './import-graph.ts';

const run = promisify(execFile);
const PACKAGE = join(repoRoot, 'packages/mcp');
const BUNDLE = join(PACKAGE, 'dist/bin');

interface SourceMap {
  readonly sources: readonly string[];
}

async function sourcesOf(chunk: string): Promise<readonly string[]> {
  const map = JSON.parse(await readFile(join(BUNDLE, `${chunk}.map`), 'utf8')) as SourceMap;
  return map.sources;
}

/** What a start needs of the package, and nothing of what it depends on. */
async function copyOfProgram(folder: string): Promise<string> {
  await cp(join(PACKAGE, 'bin'), join(folder, 'bin'), { recursive: true });
  await cp(BUNDLE, join(folder, 'dist/bin'), { recursive: true });
  await cp(join(PACKAGE, 'package.json'), join(folder, 'package.json'));
  return join(folder, 'bin/cortex-mcp.js');
}

test('the built command serves an HTTP connector without any installed package', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const bin = await copyOfProgram(folder.path);
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers: { one: { url: upstream.url } } }));
  const child = spawn(process.execPath, [bin, 'serve', '--config', config, '--port', '0'], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], CORTEX_HOME: join(folder.path, 'home'), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    await waitUntil(() => /^one +(?:fresh|stale) +modern/m.test(output), {
      timeoutMs: 15_000,
      describe: 'the connector is served',
    });
  } finally {
    const ended = once(child, 'exit');
    // How it ends is for other tests.
    child.kill('SIGKILL');
    await ended;
  }
  expect(output).toMatch(/^one +\w+ +modern/m);
}, 20_000);

test('a service keeps the code of what its start called, and the next one starts from it', async () => {
  await using folder = tempFolder();
  const bin = await copyOfProgram(folder.path);
  const cache = join(folder.path, 'cache');
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, '{"mcpServers":{"off":{"command":"none","disabled":true}}}');
  const env = {
    PATH: process.env['PATH'],
    CORTEX_HOME: join(folder.path, 'home'),
    NODE_COMPILE_CACHE: cache,
    NO_COLOR: '1',
  };
  const keptCode = async (): Promise<string | undefined> => {
    const files = await readdir(cache, { recursive: true }).catch(() => []);
    return files.find((file) => /start\.cjs-[0-9a-f]{16}$/.test(file));
  };
  const serve = async (until: () => Promise<boolean>): Promise<string> => {
    const child = spawn(process.execPath, [bin, 'serve', '--config', config, '--port', '0'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'exit');
    try {
      const isDone = async (): Promise<boolean> => output.includes('/mcp') && (await until());
      await waitUntil(isDone, { timeoutMs: 15_000, describe: 'it serves' });
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    return output;
  };
  await serve(async () => (await keptCode()) !== undefined);
  const kept = join(cache, (await keptCode()) ?? 'none');
  const { mtimeMs, size } = await stat(kept);
  const output = await serve(async () => await Promise.resolve(true));
  expect(output).toContain('/mcp');
  const now = await stat(kept);
  expect(now.mtimeMs).toBe(mtimeMs);
  // Some functions of a chunk of 1.3 MB, and not only what stands outside of them.
  expect(size).toBeGreaterThan(1_000_000);
}, 40_000);

test('the built command knows its version, and its registry', async () => {
  await using folder = tempFolder();
  const bin = await copyOfProgram(folder.path);
  const env = { PATH: process.env['PATH'], CORTEX_HOME: join(folder.path, 'home'), NO_COLOR: '1' };
  const version = await run(process.execPath, [bin, '--version'], { env });
  const { version: wanted } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(version.stdout).toBe(`${wanted}\n`);
  const doctor = await run(process.execPath, [bin, 'registry', 'doctor'], { env });
  expect(doctor.stderr).toBe('');
});

test('chunks are ASCII, so that their text is kept with one byte a character', async () => {
  const files = (await readdir(BUNDLE)).filter((file) => /\.c?js$/.test(file));
  expect(files).toContain('undici.cjs');
  const texts = files.map(async (file) => [file, await readFile(join(BUNDLE, file), 'latin1')]);
  const other = (await Promise.all(texts)).filter(([, text]) => /[^\0-\u007f]/.test(text ?? ''));
  expect(other.map(([file]) => file)).toEqual([]);
});

test('undici brings neither HTTP/2 nor TLS before somebody wants them', async () => {
  const script = `require(${JSON.stringify(join(BUNDLE, 'undici.cjs'))}); new (require(${JSON.stringify(
    join(BUNDLE, 'undici.cjs'),
  )}).Client)('http://127.0.0.1:9'); console.log(process.moduleLoadList.join('\\n'));`;
  const { stdout } = await run(process.execPath, ['-e', script]);
  expect(stdout).toContain('NativeModule net');
  expect(stdout).not.toMatch(/NativeModule (?:http2|tls)$/m);
});

test('a start reads one file of ours, and the registry and undici only when they are wanted', async () => {
  const main = await readFile(join(BUNDLE, 'main.js'), 'utf8');
  const module = await readFile(join(BUNDLE, 'start.js'), 'utf8');
  const loaded = [...`${main}\n${module}`.matchAll(/^(?:im|ex)port .*from "(.*)";$/gm)].map(
    ([, id]) => id,
  );
  expect(new Set(loaded)).toEqual(
    new Set(['./start.js', './rolldown-runtime.js', './load-compiled.js']),
  );
  const start = await readFile(join(BUNDLE, 'start.cjs'), 'utf8');
  const registry = await readFile(join(BUNDLE, 'registry.cjs'), 'utf8');
  expect(`${start}\n${registry}`).not.toMatch(/= (?:\/\*.*?\*\/ )?\(\(\) => load\("undici"\)/);
  const sources = await sourcesOf('start.cjs');
  expect(sources.filter((path) => /mcp-registry|undici|opentelemetry/.test(path))).toEqual([]);
  const opening = await sourcesOf('registry.cjs');
  expect(opening.some((path) => path.endsWith('/store/journal.ts'))).toBe(true);
  expect(opening.filter((path) => /\/(?:sources|doctor|http)\//.test(path))).toEqual([]);
});

test('the maps of the built command lead to the sources that are published with it', async () => {
  const chunks = (await readdir(BUNDLE)).filter((name) => /\.c?js\.map$/.test(name));
  expect(chunks.length).toBeGreaterThan(3);
  const own = (await sourcesOf('start.cjs')).filter((path) => path.startsWith('../../src/'));
  expect(own).toContain('../../src/service/service.ts');
  for (const path of own) expect((await stat(join(BUNDLE, path))).isFile()).toBe(true);
});

test('the licence of every bundled package is beside it', async () => {
  const licences = await readFile(join(BUNDLE, 'LICENSES.txt'), 'utf8');
  const maps = (await readdir(BUNDLE)).filter((name) => /\.c?js\.map$/.test(name));
  const chunks = maps.map((name) => name.slice(0, -'.map'.length));
  const sources = (await Promise.all(chunks.map(sourcesOf))).flat();
  const names = sources.flatMap((path) => {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    return name === undefined ? [] : [name];
  });
  const missing = [...new Set(names)].filter((name) => !licences.includes(`${name} `));
  expect(names).toContain('zod');
  expect(missing).toEqual([]);
  expect(await readFile(join(BUNDLE, 'undici.LICENSE.txt'), 'utf8')).toMatch(/^undici \d/);
});
