import { errorCode } from '../registry-error.ts';
import { unlessMissing, updateFlags, type FileSystem } from './file-system.ts';

/** The names that take part in replacing a file. */
export interface Replacement {
  readonly folder: string;
  /** The new file: complete and synced. */
  readonly next: string;
  readonly current: string;
  /** Where the replaced file stays. */
  readonly previous: string;
}

/** File systems without hard links, or a kernel that forbids them, answer with one of these. */
const noHardLinks: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EMLINK',
]);

async function copySynced(fs: FileSystem, from: string, to: string): Promise<void> {
  await fs.copyFile(from, to);
  const file = await fs.open(to, updateFlags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the current file a second name; false when there is no current file. */
async function keepCurrent(fs: FileSystem, current: string, kept: string): Promise<boolean> {
  await unlessMissing(fs.unlink(kept));
  try {
    await fs.link(current, kept).catch(async (error: unknown) => {
      if (!noHardLinks.has(errorCode(error) ?? '')) throw error;
      await copySynced(fs, current, kept);
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Puts `next` in the place of `current` and keeps the old one as `previous`. At every instant `current` is the whole
 * old or the whole new file. When this rejects, it is unknown which of them a crash would leave.
 */
export async function replaceKeepingPrevious(
  fs: FileSystem,
  { folder, next, current, previous }: Replacement,
): Promise<void> {
  const kept = `${previous}.next`;
  if (await keepCurrent(fs, current, kept)) {
    await fs.rename(kept, previous);
    // Renaming does nothing when both names are the same file already, as after a crash at this point.
    await unlessMissing(fs.unlink(kept));
  }
  await fs.rename(next, current);
  await fs.syncFolder(folder);
}
