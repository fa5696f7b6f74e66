import type {
  ImportTarget,
  RecordSelection,
  RegistryClient,
  RegistryMemoryCache,
  ServerRecord,
} from '@cortex-os/mcp-registry';
import { CommandError } from '../protocol/command-error.ts';

/** The registry as one command found it, and its way back. */
export interface RegistrySnapshot {
  readonly records: readonly ServerRecord[];
  readonly target: ImportTarget;
}

function versionOf(record: ServerRecord): string | undefined {
  return record.server?.version;
}

function isSelected(record: ServerRecord, { name, version }: RecordSelection): boolean {
  if (record.name !== name) return false;
  return version === undefined || versionOf(record) === (version ?? undefined);
}

function changedMeanwhile(name: string): CommandError {
  const what = `${name} has just been changed by another process`;
  return new CommandError('ECHANGED', what, { remedy: 'run this again' });
}

class SnapshotTarget implements ImportTarget {
  readonly #client: RegistryClient;
  readonly #byName = new Map<string, ServerRecord[]>();

  constructor(client: RegistryClient, records: readonly ServerRecord[]) {
    this.#client = client;
    for (const record of records) this.#keep(record);
  }

  get(name: string, version?: string): ServerRecord | undefined {
    return this.versions(name).find((one) => versionOf(one) === version);
  }

  versions(name: string): ServerRecord[] {
    return this.#byName.get(name) ?? [];
  }

  async upsertMany(records: readonly ServerRecord[]): Promise<void> {
    await this.#client.change((cache) => {
      for (const record of records) {
        const now = cache.versions(record.name).find((one) => versionOf(one) === versionOf(record));
        const known = this.get(record.name, versionOf(record));
        if (JSON.stringify(now) !== JSON.stringify(known)) {
          throw changedMeanwhile(record.name);
        }
      }
      return { put: records, value: undefined };
    });
    for (const record of records) this.#keep(record);
  }

  async remove(name: string, version?: string | null): Promise<boolean> {
    return (await this.removeMany([{ name, version }])) > 0;
  }

  async removeMany(selections: readonly RecordSelection[]): Promise<number> {
    const { value } = await this.#client.change((cache) => {
      const remove = selections.filter((one) => this.#isThere(cache, one));
      return { remove, value: remove.length };
    });
    for (const one of selections) {
      const left = this.versions(one.name).filter((record) => !isSelected(record, one));
      this.#byName.set(one.name, left);
    }
    return value;
  }

  /** Whether there is anything to remove. @throws Error when it is not what was read; what is gone already is no harm. */
  #isThere(cache: RegistryMemoryCache, selection: RecordSelection): boolean {
    const now = cache.versions(selection.name).filter((one) => isSelected(one, selection));
    for (const one of now)
      if (JSON.stringify(one) !== JSON.stringify(this.get(one.name, versionOf(one))))
        throw changedMeanwhile(one.name);
    return now.length > 0;
  }

  #keep(record: ServerRecord): void {
    const others = this.versions(record.name).filter((one) => versionOf(one) !== versionOf(record));
    this.#byName.set(record.name, [...others, record]);
  }
}

/**
 * Reads the registry once. Lookups are answered from that; a write is refused when a record it replaces is not what
 * was read any more.
 */
export async function openSnapshot(client: RegistryClient): Promise<RegistrySnapshot> {
  const records = await client.read((cache) => cache.getAll());
  return { records, target: new SnapshotTarget(client, records) };
}
