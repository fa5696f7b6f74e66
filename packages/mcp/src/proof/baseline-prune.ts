import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeptBaseline, listBaselines } from './baseline-folder.ts';

/** A file of this name in a folder says that the baseline is one to compare with later: it stays. */
export const REFERENCE_MARK = 'reference';

async function isMarked({ folder }: KeptBaseline): Promise<boolean> {
  try {
    await lstat(join(folder, REFERENCE_MARK));
    return true;
  } catch {
    return false; // not there
  }
}

/**
 * Removes the oldest baselines of a label, so that `keep` are left. Never those of another label, those that hold a
 * file `reference`, nor a folder without a record that can be read or with another name than `baseline collect` gives.
 * @returns names of what was removed, oldest first.
 */
export async function pruneBaselines(
  parent: string,
  { label, keep }: { readonly label: string; readonly keep: number },
): Promise<readonly string[]> {
  const own = (await listBaselines(parent)).filter(({ name, record }) => {
    const usual = record && `${record.takenAt.slice(0, 10)}-${label}`;
    if (record?.label !== label || usual === undefined) return false;
    return (
      name === usual || (name.startsWith(`${usual}-`) && /^\d+$/.test(name.slice(usual.length + 1)))
    );
  });
  const removed: string[] = [];
  for (const one of own.slice(0, Math.max(0, own.length - keep))) {
    if (await isMarked(one)) continue;
    await rm(one.folder, { recursive: true, force: true });
    removed.push(one.name);
  }
  return removed;
}
