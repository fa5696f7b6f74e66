import { basename } from 'node:path';
import { errorCode, RegistryError, toRegistryError } from '../registry-error.ts';
import { unlessMissing, type FileSystem } from './file-system.ts';
import type { StorePaths } from './store-paths.ts';
import type { WarningListener } from './store.ts';

/** `statfs` types of file systems whose locks and syncs do not reach the other machines. */
const networkKinds: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
]);

/** Makes the folder (0700) and refuses one on a network file system. */
export async function prepareFolder(
  fs: FileSystem,
  paths: StorePaths,
  options: { readonly allowNetworkFolder: boolean; readonly warn: WarningListener },
): Promise<void> {
  await fs.makeFolder(paths.folder, 0o700);
  const kind = networkKinds.get((await fs.kind(paths.folder)) >>> 0);
  if (kind !== undefined && !options.allowNetworkFolder)
    throw new RegistryError(
      'ENETFS',
      `Cannot keep the registry in ${paths.folder}: it is on ${kind}, where one writer cannot be guaranteed`,
    );
  const { mode } = await fs.facts(paths.folder);
  if ((mode & 0o022) !== 0)
    options.warn({
      kind: 'open-folder',
      message: `${paths.folder} can be written by other users; its mode should be 700`,
    });
}

/**
 * Tries to give the snapshot a second name. Across a mount that is refused, which shows a single file mounted into a
 * container: it can never be replaced, so that is said at start and not at the first write.
 */
async function refuseMountedFile(fs: FileSystem, paths: StorePaths): Promise<void> {
  const probe = `${paths.snapshot}.probe`;
  try {
    await fs.link(paths.snapshot, probe);
    await fs.unlink(probe);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') return;
    throw new RegistryError(
      'EBUSY',
      `Cannot replace ${paths.snapshot}: it is mounted as a single file; mount its folder instead`,
      { cause: error },
    );
  }
}

/** What the holder of the lock does first: unfinished files go, modes are tightened. */
export async function tidyFolder(fs: FileSystem, paths: StorePaths): Promise<void> {
  try {
    for (const path of paths.temporary) await unlessMissing(fs.unlink(path));
    const names = new Set(await fs.list(paths.folder));
    const kept = [
      paths.snapshot,
      paths.previousSnapshot,
      paths.journal,
      paths.previousJournal,
    ].filter((path) => names.has(basename(path)));
    for (const path of kept) {
      const facts = await fs.facts(path);
      // The earlier build left files with secrets in them readable by everyone.
      if (facts.isFile() && (facts.mode & 0o077) !== 0) await fs.chmod(path, 0o600);
    }
  } catch (error) {
    throw toRegistryError(error, `tidy ${paths.folder}`);
  }
  await refuseMountedFile(fs, paths);
}
