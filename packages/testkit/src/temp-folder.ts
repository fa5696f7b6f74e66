import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** Removes the folder with everything in it. May be called twice. */
  remove(): Promise<void>;
}

/** Creates an empty folder of its own. */
export function tempFolder(prefix = 'testkit-'): TempFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const remove = async (): Promise<void> =>
    rm(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
