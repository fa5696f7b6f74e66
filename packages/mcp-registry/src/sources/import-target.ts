import type { RecordSelection } from '../memory-cache.ts';
import type { ServerRecord } from '../server-record.ts';

/** Where imports go: a `RegistryMemoryCache`, or whatever speaks for one that another process holds. */
export interface ImportTarget {
  /** One entry; without a version the one that has none, else the latest. */
  get(name: string, version?: string): ServerRecord | undefined | Promise<ServerRecord | undefined>;
  /** Every version of a name. */
  versions(name: string): ServerRecord[] | Promise<ServerRecord[]>;
  /** Durable together or not at all when it resolves. */
  upsertMany(records: readonly ServerRecord[]): Promise<void>;
  /** One version, with `null` the entry that has none, with undefined every entry of the name. */
  remove(name: string, version?: string | null): Promise<boolean>;
  /** Durable together or not at all. Resolves with the number of selections that removed something. */
  removeMany(selections: readonly RecordSelection[]): Promise<number>;
}

/** The stored entry with the identity of a record. */
export async function storedRecord(
  target: ImportTarget,
  record: ServerRecord,
): Promise<ServerRecord | undefined> {
  const stored = await target.get(record.name, record.server?.version);
  return stored?.server?.version === record.server?.version ? stored : undefined;
}
