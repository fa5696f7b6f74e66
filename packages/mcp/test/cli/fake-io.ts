import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliIo } from '../../src/cli/cli-io.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { processEnvironment } from '../../src/config/environment.ts';

/** Collects text and tells when some of it has come. */
class TextSink {
  text = '';
  #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];

  write(text: string): void {
    this.text += text;
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.text)) return true;
      resolve();
      return false;
    });
  }

  async until(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ pattern, resolve });
    await promise;
  }
}

/** A working folder with a terminal of its own. */
export interface CliBench extends AsyncDisposable {
  readonly path: string;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly io: CliIo;
  stop(signal: string): void;
  /** Writes `cortex-mcp.json`. */
  configure(connectors: object, rest?: object): Promise<void>;
  run(...argv: string[]): Promise<number>;
}

async function* nothing(): AsyncGenerator<string> {}

export async function cliBench(changes: Partial<CliIo> = {}): Promise<CliBench> {
  const path = await mkdtemp(join(tmpdir(), 'cortex-cli-'));
  const stdout = new TextSink();
  const stderr = new TextSink();
  const abort = new AbortController();
  const { PATH } = processEnvironment();
  const io: CliIo = {
    stdin: nothing(),
    stdout,
    stderr,
    // Nobody takes over here.
    env: { PATH, MCP_DRAIN_LAME_DUCK_MS: '0' },
    cwd: path,
    home: path,
    isTty: false,
    stderrIsTty: false,
    columns: undefined,
    signal: abort.signal,
    ...changes,
  };
  return {
    path,
    stdout,
    stderr,
    io,
    stop: (signal) => abort.abort(signal),
    configure: async (connectors, rest = {}) => {
      const text = JSON.stringify({ mcpServers: connectors, ...rest });
      await writeFile(join(path, 'cortex-mcp.json'), text);
    },
    run: async (...argv) => await runCli(argv, io),
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

const BIN = join(import.meta.dirname, '../../../../node_modules/.bin');

/** A real server from npm; its memory is kept in `folder`. */
export function memoryServer(folder: string): object {
  const env = { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') };
  return { command: join(BIN, 'mcp-server-memory'), env };
}

/** A process that never says a word. */
export const silentServer: object = {
  command: process.execPath,
  args: ['-e', 'setInterval(() => {}, 60000)'],
};

export const missingServer: object = { command: '/no/such/server' };
