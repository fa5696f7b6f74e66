import { closeSync, fdatasyncSync, fsyncSync, openSync, watch, writeSync } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../registry-error.ts';

/** The facts of a file that the store looks at. */
export interface FileFacts {
  readonly ino: number;
  readonly dev: number;
  readonly size: number;
  readonly mode: number;
  readonly nlink: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

/** An open file; Node's `FileHandle` is one. */
export interface OpenFile {
  readonly fd: number;
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<FileFacts>;
  close(): Promise<void>;
}

/** Everything the store asks of a disk. Tests put a faulty one in its place. */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, created: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeFolder(path: string, mode: number): Promise<void>;
  list(folder: string): Promise<string[]>;
  facts(path: string): Promise<FileFacts>;
  chmod(path: string, mode: number): Promise<void>;
  /** Makes renames and new names in the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** The file system's type number (`statfs` magic). */
  kind(folder: string): Promise<number>;
  /** Synchronous write and sync, for the moment the process exits. */
  writeNow(fd: number, bytes: Uint8Array, position: number): void;
  /** Creates a file that must not exist, synchronously and durably, for the same moment. */
  createNow(path: string, bytes: Uint8Array): void;
  /** Calls back when something in the folder changes. Returns the stop function. */
  watch(folder: string, onChange: () => void): () => void;
}

/** Flags for reading: never through a symbolic link, never waiting on a pipe. */
export const readFlags: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Flags for a new file that must not exist yet. */
export const createFlags: number =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Flags for writing into an existing file. */
export const updateFlags: number = constants.O_RDWR | constants.O_NOFOLLOW;

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function writeNow(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length)
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  fdatasyncSync(fd);
}

function createNow(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, createFlags, 0o600);
  try {
    writeNow(fd, bytes, 0);
  } finally {
    closeSync(fd);
  }
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function watchFolder(folder: string, onChange: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    // The caller polls as well, so a watcher that dies only makes changes show up later.
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    // No watcher left on this machine: polling alone finds the changes.
    return () => undefined;
  }
}

/** The real disk. */
export const nodeFileSystem: FileSystem = {
  open,
  rename,
  link,
  copyFile: async (from, to) => copyFile(from, to, constants.COPYFILE_EXCL),
  unlink,
  makeFolder: async (path, mode) => {
    await mkdir(path, { recursive: true, mode });
  },
  list: async (folder) => readdir(folder),
  facts: async (path) => lstat(path),
  chmod,
  syncFolder,
  kind: async (folder) => (await statfs(folder)).type,
  writeNow,
  createNow,
  watch: watchFolder,
};

/** Runs an operation; a missing file gives `undefined`, every other failure is thrown. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes all bytes, going on after short writes. Returns the position after the last byte. */
export async function writeAll(
  file: OpenFile,
  bytes: Uint8Array,
  position: number,
): Promise<number> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
  return position + written;
}

/** Reads a range in pieces of at most `pieceBytes`; ends early at the end of the file. */
export async function* readPieces(
  file: OpenFile,
  range: { readonly start: number; readonly end: number },
  pieceBytes = 262_144,
): AsyncGenerator<Buffer> {
  let position = range.start;
  while (position < range.end) {
    const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, range.end - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
