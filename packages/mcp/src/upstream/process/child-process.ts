import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { childEnvironment, type Environment } from './child-process-env.ts';
import { groupGone, groupRemains, signalGroup } from './child-process-group.ts';
import { createStderrTail, type StderrTail } from './child-process-stderr.ts';
import { hideSecretsOf } from './child-secrets.ts';
import { watchMemory } from './memory-watch.ts';
import type { Reaper } from './reaper.ts';
import { UpstreamError, type ConnectorPhase } from '../upstream-error.ts';

/** How long output may trail behind the end of the process that wrote it. */
const TRAILING_OUTPUT_MS = 100;
/** How long the rest of a group may take to heed SIGTERM once its leader is gone. */
const ORPHAN_GRACE_MS = 500;
/** How long a killed group may take to vanish before we stop waiting; the reaper still knows it. */
const KILL_WAIT_MS = 5000;
const MIB = 1_048_576;

export interface ChildOptions {
  readonly connectorId: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The connector's own variables. */
  readonly env: Environment;
  /** What the service runs with; only the allow-listed part is inherited. */
  readonly baseEnv: Environment;
  readonly cwd: string | undefined;
  /** It is stopped when it and what it started hold more resident memory. Default: no limit. */
  readonly maxRssBytes?: number | undefined;
  /** How often that is looked at. Default 5000. */
  readonly memoryIntervalMs?: number | undefined;
  readonly reaper: Reaper;
  readonly onStderr: (line: string) => void;
}

export interface ChildExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StopOptions {
  /** Time to leave after stdin is closed. Default 1000. */
  readonly closeGraceMs?: number;
  /** Time to leave after SIGTERM. Default 2000. */
  readonly termGraceMs?: number;
}

/** A running program and everything it starts in its process group. */
export interface ChildHandle {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The program has ended and its output is read (waited for at most 100 ms). Never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly stderr: Pick<StderrTail, 'text' | 'lastLine'>;
  /**
   * Closes stdin, then SIGTERM, then SIGKILL to the group. Resolves when no process of the group runs, the
   * program's own end included. Later calls join the first.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** How a program ended, for an error message. `lastLine`: what it said last on its stderr. */
export function obituary(
  { exitCode, signal }: ChildExit,
  phase: ConnectorPhase,
  lastLine: string | undefined,
): string {
  const how = signal === null ? `exited with code ${exitCode}` : `was killed by ${signal}`;
  const when = phase === 'handshake' ? ' during the handshake' : '';
  const words = lastLine === undefined ? '' : `; its last words: ${lastLine}`;
  return `the server process ${how}${when}${words}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function spawnProblem(options: ChildOptions, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  const { command, cwd } = options;
  if (cwd !== undefined && (code === 'ENOENT' || code === 'ENOTDIR') && !isDirectory(cwd)) {
    return `the working directory ${cwd} does not exist; create it or correct "cwd"`;
  }
  if (code === 'ENOENT') {
    const fix = command.includes('/') ? 'check the path' : 'install it, or give its full path';
    return `command ${command} was not found; ${fix}`;
  }
  if (code === 'EACCES') {
    return `command ${command} may not be run (EACCES); make the file executable and its folder and "cwd" accessible`;
  }
  return `command ${command} could not be started (${code})`;
}

/** Resolves when the system has started the program, rejects when it could not. */
async function started(child: ChildProcessWithoutNullStreams): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

async function ended(child: ChildProcessWithoutNullStreams, tail: StderrTail): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      const done = (): void => {
        clearTimeout(timer);
        tail.end();
        resolve({ exitCode, signal });
      };
      // A process that inherited the pipes and left the group may hold them open for ever.
      const timer = setTimeout(done, TRAILING_OUTPUT_MS);
      child.once('close', done);
    });
  });
}

class RunningChild implements ChildHandle {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: StderrTail;
  readonly exited: Promise<ChildExit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #reaper: Reaper;
  #stopping: Promise<void> | undefined;

  constructor(child: ChildProcessWithoutNullStreams, pid: number, options: ChildOptions) {
    this.#child = child;
    this.#reaper = options.reaper;
    this.pid = pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = createStderrTail(options.onStderr, hideSecretsOf(options));
    child.stdin.on('error', () => undefined); // EPIPE: `exited` tells the same
    child.stdout.on('error', () => undefined);
    child.stderr.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => this.stderr.push(chunk));
    this.exited = ended(child, this.stderr);
    child.once('exit', () => void this.stop());
    this.#limitMemory(options);
  }

  async stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  #limitMemory({ maxRssBytes, memoryIntervalMs: intervalMs }: ChildOptions): void {
    if (maxRssBytes === undefined) return;
    const exceeded = (rssBytes: number): void => {
      const held = Math.round(rssBytes / MIB);
      const limit = Math.round(maxRssBytes / MIB);
      // Its last words, with which its end is explained.
      const words = `cortex-mcp: it held ${held} MiB, more than its maxRssBytes of ${limit} MiB\n`;
      this.stderr.push(Buffer.from(words));
      void this.stop();
    };
    const every = intervalMs === undefined ? {} : { intervalMs };
    const end = watchMemory({ pid: this.pid, maxRssBytes, exceeded, ...every });
    void this.exited.then(end);
  }

  /** Whether the program itself ends within that time. */
  async #leaves(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    const left = this.exited.then(() => true);
    return Promise.race([left, late]).finally(() => clearTimeout(timer));
  }

  async #stop({ closeGraceMs = 1000, termGraceMs = 2000 }: StopOptions): Promise<void> {
    // Unsent input would hold back the end of file from a program that does not read.
    if (this.stdin.writableLength === 0) this.stdin.end();
    else this.stdin.destroy();
    const left = await this.#leaves(closeGraceMs);
    let gone = !(await groupRemains(this.pid));
    if (!gone) {
      signalGroup(this.pid, 'SIGTERM');
      gone = await groupGone(this.pid, left ? Math.min(ORPHAN_GRACE_MS, termGraceMs) : termGraceMs);
    }
    if (!gone) {
      signalGroup(this.pid, 'SIGKILL');
      gone = await groupGone(this.pid, KILL_WAIT_MS);
    }
    if (gone) {
      await this.exited;
      this.#reaper.unregister(this.pid);
    }
    // Whoever still holds the other ends must not keep ours open.
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}

/**
 * Starts a program as the leader of its own process group, without a shell, known to the reaper.
 * @throws UpstreamError SPAWN_FAILED, phase `spawn`, saying what to do about it.
 */
export async function spawnChild(options: ChildOptions): Promise<ChildHandle> {
  const { connectorId } = options;
  try {
    const child = spawn(options.command, [...options.args], {
      cwd: options.cwd,
      env: childEnvironment(options.baseEnv, options.env, options.reaper.arm()),
      detached: process.platform !== 'win32',
      shell: false,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    if (child.pid === undefined) {
      await started(child);
      throw new Error('no process id');
    }
    options.reaper.register(child.pid);
    const running = new RunningChild(child, child.pid, options);
    child.on('error', () => undefined); // only kill() could fail from here on, and we do not use it
    return running;
  } catch (cause) {
    const message = spawnProblem(options, cause);
    throw new UpstreamError('SPAWN_FAILED', message, {
      connectorId,
      phase: 'spawn',
      cause,
      unsent: true,
    });
  }
}
