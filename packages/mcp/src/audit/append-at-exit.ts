import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Appends whole lines to a file (0600) before it returns: for a process that ends now.
 * @returns false when they are not there now as a whole.
 */
export function appendAtExit(path: string, lines: string): boolean {
  try {
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const bytes = Buffer.from(lines, 'latin1');
      return fstatSync(file).isFile() && writeSync(file, bytes) === bytes.length;
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // the caller says what is lost
  }
}
