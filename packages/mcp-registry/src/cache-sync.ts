import { RecordIndex } from './record-index.ts';
import type { RecordKey } from './server-record.ts';
import { storedJson, type StoredRecord } from './stored-record.ts';
import type { RecordChange, RegistryState } from './store/store.ts';
import { createTimeSlice } from './store/time-slice.ts';

function same(a: StoredRecord, b: StoredRecord): boolean {
  return a === b || storedJson(a) === storedJson(b);
}

/** An index of a loaded state, built in slices. */
export async function indexState(state: RegistryState): Promise<RecordIndex> {
  const index = new RecordIndex();
  const slice = createTimeSlice();
  for (const record of state.records.values()) {
    index.put(record, state.generation);
    if (slice.due()) await slice.turn();
  }
  return index;
}

/** What turns one index into another state, found in slices. */
export async function difference(
  index: RecordIndex,
  state: Pick<RegistryState, 'records'>,
): Promise<RecordChange[]> {
  const slice = createTimeSlice();
  const changes: RecordChange[] = [];
  for (const [key, record] of state.records) {
    const entry = index.get(key);
    if (entry === undefined || !same(entry.record, record))
      changes.push({ kind: 'put', key, record });
    if (slice.due()) await slice.turn();
  }
  for (const [key] of index.entries())
    if (!state.records.has(key)) changes.push({ kind: 'remove', key });
  return changes;
}

/** What {@link editChanges} compares with. */
export interface EditContext {
  readonly index: RecordIndex;
  /** Generation of the file before it was edited. */
  readonly since: number;
  /** Generation at which an entry was removed, for removals the file does not know of. */
  readonly removedAt: ReadonlyMap<RecordKey, number>;
}

/**
 * The changes somebody else made to the file, without those that would undo changes made here after the file was
 * written: what was changed here since then stays (S4-B5, defect 21).
 */
export async function editChanges(
  state: RegistryState,
  { index, since, removedAt }: EditContext,
): Promise<RecordChange[]> {
  const changes = await difference(index, state);
  return changes.filter((change) => {
    const entry = index.get(change.key);
    const changedHere = entry?.generation ?? removedAt.get(change.key) ?? 0;
    return changedHere <= since;
  });
}
