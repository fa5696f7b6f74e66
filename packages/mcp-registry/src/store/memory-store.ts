import type { RecordKey } from '../server-record.ts';
import type { StoredRecord } from '../stored-record.ts';
import { applyChanges, type RegistryState, type RegistryStore } from './store.ts';

/** A store that lives as long as the process: for tests and for a registry that must leave no files. */
export function createMemoryStore(): RegistryStore {
  let records = new Map<RecordKey, StoredRecord>();
  let extra: RegistryState['extra'] = {};
  let generation = 0;
  let snapshotGeneration = 0;

  return {
    access: { kind: 'writer' },
    sizes: { journalBytes: 0, snapshotBytes: 0 },
    get snapshotGeneration() {
      return snapshotGeneration;
    },
    needsSnapshot: false,
    claim: async () => undefined,
    load: async () => ({ generation, records: new Map(records), extra }),
    append: async (batch) => {
      applyChanges(records, batch.changes);
      generation = batch.to;
    },
    appendNow: (batch) => {
      applyChanges(records, batch.changes);
      generation = batch.to;
    },
    snapshot: async (capture) => {
      const source = capture();
      records = new Map(source.records.map((record) => [record.key, record]));
      extra = source.extra;
      generation = source.generation;
      snapshotGeneration = generation;
      return generation;
    },
    follow: () => () => undefined,
    close: async () => undefined,
  };
}
