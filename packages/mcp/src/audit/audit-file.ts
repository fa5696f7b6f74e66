import { constants } from 'node:fs';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface AuditFileOptions {
  /** Its folder is made 0700 when it is not there; the file is 0600. */
  readonly path: string;
  /** A file of this size is put aside as `.1`, and those before it move up by one. Default 64 MiB. */
  readonly maxFileBytes?: number | undefined;
  /** Files put aside at most; the oldest is dropped. Default 8. */
  readonly maxFiles?: number | undefined;
}

/** Thrown when the path is something else than a file of ours; `code` is stable. */
export class AuditFileError extends Error {
  readonly code = 'AUDIT_NOT_A_FILE';
  constructor(path: string) {
    super(`${path} is not a regular file; move it away, the audit log is written there`);
    this.name = 'AuditFileError';
  }
}

/** Neither a link is followed nor a pipe waited for. */
const OPEN_FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;
/** How often the name is looked at: another process, or a tool for logs, may have put the file aside. */
const CHECK_MS = 1_000;
/** Putting files aside takes milliseconds. */
const STALE_LOCK_MS = 10_000;
const NEWLINE = 0x0a;

interface Opened {
  readonly handle: FileHandle;
  readonly ino: bigint;
  size: number;
  checkedAtMs: number;
}

async function statOf(
  path: string,
): Promise<{ readonly ino: bigint; readonly size: number } | undefined> {
  try {
    const { ino, size } = await stat(path, { bigint: true });
    return { ino, size: Number(size) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/**
 * A file that whole lines are appended to. Several processes may append to the same one: each batch is one write to
 * a descriptor in append mode. Not for use by two callers at a time.
 */
export class AuditFile {
  readonly #path: string;
  readonly #maxFileBytes: number;
  readonly #maxFiles: number;
  #opened: Opened | undefined;
  /** What is there does not end with a whole line. */
  #torn = false;

  constructor({ path, maxFileBytes = 64 * 1024 * 1024, maxFiles = 8 }: AuditFileOptions) {
    this.#path = path;
    this.#maxFileBytes = maxFileBytes;
    this.#maxFiles = maxFiles;
  }

  /** Opens the file, unless it is open. @throws the error of the file system, or `AuditFileError`. */
  async open(): Promise<void> {
    this.#opened ??= await this.#open();
  }

  /**
   * Appends lines, each with its end.
   * @returns how many bytes are there now as whole lines; fewer than all when the disk took only a part.
   * @throws the error of the file system when it took nothing.
   */
  async append(lines: Buffer): Promise<number> {
    const opened = await this.#current();
    const head = this.#torn ? 1 : 0;
    const bytes = this.#torn ? Buffer.concat([Buffer.from('\n'), lines]) : lines;
    const { bytesWritten } = await opened.handle.write(bytes);
    opened.size += bytesWritten;
    if (bytesWritten === bytes.length) {
      this.#torn = false;
      return lines.length;
    }
    if (bytesWritten > 0) this.#torn = bytes[bytesWritten - 1] !== NEWLINE;
    const end = bytesWritten <= head ? 0 : bytes.lastIndexOf(NEWLINE, bytesWritten - 1) + 1;
    return Math.max(0, end - head);
  }

  /** Resolves when what was appended is on the disk. */
  async sync(): Promise<void> {
    await this.#opened?.handle.datasync();
  }

  /** Lets go of the file; the next use opens it again. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.handle.close();
  }

  async #open(): Promise<Opened> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const handle = await open(this.#path, OPEN_FLAGS, 0o600);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) throw new AuditFileError(this.#path);
      if ((stats.mode & 0o77n) !== 0n) await handle.chmod(0o600);
      const size = Number(stats.size);
      this.#torn = size > 0 && !(await endsWithNewline(handle, size));
      return { handle, ino: stats.ino, size, checkedAtMs: performance.now() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The open file, put aside before when it is full. */
  async #current(): Promise<Opened> {
    await this.#check();
    if (this.#opened !== undefined && this.#opened.size >= this.#maxFileBytes) await this.#rotate();
    this.#opened ??= await this.#open();
    return this.#opened;
  }

  async #check(): Promise<void> {
    const opened = this.#opened;
    const now = performance.now();
    if (opened === undefined || now - opened.checkedAtMs < CHECK_MS) return;
    opened.checkedAtMs = now;
    const there = await statOf(this.#path);
    if (there?.ino === opened.ino) opened.size = there.size;
    else await this.close();
  }

  /** Puts the file aside, unless another process is at it; then it is found out at the next check. */
  async #rotate(): Promise<void> {
    const lock = `${this.#path}.lock`;
    if (!(await tryLock(lock))) return;
    try {
      const there = await statOf(this.#path);
      const own = there?.ino === this.#opened?.ino;
      await this.close();
      // Another process was faster.
      if (!own) return;
      for (let index = this.#maxFiles - 1; index >= 1; index -= 1) {
        await renameIfThere(`${this.#path}.${index}`, `${this.#path}.${index + 1}`);
      }
      await renameIfThere(this.#path, `${this.#path}.1`);
    } finally {
      await rm(lock, { force: true });
    }
  }
}

/** False while another process holds it; one that was left behind is removed, for the next try. */
async function tryLock(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
  if (Date.now() - mtimeMs > STALE_LOCK_MS) await rm(lock, { force: true });
  return false;
}

async function endsWithNewline(handle: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === NEWLINE;
}
