import { RegistryError, toRegistryError } from '../registry-error.ts';
import type { FileSystem } from './file-system.ts';
import { prepareFolder, tidyFolder } from './prepare-folder.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreAccess, WarningListener } from './store.ts';
import type { TakeLock, WriterLock } from './writer-lock.ts';

/** What {@link takeWriterAccess} works with. */
export interface WriterAccessParts {
  readonly fs: FileSystem;
  readonly paths: StorePaths;
  readonly takeLock: TakeLock;
  readonly allowNetworkFolder: boolean;
  readonly warn: WarningListener;
}

/** Codes after which a folder can still be read. */
const readable: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT']);

/** The reason of a reader beside a writer. */
export function lockedByOther(): RegistryError {
  return new RegistryError(
    'ELOCKED',
    'Cannot write to the registry: another process holds it; this one reads and follows',
  );
}

/**
 * Takes the lock and tidies the folder, or finds out why this process may only read.
 * @throws RegistryError when the folder can be used neither way.
 */
export async function takeWriterAccess(
  parts: WriterAccessParts,
): Promise<{ readonly access: StoreAccess; readonly lock: WriterLock | undefined }> {
  const { fs, paths, warn } = parts;
  let lock: WriterLock | undefined;
  try {
    await prepareFolder(fs, paths, parts);
    lock = await parts.takeLock(paths.lock);
    if (lock === undefined) return { access: { kind: 'reader', reason: lockedByOther() }, lock };
    if (lock.by === 'socket')
      warn({
        kind: 'lock-fallback',
        message: 'flock is not installed: writers in other containers are not kept out',
      });
    await tidyFolder(fs, paths);
    return { access: { kind: 'writer' }, lock };
  } catch (error) {
    await lock?.release();
    const reason = toRegistryError(error, `open ${paths.folder} for writing`);
    if (!readable.has(reason.code)) throw reason;
    warn({ kind: 'read-only', message: reason.message });
    return { access: { kind: 'reader', reason }, lock: undefined };
  }
}
