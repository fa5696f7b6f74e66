import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { REAPER_SCRIPT, SERVICE_MARKER } from './reaper-script.ts';

/** A watcher that keeps dying young is not started more often than this in a row. */
const MAX_STARTS = 5;
const YOUNG_MS = 60_000;
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin';

/** Kills what this process leaves behind, even after `kill -9`. */
export interface Reaper {
  /** Starts the watcher if need be. Every child must be given these variables. */
  arm(): Readonly<Record<string, string>>;
  /** A child's process group exists. Call it in the same turn as `spawn`; the line is on its way on return. */
  register(groupId: number): void;
  /** The group is empty; its number may be used by others now. */
  unregister(groupId: number): void;
  /** Kills what is still registered or marked, then ends the watcher. A later `arm()` starts a new one. */
  close(): Promise<void>;
  /** The watcher's process id while it runs. */
  readonly pid: number | undefined;
}

/** One watcher process: in a session of its own, so that no terminal or group signal reaches it. */
function startWatcher(marker: string, lines: string): ChildProcess {
  const watcher = spawn('/bin/sh', ['-c', REAPER_SCRIPT, 'cortex-mcp-reaper'], {
    detached: true,
    cwd: '/',
    // Not the service's environment: it may hold another service's marker.
    env: { PATH: SYSTEM_PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.on('error', () => undefined); // no /bin/sh: `exit` never comes, `pid` stays undefined
  watcher.stdin?.on('error', () => undefined); // it died: its `exit` event brings the next one
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  watcher.stdin?.write(`${marker}\n${lines}`);
  return watcher;
}

class ProcessReaper implements Reaper {
  readonly #groups = new Set<number>();
  #token: string = randomUUID();
  #watcher: ChildProcess | undefined;
  #starts = 0;

  get pid(): number | undefined {
    return this.#watcher?.pid;
  }

  arm(): Readonly<Record<string, string>> {
    if (this.#watcher === undefined) this.#start();
    return { [SERVICE_MARKER]: this.#token };
  }

  register(groupId: number): void {
    this.#groups.add(groupId);
    this.#tell(`+${groupId}\n`);
  }

  unregister(groupId: number): void {
    if (this.#groups.delete(groupId)) this.#tell(`-${groupId}\n`);
  }

  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#groups.clear();
    this.#starts = 0;
    // The old watcher may still be sweeping when the next child starts.
    this.#token = randomUUID();
    if (watcher?.pid === undefined || watcher.exitCode !== null || watcher.signalCode !== null) {
      return;
    }
    const exited = new Promise((resolve) => void watcher.once('exit', resolve));
    watcher.ref();
    watcher.stdin?.end();
    await exited;
  }

  #tell(line: string): void {
    if (this.#watcher?.stdin?.writable === true) this.#watcher.stdin.write(line);
  }

  #start(): void {
    if (process.platform === 'win32' || this.#starts >= MAX_STARTS) return;
    this.#starts += 1;
    const lines = [...this.#groups].map((groupId) => `+${groupId}\n`).join('');
    const watcher = startWatcher(`${SERVICE_MARKER}=${this.#token}`, lines);
    this.#watcher = watcher;
    const startedAt = performance.now();
    watcher.once('exit', () => {
      if (performance.now() - startedAt > YOUNG_MS) this.#starts = 0;
      if (this.#watcher !== watcher) return;
      this.#watcher = undefined;
      if (this.#groups.size > 0) this.#start();
    });
  }
}

/**
 * A watcher for this process, started with the first child; it never keeps the event loop alive. On Windows
 * it does nothing.
 */
export function createReaper(): Reaper {
  return new ProcessReaper();
}
