import type { ImportTarget, RegistryClient, ServerRecord } from '@cortex-os/mcp-registry';

/** The registry as one command found it, and its way back. */
export interface RegistrySnapshot {
  readonly records: readonly ServerRecord[];
  readonly target: ImportTarget;
}

function versionOf(record: ServerRecord): string | undefined {
  return record.server?.version;
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
          throw new Error(
            `${record.name} has just been changed by another process; run this again`,
          );
        }
      }
      return { put: records, value: undefined };
    });
    for (const record of records) this.#keep(record);
  }

  async remove(name: string, version?: string): Promise<boolean> {
    const { value } = await this.#client.change((cache) => {
      const all = cache.versions(name);
      const found = all.some((one) => version === undefined || versionOf(one) === version);
      return { remove: found ? [{ name, version }] : [], value: found };
    });
    const left = this.versions(name).filter((one) => version && versionOf(one) !== version);
    this.#byName.set(name, left);
    return value;
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
