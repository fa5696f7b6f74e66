import type { RecordKey } from '../server-record.ts';
import { peekStored, type StoredRecord } from '../stored-record.ts';
import type { FileFacts } from './file-system.ts';
import { fingerprint } from './fingerprint.ts';
import { fitJournal, type SnapshotIdentity } from './journal-fit.ts';
import type { RejectedLine } from './journal-format.ts';
import type { JournalContent } from './journal-reader.ts';
import type { SnapshotContent, SnapshotRead } from './snapshot-reader.ts';
import { applyChanges, type Batch, type RegistryWarning } from './store.ts';

/** A state being put together from files, with what was noticed on the way. */
export interface RecoveryDraft {
  id: string | undefined;
  generation: number;
  records: Map<RecordKey, StoredRecord>;
  extra: Record<string, unknown>;
  base: SnapshotIdentity;
  facts: FileFacts | undefined;
  rejected: RejectedLine[];
  warnings: RegistryWarning[];
  moveAside: string[];
  copyAside: string[];
  replaceJournal: boolean;
}

/** An empty registry. */
export function createDraft(): RecoveryDraft {
  return {
    id: undefined,
    generation: 0,
    records: new Map(),
    extra: {},
    base: { kind: 'none' },
    facts: undefined,
    rejected: [],
    warnings: [],
    moveAside: [],
    copyAside: [],
    replaceJournal: false,
  };
}

/** Notes something an operator should know. */
export function warn(draft: RecoveryDraft, kind: RegistryWarning['kind'], message: string): void {
  draft.warnings.push({ kind, message });
}

/** Takes over the content of a snapshot. */
export function startFrom(
  draft: RecoveryDraft,
  read: Extract<SnapshotRead, { content: SnapshotContent }>,
): void {
  draft.records = read.content.records;
  draft.extra = read.content.extra;
  draft.rejected.push(...read.content.rejected);
  draft.facts = read.facts;
  if (read.kind === 'foreign') {
    draft.base = { kind: 'foreign', sha256: read.sha256 };
    return;
  }
  const { id, generation, sha256 } = read.footer;
  draft.base = { kind: 'ours', id, generation, sha256 };
  draft.id = id;
  draft.generation = generation;
}

/** Applies the batches that are newer than what the draft has. */
export function replay(draft: RecoveryDraft, journal: JournalContent): void {
  for (const batch of journal.batches) {
    // A snapshot taken while this batch was on its way already contains it.
    if (batch.to <= draft.generation) continue;
    if (batch.from > draft.generation + 1)
      warn(
        draft,
        'generation-gap',
        `Changes ${draft.generation + 1} to ${batch.from - 1} are missing from the journal`,
      );
    applyChanges(draft.records, batch.changes);
    draft.generation = batch.to;
  }
}

/** The net effect of a journal: the last change of each key with the state the key had before the first. */
function netChanges(batches: readonly Batch[]): Batch['changes'] {
  const net = new Map<RecordKey, Batch['changes'][number]>();
  for (const change of batches.flatMap((batch) => batch.changes))
    net.set(change.key, { ...change, was: (net.get(change.key) ?? change).was });
  return [...net.values()];
}

/**
 * Joins a journal with a file that another program wrote since: entries that program did not touch take the journal's
 * change, entries it did touch stay as it wrote them.
 */
function merge(draft: RecoveryDraft, journal: JournalContent): void {
  for (const change of netChanges(journal.batches)) {
    const inFile = draft.records.get(change.key);
    const now = inFile === undefined ? undefined : fingerprint(peekStored(inFile));
    if (now === change.was) applyChanges(draft.records, [change]);
  }
  draft.generation = highestGeneration(journal, draft.generation);
}

function highestGeneration(journal: JournalContent | undefined, least: number): number {
  const last = journal?.batches.at(-1)?.to ?? 0;
  return Math.max(least, last, journal?.header?.base.generation ?? 0);
}

/** Brings in the journal as far as it belongs to the snapshot. */
export function applyJournal(draft: RecoveryDraft, path: string, journal: JournalContent): void {
  const fit = fitJournal(draft.base, journal.header);
  draft.rejected.push(...journal.rejected);
  if (journal.damage === 'damaged') {
    warn(draft, 'damaged-journal', `${path} is damaged; every batch that reads back was used`);
    draft.copyAside.push(path);
    draft.replaceJournal = true;
  }
  switch (fit) {
    case 'unknown':
    case 'extends':
      replay(draft, journal);
      draft.id ??= journal.header?.id;
      return;
    case 'merge':
      merge(draft, journal);
      warn(draft, 'merged-journal', 'Another program rewrote the registry; both were joined');
      break;
    case 'ahead':
      draft.generation = highestGeneration(journal, draft.generation);
      warn(
        draft,
        'generation-backwards',
        'The registry file is older than its journal, so it was put back; the journal was not used',
      );
      break;
    case 'detached':
      draft.generation = highestGeneration(journal, draft.generation);
      warn(draft, 'detached-journal', `${path} belongs to another registry and was not used`);
  }
  draft.copyAside.push(path);
  draft.replaceJournal = true;
}
