import { open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Files in which the kernel tells about itself and its processes. */
export interface HostFiles {
  /** Its text, at most 4 MiB of it; undefined when it is not there or not for us to read. */
  text(path: string): Promise<string | undefined>;
  /** Names in a folder; none when it cannot be read. */
  names(path: string): Promise<readonly string[]>;
  /** Where a symbolic link leads; undefined when it is none, or not for us to read. */
  link(path: string): Promise<string | undefined>;
}

/** Longer than the map of any process we ask about. */
const MAX_BYTES = 4 * 1_048_576;
const CHUNK_BYTES = 65_536;
/** All processes of a machine are looked at together; one that finds no free descriptor would be taken for gone. */
const MAX_OPEN = 64;

/** Files of `/proc` say they are empty, and one of another file system may be without end: read until either ends. */
async function readBounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    while (size < MAX_BYTES) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES));
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await file.close();
  }
}

async function orUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch {
    return undefined; // not on this system, gone meanwhile, or another user's: not known
  }
}

/** Lets so many tasks run at a time; the others wait for their turn. */
function createTurns(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/** For a service on another machine: nothing can be read. */
export const NO_HOST_FILES: HostFiles = {
  text: async () => await Promise.resolve(undefined),
  names: async () => await Promise.resolve([]),
  link: async () => await Promise.resolve(undefined),
};

/** @param root what stands for `/`. Nothing outside of it is read. */
export function createHostFiles(root = '/'): HostFiles {
  const inTurn = createTurns(MAX_OPEN);
  return {
    text: async (path) => await orUndefined(inTurn(async () => readBounded(join(root, path)))),
    names: async (path) => (await orUndefined(readdir(join(root, path)))) ?? [],
    link: async (path) => await orUndefined(readlink(join(root, path))),
  };
}
