import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { recordKey, type ServerRecord } from '../../src/server-record.ts';

/** Everything a cache holds, by key. */
export function byKey(cache: RegistryMemoryCache): Map<string, ServerRecord> {
  return new Map(
    cache.getAll().map((record) => [recordKey(record.name, record.server?.version), record]),
  );
}
