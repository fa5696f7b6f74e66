import { setTimeout as wait } from 'node:timers/promises';
import {
  acceptRecord,
  nameOfKey,
  recordKey,
  type RecordKey,
  type ServerRecord,
} from './server-record.ts';
import { openFileStore, type FileStoreOptions } from './store/file-store.ts';
import type { RegistryState, RegistryStore } from './store/store.ts';
import { readStored, storeRecord, type StoredRecord } from './stored-record.ts';

/** The registry without a memory cache: every read reads the files, every write rewrites them. */
export interface DirectRegistry {
  readAll(): Promise<ServerRecord[]>;
  upsert(record: ServerRecord): Promise<void>;
  /** One version, with `null` the entry that has none, with undefined every entry of the name. */
  remove(name: string, version?: string | null): Promise<boolean>;
}

/** How long a write waits for the lock. */
const maxLockWaitMs = 5_000;
const lockRetryMs = 25;

async function openWriter(options: FileStoreOptions): Promise<RegistryStore> {
  const deadline = performance.now() + maxLockWaitMs;
  for (;;) {
    const store = await openFileStore(options);
    const { access } = store;
    if (access.kind === 'writer') return store;
    await store.close();
    const { reason } = access;
    if (reason.code !== 'ELOCKED' || performance.now() > deadline) throw reason;
    await wait(lockRetryMs);
  }
}

function isChosen(key: RecordKey, name: string, version: string | null | undefined): boolean {
  return version === undefined
    ? nameOfKey(key) === name
    : key === recordKey(name, version ?? undefined);
}

/**
 * What `MCP_REGISTRY_MEMORY_CACHE=false` rolls back to. Writes are as durable and atomic as with the cache, but each
 * costs a whole file; several processes take turns, waiting up to 5 s for the lock before `ELOCKED`.
 */
export function createDirectRegistry(options: FileStoreOptions): DirectRegistry {
  let writes: Promise<unknown> = Promise.resolve();

  async function change<T>(
    edit: (records: Map<RecordKey, StoredRecord>) => {
      readonly changed: boolean;
      readonly value: T;
    },
  ): Promise<T> {
    const store = await openWriter(options);
    try {
      const state: RegistryState = await store.load();
      const records = new Map(state.records);
      const { changed, value } = edit(records);
      const generation = state.generation + 1;
      if (changed)
        await store.snapshot(
          () => ({ generation, records: [...records.values()], extra: state.extra }),
          { paced: false },
        );
      return value;
    } finally {
      await store.close();
    }
  }

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = writes.then(work);
    writes = result.catch(() => undefined);
    return result;
  }

  return {
    readAll: async () => {
      const store = await openFileStore({ ...options, readOnly: true });
      try {
        return Array.from((await store.load()).records.values(), readStored);
      } finally {
        await store.close();
      }
    },
    upsert: async (record) => {
      const accepted = acceptRecord(record);
      await inTurn(async () =>
        change((records) => {
          records.set(accepted.key, storeRecord(accepted.record, accepted.json));
          return { changed: true, value: undefined };
        }),
      );
    },
    remove: async (name, version) =>
      inTurn(async () =>
        change((records) => {
          const keys = [...records.keys()].filter((key) => isChosen(key, name, version));
          for (const key of keys) records.delete(key);
          return { changed: keys.length > 0, value: keys.length > 0 };
        }),
      ),
  };
}
