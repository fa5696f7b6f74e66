import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../e2e/reload-cluster.ts';
import type { PrimaryCommand, PrimaryReport } from './chaos-primary.ts';

const PRIMARY = fileURLToPath(new URL('chaos-primary.ts', import.meta.url));
const WORKER = fileURLToPath(new URL('../e2e/run-worker.ts', import.meta.url));
/** How long it may take to start, or to be replaced. */
const PATIENCE_MS = 60_000;

/** A limit on files, which stands for a full disk here, also sends this signal; a full disk does not. */
const DEAF = '--import=data:text/javascript,process.on("SIGXFSZ",()=>{})';
/** What was said shortly before a process was killed may not have been written. */
const UNWRITTEN_MS = 1_000;

type Done = Exclude<PrimaryReport, { kind: 'died' }>;

/** A gateway as a process of its own that keeps its port and its state over restarts, and can be replaced as pm2 does. */
export class GatewayProcess {
  readonly port: number;
  readonly #primary: ChildProcess;
  #stderr = '';
  #pid = 0;
  /** Since when it is away; what failed since then may have failed for that. */
  awaySinceMs: number | undefined = 0;
  backAtMs = 0;
  /** How often another process has taken its place, the first included. */
  starts = 0;
  /** When sessions that were opened could not be kept, or not with their time. */
  readonly #forgetful: { readonly fromMs: number; readonly toMs: number }[] = [];
  /** When the clock was last off, and since when it is right again: by a wrong one any session may be too old. */
  #clockOffAtMs = -Infinity;
  #clockRightAtMs = -Infinity;

  private constructor(port: number, primary: ChildProcess, died: (why: string) => void) {
    this.port = port;
    this.#primary = primary;
    primary.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-262_144);
    });
    primary.on('message', (report) => {
      const { kind, ...rest } = report as PrimaryReport;
      // Nobody asked it to: that is a finding, and why is worth more than what followed.
      if (kind === 'died') died(`${JSON.stringify(rest)}: ${this.#stderr.slice(-600)}`);
    });
  }

  static async start(
    config: string,
    env: Readonly<Record<string, string>>,
    died: (why: string) => void,
  ): Promise<GatewayProcess> {
    const port = await freePort();
    const execArgv = JSON.stringify(['--conditions=cortex-source', DEAF]);
    const args = ['serve', '--config', config, '--port', String(port)];
    const primary = fork(PRIMARY, [execArgv, WORKER, ...args], {
      execArgv: ['--conditions=cortex-source'],
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const gateway = new GatewayProcess(port, primary, died);
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
    return this.#pid;
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

  async up(): Promise<void> {
    const { pid } = await this.#do({ kind: 'up' });
    this.#pid = pid;
    this.starts += 1;
    this.awaySinceMs = undefined;
    this.backAtMs = performance.now();
  }

  async down(signal: NodeJS.Signals): Promise<number | null> {
    if (this.awaySinceMs !== undefined) return null;
    const nowMs = performance.now();
    this.awaySinceMs = nowMs;
    if (signal === 'SIGKILL') this.forgets(nowMs - UNWRITTEN_MS, nowMs);
    return (await this.#do({ kind: 'down', signal })).code;
  }

  /** Another process takes its place while it still serves: no client need notice. @returns the old one's exit code. */
  async reload(): Promise<number | null> {
    const { pid, code } = await this.#do({ kind: 'reload' });
    this.#pid = pid;
    this.starts += 1;
    return code;
  }

  /** Ends what started it. */
  async close(): Promise<void> {
    await this.down('SIGKILL');
    const ended = once(this.#primary, 'exit');
    this.#primary.disconnect();
    await ended;
  }

  /** Whether it was away at some time since then. */
  wasAwaySince(sinceMs: number): boolean {
    return this.awaySinceMs !== undefined || this.backAtMs >= sinceMs;
  }

  /** What is opened meanwhile need not outlive its process: it cannot be written, or with a wrong time. */
  forgets(fromMs: number, toMs: number): void {
    this.#forgetful.push({ fromMs, toMs });
  }

  /** From now on, or until now, the wall clock is wrong. */
  clock(is: 'off' | 'right'): void {
    const nowMs = performance.now();
    if (is === 'off') this.#clockOffAtMs = nowMs;
    else this.#clockRightAtMs = nowMs;
    if (is === 'right') this.forgets(this.#clockOffAtMs, nowMs + 100);
  }

  /** Whether a session that was opened then may be unknown to a request that was sent then. */
  mayForget(openedAtMs: number, askedAtMs: number): boolean {
    const isOff = this.#clockOffAtMs > this.#clockRightAtMs;
    if (isOff || this.#clockRightAtMs >= askedAtMs) return true;
    return this.#forgetful.some(({ fromMs, toMs }) => openedAtMs >= fromMs && openedAtMs <= toMs);
  }

  async #do<C extends PrimaryCommand>(command: C): Promise<Extract<Done, { kind: C['kind'] }>> {
    const { promise, resolve, reject } = Promise.withResolvers<PrimaryReport>();
    const hear = (report: unknown): void => resolve(report as PrimaryReport);
    const timer = setTimeout(
      () => reject(new Error(`no ${command.kind} in time: ${this.#stderr.slice(-600)}`)),
      PATIENCE_MS,
    );
    this.#primary.once('message', hear);
    this.#primary.send(command);
    try {
      const report = await promise;
      if (report.kind === command.kind) return report as Extract<Done, { kind: C['kind'] }>;
      throw new Error(`the gateway ended: ${JSON.stringify(report)} ${this.#stderr.slice(-600)}`);
    } finally {
      clearTimeout(timer);
      this.#primary.removeListener('message', hear);
    }
  }
}
