import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@cortex-os/testkit';

const RUN_CLI = fileURLToPath(new URL('../e2e/run-cli.ts', import.meta.url));

/** A limit on files, which stands for a full disk here, also sends this signal; a full disk does not. */
const DEAF = '--import=data:text/javascript,process.on("SIGXFSZ",()=>{})';

/** A gateway as a process of its own that keeps its port and its state over restarts. */
export class GatewayProcess {
  readonly port: number;
  readonly #config: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #stderr = '';
  /** When it was last away, on the clock of `performance.now()`; what failed since then may have failed for that. */
  awaySinceMs: number | undefined = 0;
  backAtMs = 0;
  /** How often it has been started. */
  starts = 0;

  readonly #died: (why: string) => void;

  private constructor(
    port: number,
    config: string,
    env: Readonly<Record<string, string>>,
    died: (why: string) => void,
  ) {
    this.#died = died;
    this.port = port;
    this.#config = config;
    this.#env = env;
  }

  static async start(
    config: string,
    env: Readonly<Record<string, string>>,
    died: (why: string) => void,
  ): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(await freePort(), config, env, died);
    await gateway.up();
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it wrote to stderr, over all its lives; the last 256 KiB. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Resident memory in bytes. */
  get rssBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  }

  get openFiles(): number {
    return Number(/FDSize:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]);
  }

  async up(): Promise<void> {
    const args = ['--conditions=cortex-source', DEAF, RUN_CLI, 'serve', '--config', this.#config];
    const child = spawn(process.execPath, [...args, '--port', String(this.port)], {
      env: { ...process.env, NO_COLOR: '1', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.starts += 1;
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-262_144);
    });
    child.once('exit', (code, signal) => {
      // Nobody asked it to: that is a finding, and why is worth more than what followed.
      if (this.awaySinceMs === undefined)
        this.#died(`${code ?? signal}: ${this.#stderr.slice(-600)}`);
    });
    await waitUntil(() => stdout.includes(this.url) || child.exitCode !== null, {
      timeoutMs: 20_000,
      describe: 'the gateway listens',
    });
    if (child.exitCode !== null) throw new Error(`the gateway ended: ${this.#stderr}`);
    this.awaySinceMs = undefined;
    this.backAtMs = performance.now();
  }

  async down(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    this.awaySinceMs = performance.now();
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** Whether it was away at some time since then. */
  wasAwaySince(sinceMs: number): boolean {
    return this.awaySinceMs !== undefined || this.backAtMs >= sinceMs;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
