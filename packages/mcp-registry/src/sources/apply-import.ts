import { unlink } from 'node:fs/promises';
import type { ServerRecord } from '../server-record.ts';
import type { ImportPlan } from './import-plan.ts';
import { storedRecord, type ImportTarget } from './import-target.ts';
import { sameJson } from './json-text.ts';
import { openSecretFolder, secretFilesOf } from './secret-folder.ts';
import { SourceError } from './source-error.ts';
import { readLastUndo, writeUndo, type UndoEntry } from './undo-file.ts';

/** Where imports keep their files. */
export interface ImportPlace {
  readonly target: ImportTarget;
  readonly stateFolder: string;
  /** The wall clock, for the names of undo files. */
  readonly now: () => Date;
}

/**
 * Carries a plan out: first the undo file, then the secrets, then all records at once. A crash in between leaves
 * nothing that the undo file does not name.
 * @returns the number of records stored.
 * @throws SourceError `EREFUSED` when a record has changed since the plan was made.
 */
export async function applyImport(
  plan: ImportPlan,
  { target, stateFolder, now }: ImportPlace,
): Promise<number> {
  const { steps } = plan;
  if (steps.length === 0) return 0;
  for (const { before, after } of steps)
    if (!sameJson(await storedRecord(target, after), before))
      throw new SourceError('EREFUSED', `${after.name} has just been changed; import again`);
  const secrets = steps.flatMap((step) => step.secrets);
  await writeUndo(stateFolder, {
    version: 1,
    at: now().toISOString(),
    entries: steps.map(({ before, after }) => ({ before: before ?? null, after })),
    secrets: secrets.map(({ file }) => file),
  });
  const folder = openSecretFolder(stateFolder);
  for (const { file, value } of secrets) await folder.create(file, value);
  await target.upsertMany(steps.map(({ after }) => after));
  return steps.length;
}

/** What taking an import back did with one record. */
export interface UndoRow {
  readonly name: string;
  readonly action: 'restored' | 'removed' | 'unchanged' | 'kept';
  readonly reason?: string;
}

interface UndoStep {
  readonly row: UndoRow;
  readonly current: ServerRecord | undefined;
  readonly entry: UndoEntry;
}

async function stepFor(entry: UndoEntry, target: ImportTarget): Promise<UndoStep> {
  const { before, after } = entry;
  const { name } = after;
  const current = await storedRecord(target, after);
  const row = (action: UndoRow['action']): UndoStep => ({ row: { name, action }, current, entry });
  const keep = (reason: string): UndoStep => ({
    row: { name, action: 'kept', reason },
    current,
    entry,
  });
  if (sameJson(current ?? null, before)) return row('unchanged');
  if (!sameJson(current, after)) return keep('it has been changed since the import');
  if (before !== null) return row('restored');
  return row('removed');
}

/**
 * Takes the last import back: records and secret files are as they were before it. A record that was changed since is
 * kept as it is, with its secrets. Repeat it after a crash; an import before that one is next.
 * @throws SourceError `EUNDO` when there is nothing to take back.
 */
export async function undoImport({
  target,
  stateFolder,
}: Pick<ImportPlace, 'target' | 'stateFolder'>): Promise<UndoRow[]> {
  const { path, undo } = await readLastUndo(stateFolder);
  const steps: UndoStep[] = [];
  for (const entry of undo.entries) steps.push(await stepFor(entry, target));
  const restored = steps.flatMap(({ row, entry: { before } }) =>
    row.action === 'restored' && before !== null ? [before] : [],
  );
  if (restored.length > 0) await target.upsertMany(restored);
  // Versions of the name that have been added since are not of this import.
  const removed = steps
    .filter(({ row }) => row.action === 'removed')
    .map(({ row, entry }) => ({ name: row.name, version: entry.after.server?.version ?? null }));
  if (removed.length > 0) await target.removeMany(removed);
  const used = new Set(
    steps.flatMap(({ row, current }) =>
      row.action === 'kept' && current !== undefined ? secretFilesOf(current) : [],
    ),
  );
  const folder = openSecretFolder(stateFolder);
  for (const file of undo.secrets) if (!used.has(file)) await folder.remove(file);
  await unlink(path);
  return steps.map(({ row }) => row);
}
