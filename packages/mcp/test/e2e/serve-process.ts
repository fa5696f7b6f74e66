import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';

const RUN_CLI = fileURLToPath(new URL('run-cli.ts', import.meta.url));
const BUILT_CLI = fileURLToPath(new URL('../../bin/cortex-mcp.js', import.meta.url));

/** A real `cortex-mcp serve` on a free port, in a home of its own. */
export interface ServeProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** The shared endpoint it printed. */
  readonly url: string;
  /** From the start of the process until its endpoint was printed. */
  readonly endpointAfterMs: number;
  readonly startedAtMs: number;
  stdout(): string;
  stderr(): string;
  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ServeInput {
  readonly mcpServers: Readonly<Record<string, unknown>>;
  /** What else the configuration says. Default: nothing. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Holds the configuration and the state. Default: a new one, removed afterwards. */
  readonly folder?: TempFolder;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs the built command, which starts as fast as that of a user. Default: the sources. */
  readonly built?: boolean;
  /** Program and arguments that start it, by replacing themselves with it. Default: none. */
  readonly under?: readonly string[];
}

export async function startServe({
  mcpServers,
  settings,
  folder: given,
  env,
  built = false,
  under = [],
}: ServeInput): Promise<ServeProcess> {
  const folder = given ?? tempFolder();
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, JSON.stringify({ ...settings, mcpServers }));
  const startedAtMs = performance.now();
  const program = built ? [BUILT_CLI] : ['--conditions=cortex-source', RUN_CLI];
  const serve = [...program, 'serve', '--config', config, '--port', '0'];
  const [command = process.execPath, ...args] = [...under, process.execPath, ...serve];
  const child = spawn(command, args, {
    env: {
      ...process.env,
      CORTEX_HOME: folder.path,
      NO_COLOR: '1',
      // Nobody takes over here.
      MCP_DRAIN_LAME_DUCK_MS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const endpoint = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(stdout)?.[0];
  await waitUntil(() => endpoint() !== undefined || child.exitCode !== null, {
    describe: 'serve prints its endpoint',
  });
  const url = endpoint();
  if (url === undefined) throw new Error(`serve ended early: ${stderr}`);
  return {
    child,
    url,
    startedAtMs,
    endpointAfterMs: performance.now() - startedAtMs,
    stdout: () => stdout,
    stderr: () => stderr,
    stop: async (signal) => {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
      return { code: child.exitCode, signal: child.signalCode };
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      if (given === undefined) await folder[Symbol.asyncDispose]();
    },
  };
}
