import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../protocol/command-error.ts';

/** Where the processes that share one configuration meet. */
export interface MeetingPlace {
  /** The socket on which the one that serves listens. */
  readonly socketPath: string;
  /** Held by the one that serves. */
  readonly lockPath: string;
}

/** Held until released, or until the process ends in whatever way. */
export interface Ownership {
  release(): Promise<void>;
}

/** What the path of a socket may have everywhere (104 bytes on macOS). */
const MAX_SOCKET_PATH_BYTES = 100;
/** `O_EXLOCK` of macOS and the BSDs, where opening a file can lock it. Node has no name for it. */
const EXCLUSIVE_LOCK = 0x20;

/** A folder that only this user can enter, in place of a state folder whose path is too long for a socket. */
async function shortFolder(): Promise<string> {
  const { uid } = userInfo();
  const folder = join(tmpdir(), `cortex-mcp-${uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stat = await lstat(folder);
  const isOurs = stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0;
  if (!isOurs)
    throw new CommandError('FOLDER_EXPOSED', `${folder} can be entered by others`, {
      remedy: 'set TMPDIR to a folder of yours',
    });
  return folder;
}

/**
 * The place of one state folder and configuration.
 * @throws Error when there is no folder for it that only this user can enter.
 */
export async function meetingPlace(stateFolder: string, configPath: string): Promise<MeetingPlace> {
  const hash = createHash('sha256').update(`${stateFolder}\0${configPath}`).digest('hex');
  const name = `stdio-${hash.slice(0, 12)}`;
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const lockPath = join(stateFolder, `${name}.lock`);
  if (process.platform === 'win32')
    return { socketPath: `\\\\.\\pipe\\cortex-mcp-${name}`, lockPath };
  const socketPath = join(stateFolder, `${name}.sock`);
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES) return { socketPath, lockPath };
  return { socketPath: join(await shortFolder(), `${name}.sock`), lockPath };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function bindName(path: string): Promise<Ownership | undefined> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  server.once('error', (error) =>
    codeOf(error) === 'EADDRINUSE' ? resolve(false) : reject(error),
  );
  server.listen({ path, exclusive: true }, () => resolve(true));
  if (!(await promise)) return undefined;
  server.unref();
  return {
    release: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

async function lockFile(path: string): Promise<Ownership | undefined> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | EXCLUSIVE_LOCK;
  try {
    const file = await open(path, flags, 0o600);
    return { release: async () => await file.close() };
  } catch (error) {
    if (codeOf(error) === 'EAGAIN' || codeOf(error) === 'EWOULDBLOCK') return undefined;
    throw error;
  }
}

/**
 * Tries to become the one that serves; undefined while another is. The kernel holds the lock, so that there are no
 * stale ones: on Linux by an abstract socket, which is one per network namespace and user.
 */
export async function takeOwnership({ lockPath }: MeetingPlace): Promise<Ownership | undefined> {
  const hash = createHash('sha256').update(lockPath).digest('hex').slice(0, 32);
  if (process.platform === 'linux') {
    return await bindName(`\0cortex-mcp-stdio-${userInfo().uid}-${hash}`);
  }
  if (process.platform === 'win32') return await bindName(`\\\\.\\pipe\\cortex-mcp-lock-${hash}`);
  return await lockFile(lockPath);
}
