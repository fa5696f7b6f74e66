import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';

/** Which of several processes may write what all of them read. */
export interface StateOwnerOptions {
  readonly stateFolder: string;
  /** Processes with other configurations own the same folder beside each other. */
  readonly configPath: string;
}

/**
 * One process at a time owns a state folder: it writes there and runs what may run once. The kernel says which, so
 * that nothing is left of one that was killed, and the next has it at once.
 */
export interface StateOwner {
  readonly owns: boolean;
  /** Called once, as soon as this process owns it; at once when it does. */
  onOwned(listener: () => void): void;
  /** Begins to try, and goes on until it is released. */
  start(): void;
  /** Says something to all other processes that have it, wait for it, or had it before. One line; may come twice. */
  tell(line: string): void;
  /** Whether there is anybody to tell. */
  readonly hasOthers: boolean;
  /** Hears what other processes say. */
  onTold(listener: (line: string) => void): void;
  /** The next may have it; this process gets it no more. Idempotent. */
  release(): Promise<void>;
}

/** What holds it, until closed. */
type Held = () => Promise<void>;

/** A try, and what tells when another is worth it. */
interface Lock {
  /** Undefined while another process has it. @param told hears what those who wait say. */
  take(told: (line: string) => void): Promise<Held | undefined>;
  /** Resolves when it may be free. @param told hears what whoever has it says. */
  freed(signal: AbortSignal, told: (line: string) => void): Promise<void>;
  /** Says something to whoever had it before, and to those who wait. Default: there is no way. */
  tell?(line: string): void;
  readonly hasOthers?: boolean;
}

/** What the one that has it says to those who wait when it lets go. */
const FREE = 'free';
/** Processes that wait at a time. */
const MAX_WAITING = 64;
/** Characters of one line; whoever sends more is cut off. */
const MAX_LINE = 4 * 1_048_576;

/** Where no message comes when it is free. */
const POLL_MS = 1_000;
/** Between two tries, whatever is said. */
const LEAST_MS = 20;
/** `O_EXLOCK` of macOS and the BSDs, where opening a file can lock it. Node has no name for it. */
const EXCLUSIVE_LOCK = 0x20;

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', () => listener(), { once: true });
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    onAbort(signal, resolve);
  });
}

/** Hands over each line that comes. */
function readLines(socket: Socket, line: (text: string) => void): void {
  let begun = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (begun + text).split('\n');
    begun = lines.pop() ?? '';
    for (const whole of lines) line(whole);
    if (begun.length > MAX_LINE) socket.destroy();
  });
}

/** Says a line to all but the one it came from. */
function pass(line: string, to: Iterable<Socket | undefined>, from?: Socket): void {
  for (const socket of to) {
    if (socket !== from && socket?.writable === true) socket.write(`${line}\n`);
  }
}

/**
 * Whoever listens on the name has the lock; those who wait are connected to it and hear when it goes. So all of them
 * are a tree, along which a line reaches everybody: up to whoever had it before, and down to those who wait.
 */
function nameLock(path: string): Lock {
  let before: Socket | undefined;
  const waiting = new Set<Socket>();
  return {
    take: async (told) => {
      const server: Server = createServer((socket) => {
        waiting.add(socket);
        socket.unref();
        socket.on('error', () => socket.destroy());
        socket.once('close', () => waiting.delete(socket));
        readLines(socket, (line) => {
          told(line);
          pass(line, [before, ...waiting], socket);
        });
      });
      server.maxConnections = MAX_WAITING;
      const { promise, resolve, reject } = Promise.withResolvers<boolean>();
      // Also later: a connection that cannot be taken, for want of descriptors, must not end the process.
      server.on('error', (error) =>
        codeOf(error) === 'EADDRINUSE' ? resolve(false) : reject(error),
      );
      // Exclusive: the workers of a cluster would share it.
      server.listen({ path, exclusive: true }, () => resolve(true));
      if (!(await promise)) return undefined;
      server.unref();
      return async () => {
        server.close();
        // The connections stay for as long as this process has something left to do.
        pass(FREE, waiting);
        await nextTurn();
      };
    },
    freed: async (signal, told) => {
      const socket = connect({ path });
      socket.unref();
      before = socket;
      await new Promise<void>((resolve) => {
        // Refused: it went in between.
        socket.once('error', () => resolve());
        socket.once('close', () => resolve());
        readLines(socket, (line) => {
          if (line === FREE) {
            resolve();
            return;
          }
          told(line);
          pass(line, waiting);
        });
        onAbort(signal, resolve);
      });
      if (signal.aborted) socket.destroy();
    },
    tell: (line) => pass(line, [before, ...waiting]),
    get hasOthers() {
      return waiting.size > 0 || before?.writable === true;
    },
  };
}

