import { unlessMissing, type FileFacts, type FileSystem } from './file-system.ts';
import type { Quarantine } from './quarantine.ts';
import { readSnapshot } from './snapshot-reader.ts';
import type { StorePaths } from './store-paths.ts';
import type { RegistryState, WarningListener } from './store.ts';

/** Notices when somebody else replaces or changes `servers.json` while we are its writer (defect 21). */
export interface EditWatch {
  /** Reports what somebody else put there since, once. */
  look(): Promise<void>;
  /** Looks a last time, runs our own replacement of the file, and takes the result for known. */
  replace(commit: () => Promise<void>): Promise<void>;
}

/** What {@link createEditWatch} works with. */
export interface EditWatchParts {
  readonly fs: FileSystem;
  readonly paths: StorePaths;
  readonly quarantine: Quarantine;
  readonly warn: WarningListener;
  readonly onEdit: (state: RegistryState) => void;
}

/** Creates a watch; `known` is the file as it was loaded. */
export function createEditWatch(parts: EditWatchParts, known: FileFacts | undefined): EditWatch {
  const { fs, paths, quarantine, warn } = parts;
  let last = known;
  /** One at a time: a look during our own replacement would take that for an edit. */
  let queue: Promise<void> = Promise.resolve();

  async function inTurn(work: () => Promise<void>): Promise<void> {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  async function facts(): Promise<FileFacts | undefined> {
    return unlessMissing(fs.facts(paths.snapshot));
  }

  function unchanged(now: FileFacts | undefined): boolean {
    // A deleted file is no edit: the next snapshot writes it again.
    if (now === undefined) return true;
    return now.ino === last?.ino && now.mtimeMs === last.mtimeMs && now.size === last.size;
  }

  async function look(): Promise<void> {
    const now = await facts();
    if (unchanged(now)) return;
    const read = await readSnapshot(fs, paths.snapshot);
    last = now;
    if (read.kind === 'missing') return;
    if (read.kind === 'corrupt') {
      const copy = await quarantine.copy(paths.snapshot);
      warn({
        kind: 'rejected-edit',
        message: `${paths.snapshot} was changed by others but cannot be used (${read.reason}); kept as ${copy}`,
      });
      return;
    }
    const { records, extra, rejected } = read.content;
    if (rejected.length > 0) await quarantine.keepEntries(rejected);
    warn({ kind: 'external-edit', message: `${paths.snapshot} was changed by others and read` });
    parts.onEdit({ generation: 0, records, extra });
  }

  return {
    look: async () => inTurn(look),
    replace: async (commit) =>
      inTurn(async () => {
        await look();
        await commit();
        last = await facts();
      }),
  };
}
