import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createServer } from 'node:net';
import { errorCode, toRegistryError } from '../registry-error.ts';

/** A held lock. The kernel releases it when the process ends, however it ends. */
export interface WriterLock {
  /** Which kernel object holds it. */
  readonly by: 'flock' | 'exlock' | 'socket';
  release(): Promise<void>;
}

/** Tries to take the lock of a registry; `undefined` when somebody else holds it. Never waits. */
export type TakeLock = (path: string) => Promise<WriterLock | undefined>;

/** `O_EXLOCK` of macOS and the BSDs, where opening a file can lock it. Node has no name for it. */
const exclusiveLockFlag = 0x20;

/**
 * `flock(1)` locks the description it inherits as fd 3. That description is ours too, so the lock stays when the child
 * is gone, and goes when we are. Gives `missing` when the program is not installed.
 */
async function flockInherited(fd: number, program: string): Promise<'taken' | 'held' | 'missing'> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-xn', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (error) =>
      errorCode(error) === 'ENOENT' ? resolve('missing') : reject(error),
    );
    child.once('exit', (status) => resolve(status === 0 ? 'taken' : 'held'));
  });
}

/** A socket name bound to the lock file's identity: abstract on Linux, a named pipe on Windows. */
async function socketName(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat();
  const name = `cortex-mcp-registry-${dev}-${ino}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `\0${name}`;
}

async function bindSocket(name: string): Promise<WriterLock | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      errorCode(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    // Exclusive: the workers of a cluster would share the socket, and so hold the lock together.
    server.listen({ path: name, exclusive: true }, () => {
      server.unref();
      resolve({
        by: 'socket',
        release: async () => {
          await new Promise<void>((done) => {
            server.close(() => done());
          });
        },
      });
    });
  });
}

async function lockFile(file: FileHandle, program: string): Promise<WriterLock | undefined> {
  const outcome = await flockInherited(file.fd, program);
  if (outcome === 'missing') return bindSocket(await socketName(file));
  if (outcome === 'held') return undefined;
  return {
    by: 'flock',
    release: async () => {
      await file.close();
    },
  };
}

async function openExclusive(path: string): Promise<WriterLock | undefined> {
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(path, flags | exclusiveLockFlag | constants.O_NONBLOCK, 0o600);
    return {
      by: 'exlock',
      release: async () => {
        await file.close();
      },
    };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    throw error;
  }
}

/** Choices of {@link createWriterLock}; the defaults are right outside tests. */
export interface WriterLockOptions {
  /** Default: this machine's. */
  readonly platform?: NodeJS.Platform;
  /** The `flock` program. Default: found on the path. */
  readonly flockProgram?: string;
}

/**
 * A lock held by the kernel: no wall clock, no stale files (P5). Linux uses `flock(1)`. Without that program it binds
 * an abstract socket named after the lock file, which excludes processes of the same network namespace only; macOS
 * and the BSDs lock on open. The file itself stays: removing it would let two processes lock two files of one name.
 */
export function createWriterLock(options: WriterLockOptions = {}): TakeLock {
  const { platform = process.platform, flockProgram = 'flock' } = options;
  return async (path) => {
    try {
      if (platform === 'darwin' || platform.endsWith('bsd')) return await openExclusive(path);
      const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
      const file = await open(path, flags, 0o600);
      const lock = await lockFile(file, flockProgram).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      if (lock?.by !== 'flock') await file.close();
      return lock;
    } catch (error) {
      throw toRegistryError(error, `lock ${path}`);
    }
  };
}
