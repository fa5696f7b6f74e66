import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;

/** Opening a pipe would wait for its other end. */
async function openFile(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags | O_NONBLOCK, 0o600);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new RangeError(`${path} is not a regular file; move it away`);
}

/** @throws the error of the file system, or RangeError for what is no regular file. */
export async function openToRead(path: string): Promise<FileHandle> {
  return await openFile(path, O_RDONLY);
}

/**
 * Appends to a file (0600), which is made when it is not there.
 * @throws the error of the file system, or RangeError for what is no regular file.
 */
export async function appendToFile(path: string, text: string | Buffer): Promise<void> {
  const file = await openFile(path, O_WRONLY | O_APPEND | O_CREAT);
  try {
    await file.appendFile(text);
  } finally {
    await file.close();
  }
}