function fileLock(path: string): Lock {
  return {
    take: async () => {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | EXCLUSIVE_LOCK;
      try {
        const file = await open(path, flags, 0o600);
        return async () => await file.close();
      } catch (error) {
        if (codeOf(error) === 'EAGAIN' || codeOf(error) === 'EWOULDBLOCK') return undefined;
        throw error;
      }
    },
    freed: async (signal) => await rest(POLL_MS, signal),
  };
}

/** The name that the owner of a state folder listens on, without the zero byte before it (Linux). */
export function stateLockName(options: StateOwnerOptions): string {
  return `${lockName(options)}-${userInfo().uid}`;
}

function lockName({ stateFolder, configPath }: StateOwnerOptions): string {
  const hash = createHash('sha256').update(`${stateFolder}\0${configPath}`).digest('hex');
  return `cortex-mcp-state-${hash.slice(0, 32)}`;
}

function lockOf(options: StateOwnerOptions, platform: NodeJS.Platform): Lock {
  const name = lockName(options);
  if (platform === 'linux') return nameLock(`\0${stateLockName(options)}`);
  if (platform === 'win32') return nameLock(`\\\\.\\pipe\\${name}`);
  return fileLock(join(options.stateFolder, `${name}.lock`));
}

class LockOwner implements StateOwner {
  readonly #lock: Lock;
  readonly #onError: (error: unknown) => void;
  readonly #released = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #told: (line: string) => void = () => undefined;
  #held: Held | undefined;
  #trying: Promise<void> | undefined;

  constructor(lock: Lock, onError: (error: unknown) => void) {
    this.#lock = lock;
    this.#onError = onError;
  }

  get owns(): boolean {
    return this.#held !== undefined;
  }

  onOwned(listener: () => void): void {
    if (this.owns) listener();
    else this.#listeners.push(listener);
  }

  get hasOthers(): boolean {
    return this.#lock.hasOthers ?? false;
  }

  tell(line: string): void {
    this.#lock.tell?.(line);
  }

  onTold(listener: (line: string) => void): void {
    this.#told = listener;
  }

  start(): void {
    this.#trying ??= this.#try();
  }

  async release(): Promise<void> {
    this.#released.abort();
    await this.#trying;
    const held = this.#held;
    this.#held = undefined;
    this.#listeners.length = 0;
    await held?.();
  }

  async #try(): Promise<void> {
    const { signal } = this.#released;
    const told = (line: string): void => this.#told(line);
    while (!signal.aborted) {
      let held: Held | undefined;
      try {
        held = await this.#lock.take(told);
      } catch (error) {
        // No name or file to lock on: a service alone must not go without its state for that.
        this.#onError(error);
        held = async () => await Promise.resolve();
      }
      if (held !== undefined) {
        this.#held = held;
        for (const listener of this.#listeners.splice(0)) listener();
        return;
      }
      await this.#lock.freed(signal, told);
      await rest(LEAST_MS, signal);
    }
  }
}

/** Takes nothing before `start`. Where no lock can be had, this process owns the state, and says so. */
export function createStateOwner(
  options: StateOwnerOptions,
  logger: Logger,
  platform: NodeJS.Platform = process.platform,
): StateOwner {
  return new LockOwner(lockOf(options, platform), (error) =>
    logger.warn({ err: error }, 'the state folder has no lock: others may write it as well'),
  );
}

/** For a service that shares its state with nobody. */
export const SOLE_OWNER: StateOwner = {
  owns: true,
  hasOthers: false,
  onOwned: (listener) => listener(),
  start: () => undefined,
  tell: () => undefined,
  onTold: () => undefined,
  release: async () => await Promise.resolve(),
};
