import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(PACKAGE, 'bin/cortex-mcp.js');

/** Bundles the program, so that what is measured is what is published. */
export function buildProgram(): void {
  const rolldown = join(PACKAGE, 'node_modules/.bin/rolldown');
  const built = spawnSync(rolldown, ['-c'], {
    cwd: PACKAGE,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) throw new Error('the program cannot be bundled');
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}

/** The program, serving. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
  readonly url: string;
  /** Resolves when it has said where it listens. */
  readonly listening: Promise<void>;
  stop(): Promise<void>;
}

/** Runs one command of the program to its end. @throws when it fails. */
export function runProgram(home: string, ...args: readonly string[]): void {
  const env = { PATH: process.env['PATH'], CORTEX_HOME: home };
  const ran = spawnSync(process.execPath, [BIN, ...args], { env, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`cortex-mcp ${args.join(' ')}: ${ran.stderr}`);
}

/** Starts `cortex-mcp serve` with a home of its own. */
export function startProgram(options: {
  readonly home: string;
  readonly config: string;
  readonly port: number;
  /** Of Node. Default: none. */
  readonly execArgv?: readonly string[];
  /** On top of what every start is given. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
}): Program {
  const { home, config, port, execArgv = [], env = {} } = options;
  const startedAtMs = performance.now();
  const argv = [...execArgv, BIN, 'serve', '--config', config, '--port', String(port)];
  const child = spawn(process.execPath, argv, {
    env: {
      PATH: process.env['PATH'],
      CORTEX_HOME: home,
      NO_COLOR: '1',
      MCP_LOG_LEVEL: 'silent',
      // Nobody is there who would have to move on.
      MCP_DRAIN_LAME_DUCK_MS: '0',
      NODE_COMPILE_CACHE: join(tmpdir(), 'cortex-mcp-bench-cache'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  child.stdout?.on('data', (chunk: Buffer) => {
    if (chunk.includes('Endpoint')) resolve();
  });
  child.once('exit', () => reject(new Error('cortex-mcp ended before it listened')));
  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  return {
    child,
    startedAtMs,
    url: `http://127.0.0.1:${port}/mcp`,
    listening: promise,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
