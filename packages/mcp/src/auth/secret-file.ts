import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthError } from './auth-error.ts';

const SECRET_BYTES = 32;
const MAX_BYTES = 4_096;
/** Bits that let others than the owner read or write. */
const OTHERS = 0o077;
/** Opening a pipe would wait for whoever writes to it. */
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK;

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * The text of a file that nobody else may read; undefined when there is none.
 * @throws AuthError `KEYS_EXPOSED` when others may, `KEYS_UNREADABLE`.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, READ_ONLY);
    try {
      const stats = await file.stat();
      const { size, mode } = stats;
      if (!stats.isFile()) {
        throw new AuthError('KEYS_UNREADABLE', `${path} is not a regular file; move it away`);
      }
      if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
        const shown = (mode & 0o777).toString(8);
        const why = `${path} can be used by other users (mode ${shown}): chmod 600 ${path}`;
        throw new AuthError('KEYS_EXPOSED', why);
      }
      if (size > maxBytes) {
        throw new AuthError('KEYS_UNREADABLE', `${path} is larger than ${maxBytes} bytes`);
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (error instanceof AuthError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AuthError('KEYS_UNREADABLE', `${path} cannot be read: ${reason}`, { cause: error });
  }
}

function decode(path: string, text: string): Buffer {
  const bytes = Buffer.from(text.trim(), 'base64url');
  if (bytes.length === SECRET_BYTES) return bytes;
  throw new AuthError('KEYS_DAMAGED', `${path} does not hold ${SECRET_BYTES} bytes in base64url`);
}

/** 32 random bytes of the state folder (`secrets/<name>`, 0600); undefined when there are none. @throws AuthError */
export async function readSecret(stateFolder: string, name: string): Promise<Buffer | undefined> {
  const path = join(stateFolder, 'secrets', name);
  const text = await readPrivateFile(path, MAX_BYTES);
  return text === undefined ? undefined : decode(path, text);
}

/** As `readSecret`; what is not there is made, once, however many processes ask. @throws AuthError */
export async function ensureSecret(stateFolder: string, name: string): Promise<Buffer> {
  const known = await readSecret(stateFolder, name);
  if (known !== undefined) return known;
  const folder = join(stateFolder, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const next = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const file = await open(next, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(SECRET_BYTES).toString('base64url')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // A link takes no place that is taken: of several processes one is first, and whole files only are ever seen.
    await link(next, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(next, { force: true });
  }
  const made = await readSecret(stateFolder, name);
  if (made === undefined) throw new AuthError('KEYS_UNREADABLE', `${path} was removed just now`);
  return made;
}
