import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The announcement of a service that holds the registry. */
export interface ControlFile {
  /** What callers must prove to have read. */
  readonly token: string;
  /** Writes the file (0600) for a service at `origin`, in place of another's. */
  publish(origin: string): Promise<void>;
  /** Removes the file if it is still this one. */
  remove(): Promise<void>;
}

/** Makes a token; nothing is written before `publish`. */
export function createControlFile(stateFolder: string): ControlFile {
  const token = randomBytes(32).toString('base64url');
  const findPath = async (): Promise<string> => {
    const { controlFileName } = await import('@cortex-os/mcp-registry');
    return join(stateFolder, controlFileName);
  };
  return {
    token,
    publish: async (origin) => {
      const text = `${JSON.stringify({ url: origin, pid: process.pid, token })}\n`;
      const path = await findPath();
      const next = `${path}.${process.pid}.next`;
      await mkdir(stateFolder, { recursive: true, mode: 0o700 });
      await writeFile(next, text, { mode: 0o600 });
      await rename(next, path);
    },
    remove: async () => {
      const path = await findPath();
      try {
        if ((await readFile(path, 'utf8')).includes(token)) await unlink(path);
      } catch {
        // It was never written, or another service has taken its place and removed it.
      }
    },
  };
}
