import { RegistryError } from '../registry-error.ts';
import type { RecordKey } from '../server-record.ts';
import type { StoredRecord } from '../stored-record.ts';
import type { FileFacts, FileSystem } from './file-system.ts';
import { fitJournal, type SnapshotIdentity } from './journal-fit.ts';
import type { RejectedLine } from './journal-format.ts';
import {
  applyJournal,
  createDraft,
  replay,
  startFrom,
  warn,
  type RecoveryDraft,
} from './recovery-draft.ts';
import { readJournal, type JournalContent } from './journal-reader.ts';
import {
  peekFooter,
  readSnapshot,
  type SnapshotContent,
  type SnapshotRead,
} from './snapshot-reader.ts';
import type { StorePaths } from './store-paths.ts';
import type { RegistryWarning } from './store.ts';

/** What reading the folder gave, and what a writer has to put right. Nothing has been changed yet. */
export interface Recovery {
  /** History the state belongs to; undefined when it begins here. */
  readonly id: string | undefined;
  readonly generation: number;
  readonly records: Map<RecordKey, StoredRecord>;
  readonly extra: Readonly<Record<string, unknown>>;
  /** The snapshot the state was built on. */
  readonly base: SnapshotIdentity;
  readonly snapshotFacts: FileFacts | undefined;
  /** Whether the journal may be appended to. `replace` asks for a snapshot first. */
  readonly journal: 'absent' | 'resume' | 'replace';
  /** Offset after the journal's last good batch; 0 without a journal. */
  readonly journalEnd: number;
  readonly rejected: readonly RejectedLine[];
  readonly warnings: readonly RegistryWarning[];
  /** Files whose bytes must be kept aside before anything is written over them. */
  readonly moveAside: readonly string[];
  readonly copyAside: readonly string[];
}

async function noticeRestore(
  fs: FileSystem,
  paths: StorePaths,
  draft: RecoveryDraft,
): Promise<void> {
  if (draft.base.kind !== 'ours') return;
  const previous = await peekFooter(fs, paths.previousSnapshot);
  if (previous?.id !== draft.base.id || previous.generation <= draft.generation) return;
  draft.generation = previous.generation;
  draft.replaceJournal = true;
  warn(draft, 'generation-backwards', 'The registry file is older than the one kept before it');
}

function lost(paths: StorePaths, reason: string): RegistryError {
  return new RegistryError(
    'EREGISTRYLOST',
    `Cannot open ${paths.snapshot}: ${reason}, and no earlier generation can be read; nothing was changed. ` +
      'Put a backup in its place, or move the files away to start empty',
  );
}

type WholeRead = Extract<SnapshotRead, { content: SnapshotContent }>;
type BrokenRead = Exclude<SnapshotRead, WholeRead>;

function isWhole(read: SnapshotRead): read is WholeRead {
  return read.kind === 'ours' || read.kind === 'foreign';
}

/** Whether a journal starts from an empty registry, so that it needs no snapshot. */
function startsEmpty(journal: JournalContent | undefined): boolean {
  return journal?.header !== undefined && journal.header.base.sha256 === null;
}

/** Starts from the previous snapshot, or from nothing when a journal reaches back to the beginning. */
async function startFromPrevious(
  fs: FileSystem,
  paths: StorePaths,
  draft: RecoveryDraft,
  journals: readonly (JournalContent | undefined)[],
): Promise<boolean> {
  const previous = await readSnapshot(fs, paths.previousSnapshot);
  if (isWhole(previous)) startFrom(draft, previous);
  return isWhole(previous) || (previous.kind === 'missing' && journals.some(startsEmpty));
}

/** Builds on the previous generation: its snapshot (or nothing at all), then both journals. */
async function recoverPrevious(
  fs: FileSystem,
  paths: StorePaths,
  current: BrokenRead,
): Promise<RecoveryDraft> {
  const draft = createDraft();
  const reason = current.kind === 'corrupt' ? current.reason : 'it is missing';
  const older = await readJournal(fs, paths.previousJournal);
  const journal = await readJournal(fs, paths.journal);
  if (!(await startFromPrevious(fs, paths, draft, [older, journal]))) throw lost(paths, reason);
  if (current.kind === 'corrupt') draft.moveAside.push(paths.snapshot);
  warn(draft, 'corrupt-snapshot', `${paths.snapshot} cannot be used: ${reason}`);
  warn(draft, 'previous-snapshot-used', 'The previous generation and its journals were loaded');
  if (older !== undefined && fitJournal(draft.base, older.header) === 'extends')
    replay(draft, older);
  if (journal !== undefined) replay(draft, journal);
  if (journal?.damage === 'damaged') draft.copyAside.push(paths.journal);
  draft.id ??= journal?.header?.id;
  draft.replaceJournal = true;
  return draft;
}

async function recoverDraft(
  fs: FileSystem,
  paths: StorePaths,
): Promise<{ draft: RecoveryDraft; journal: JournalContent | undefined }> {
  const current = await readSnapshot(fs, paths.snapshot);
  const journal = await readJournal(fs, paths.journal);
  const draft = createDraft();
  if (isWhole(current)) startFrom(draft, current);
  else if (current.kind === 'corrupt' || (await hasPast(fs, paths, journal)))
    return { draft: await recoverPrevious(fs, paths, current), journal };
  if (journal !== undefined) applyJournal(draft, paths.journal, journal);
  await noticeRestore(fs, paths, draft);
  return { draft, journal };
}

/** Whether the folder shows that there once was a snapshot which is now missing. */
async function hasPast(
  fs: FileSystem,
  paths: StorePaths,
  journal: JournalContent | undefined,
): Promise<boolean> {
  if (journal?.header !== undefined && journal.header.base.sha256 !== null) return true;
  return (await readSnapshot(fs, paths.previousSnapshot)).kind !== 'missing';
}

/**
 * Reads the newest state the folder holds: snapshot and journal, or the generation before when the snapshot is
 * damaged or gone. Changes nothing.
 * @throws RegistryError `EREGISTRYLOST` when nothing whole is left, `EREGISTRYFORMAT` for files of a newer version,
 * or the disk's code when a file cannot be read. Only a folder without any of the files is an empty registry.
 */
export async function recover(fs: FileSystem, paths: StorePaths): Promise<Recovery> {
  const { draft, journal } = await recoverDraft(fs, paths);
  // Appending in place would change another name of the same file.
  const replace = draft.replaceJournal || (journal?.nlink ?? 1) > 1;
  return {
    id: draft.id,
    generation: draft.generation,
    records: draft.records,
    extra: draft.extra,
    base: draft.base,
    snapshotFacts: draft.facts,
    journal: replace ? 'replace' : journal === undefined ? 'absent' : 'resume',
    journalEnd: journal?.end ?? 0,
    rejected: draft.rejected,
    warnings: draft.warnings,
    moveAside: draft.moveAside,
    copyAside: draft.copyAside,
  };
}
