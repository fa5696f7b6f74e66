/** Where blocks of documents are tried: a home of their own, the commands they name, and a gateway that runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { delimiter, dirname, join } from 'node:path';
import { cli, root, workspaceEnv, workspaceNode } from './workspace.mjs';

const startSeconds = 20;

function program(file, line) {
  writeFileSync(file, `#!/bin/sh\n${line}\n`);
  chmodSync(file, 0o755);
}

/**
 * A folder for PATH with `cortex-mcp` and an `npx` that takes what it is asked for from the workspace, never from the
 * network: the packed file stands for the command, a server for the one that is installed here.
 */
export function commandFolder(folder, fromSources) {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const main = join(bin, 'main.mjs');
  const sources = join(root, 'packages', 'mcp', 'src', 'cli', 'main.ts');
  writeFileSync(
    main,
    `import { main } from ${JSON.stringify(sources)};\nprocess.exit(await main());\n`,
  );
  const words = fromSources ? `--conditions=cortex-source "${main}"` : `"${cli}"`;
  program(join(bin, 'cortex-mcp'), `exec "${workspaceNode}" ${words} "$@"`);
  const lines = [
    'test "$1" = -y && shift',
    'name=$1; shift',
    'case "$name" in',
    `*.tgz) exec "${join(bin, 'cortex-mcp')}" "$@" ;;`,
    `@*) exec "${workspaceNode}" "${join(root, 'node_modules')}/$name/dist/index.js" "$@" ;;`,
    '*) echo "npx $name: not here" >&2; exit 1 ;;',
    'esac',
  ];
  program(join(bin, 'npx'), lines.join('\n'));
  return bin;
}

/** Nothing of this machine but PATH: no keys, no home. All share what Node compiled. */
export function blockEnv(home, bin, extra = {}) {
  const { PATH } = workspaceEnv();
  return {
    PATH: `${bin}${delimiter}${PATH}`,
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(dirname(bin), 'compiled'),
    // Nobody takes over from a service that a block starts.
    MCP_DRAIN_LAME_DUCK_MS: '0',
    MEMORY_FILE_PATH: join(home, 'memory.jsonl'),
    ...extra,
  };
}

const started = new Set();
// However this program ends, what it started does not outlive it.
process.on('exit', () => {
  for (const child of started) signalGroup(child, 'SIGTERM');
});

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Ends a child's whole group with a signal and waits; what is left of it after 10 s is killed. */
export async function endGroup(child, signal) {
  const ended = new Promise((resolve) => {
    child.once('close', (code, by) => resolve(by ?? code));
  });
  signalGroup(child, signal);
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 10_000);
  const how = await ended;
  clearTimeout(timer);
  return how;
}

/**
 * Starts a command in a group of its own and waits until it has said `text`; `output()` is what it said until now.
 * @throws Error when it ends before, or says nothing of the kind for 20 s
 */
export async function startUntil(text, command, args, options) {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  started.add(child);
  child.once('close', () => started.delete(child));
  let output = '';
  const said = new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${why} without “${text}”:\n${output}`));
    const timer = setTimeout(() => fail(`${startSeconds} s`), startSeconds * 1000);
    const take = (chunk) => {
      output = (output + chunk).slice(-100_000);
      if (!output.includes(text)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
  try {
    await said;
  } catch (error) {
    if (child.exitCode === null && child.pid !== undefined) await endGroup(child, 'SIGKILL');
    throw error;
  }
  return { child, output: () => output };
}

/** A port that nobody listens at now, so that no gateway of this machine is taken for one of a block. */
export async function sparePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return String(port);
}

/** Waits until a gateway has heard of all its connectors. @throws Error after 20 s */
async function untilReady(url) {
  const end = performance.now() + startSeconds * 1000;
  while (!(await fetch(url)).ok) {
    if (performance.now() > end) throw new Error(`${url} is not ready after ${startSeconds} s`);
    await delay(100);
  }
}

/** The gateway that blocks marked `gateway` speak of: servers of `examples/default`, on a free port. */
export async function startGateway(folder, bin) {
  const home = join(folder, 'gateway');
  mkdirSync(home);
  const config = join(home, 'cortex-mcp.json');
  const servers = ['everything', 'memory'].map((name) => [
    name,
    { command: 'npx', args: ['-y', `@modelcontextprotocol/server-${name}`] },
  ]);
  writeFileSync(config, JSON.stringify({ mcpServers: Object.fromEntries(servers) }));
  const env = {
    MCP_CONFIG: config,
    CORTEX_HOME: home,
    // Else the server keeps it in its own folder, which is that of the workspace.
    MEMORY_FILE_PATH: join(home, 'memory.jsonl'),
  };
  const { child, output } = await startUntil(
    '/mcp',
    join(bin, 'cortex-mcp'),
    ['serve', '--port', '0'],
    {
      cwd: home,
      env: blockEnv(home, bin, env),
    },
  );
  const port = /http:\/\/127\.0\.0\.1:(\d+)\/mcp/.exec(output())?.[1];
  if (port === undefined) throw new Error(`no address in ${output()}`);
  await untilReady(`http://127.0.0.1:${port}/readyz`);
  return {
    port,
    env: { ...env, MCP_PORT: port },
    close: async () => await endGroup(child, 'SIGTERM'),
  };
}
