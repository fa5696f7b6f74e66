import type { RegistryError } from '../registry-error.ts';
import type { RecordKey } from '../server-record.ts';
import type { StoredRecord } from '../stored-record.ts';

/** One change of one entry. `was` is the fingerprint of the entry it replaced; absent when there was none. */
export type RecordChange =
  | {
      readonly kind: 'put';
      readonly key: RecordKey;
      readonly record: StoredRecord;
      readonly was?: string | undefined;
    }
  | { readonly kind: 'remove'; readonly key: RecordKey; readonly was?: string | undefined };

/** Changes that become durable together or not at all. Covers the generations `from` to `to`, both included. */
export interface Batch {
  readonly from: number;
  readonly to: number;
  readonly changes: readonly RecordChange[];
}

/** The whole content at one generation. `extra` holds the top-level keys of the file that are not ours. */
export interface RegistryState {
  readonly generation: number;
  readonly records: ReadonlyMap<RecordKey, StoredRecord>;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The whole content as a snapshot is given it. The list is the store's own; the records are never changed. */
export interface SnapshotSource {
  readonly generation: number;
  readonly records: readonly StoredRecord[];
  readonly extra: Readonly<Record<string, unknown>>;
}

/** What a store can do here: write, or only read and why. */
export type StoreAccess =
  | { readonly kind: 'writer' }
  | { readonly kind: 'reader'; readonly reason: RegistryError };

/** Something worth telling an operator. `kind` is stable. */
export interface RegistryWarning {
  readonly kind:
    | 'corrupt-snapshot'
    | 'previous-snapshot-used'
    | 'damaged-journal'
    | 'detached-journal'
    | 'merged-journal'
    | 'generation-gap'
    | 'generation-backwards'
    | 'rejected-entry'
    | 'external-edit'
    | 'rejected-edit'
    | 'flush-failed'
    | 'snapshot-failed'
    | 'read-only'
    | 'lock-fallback'
    | 'open-folder'
    | 'listener-failed';
  readonly message: string;
}

/** Receives warnings as they happen. */
export type WarningListener = (warning: RegistryWarning) => void;

/** What changed underneath: another process wrote, or somebody edited the file by hand. */
export type StoreEvent =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'reload'; readonly state: RegistryState }
  | { readonly kind: 'edit'; readonly state: RegistryState; readonly since: number };

/** How large the parts on disk are, which decides when the next snapshot is due. */
export interface StoreSizes {
  readonly journalBytes: number;
  readonly snapshotBytes: number;
}

/**
 * Where a registry is kept. One caller owns a store: it loads once, appends one batch at a time, and may take a
 * snapshot while it appends.
 */
export interface RegistryStore {
  readonly access: StoreAccess;
  readonly sizes: StoreSizes;
  /** Generation of the last snapshot; 0 when there is none of ours. */
  readonly snapshotGeneration: number;
  /** Appends are refused until a snapshot succeeded: the journal is missing a past or its disk failed a sync. */
  readonly needsSnapshot: boolean;
  /** A reader tries to become the writer; gives the state to go on from, or `undefined` when it still may not. */
  claim(): Promise<RegistryState | undefined>;
  /** The last durable state. Throws `EREGISTRYLOST`, `EREGISTRYFORMAT` or a read error rather than guess. */
  load(): Promise<RegistryState>;
  /** Resolves once the batch is durable. A rejected batch may or may not be there after a crash, whole. */
  append(batch: Batch): Promise<void>;
  /** The same, synchronously and as a last resort while the process exits; takes back what is in flight. */
  appendNow(batch: Batch): void;
  /** Replaces the stored whole by what `capture` returns; resolves with its generation once that is durable. */
  snapshot(capture: () => SnapshotSource, options: { readonly paced: boolean }): Promise<number>;
  /** Reports changes made by others. Returns the stop function. */
  follow(listener: (event: StoreEvent) => void): () => void;
  close(): Promise<void>;
}

/** Applies a batch to a map of records. */
export function applyChanges(
  records: Map<RecordKey, StoredRecord>,
  changes: readonly RecordChange[],
): void {
  for (const change of changes) {
    if (change.kind === 'put') records.set(change.key, change.record);
    else records.delete(change.key);
  }
}
