import { CacheContents, type RegistryListener } from './cache-contents.ts';
import { CacheKeeper, type KeeperHealth } from './cache-keeper.ts';
import type { RecordQuery } from './record-index.ts';
import { RegistryError } from './registry-error.ts';
import {
  acceptRecord,
  nameOfKey,
  recordKey,
  type AcceptedRecord,
  type RecordKey,
  type ServerRecord,
} from './server-record.ts';
import type { RecordChange, RegistryStore, StoreAccess, WarningListener } from './store/store.ts';
import { peekStored, readStored, storeRecord, type StoredRecord } from './stored-record.ts';

/** Choices of {@link RegistryMemoryCache.open}. */
export interface RegistryCacheOptions {
  /** `sync`: a write resolves when it is durable. `interval`: at once, and it is durable within `intervalMs`. */
  readonly durability?: 'sync' | 'interval';
  /** How long a write waits for others to share its sync. Default: 10 ms. */
  readonly windowMs?: number;
  /** Flush interval of `interval` durability. Default: 5000 ms (S4-B4). */
  readonly intervalMs?: number;
  /** Longest time from a change to the snapshot that holds it, up to 10,000 records. Default: 5000 ms. */
  readonly snapshotDelayMs?: number;
  /** Most records. Default: 250,000. */
  readonly maxRecords?: number;
  /** How long the writes of a reader wait for the lock, in ms; asked for each. Default: 0. */
  readonly lockWaitMs?: (() => number) | undefined;
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number;
  readonly onWarning?: WarningListener;
}

/** Records found; pass `next` as `after` for the following page. */
export interface RecordPage {
  readonly records: ServerRecord[];
  readonly next?: RecordKey;
}

/** Which entries of a name are meant: one version, `null` for the entry without one, undefined for all of them. */
export interface RecordSelection {
  readonly name: string;
  readonly version?: string | null | undefined;
}

/** Entries to store and, after that, to remove. */
export interface RegistryEdit {
  readonly put?: readonly ServerRecord[];
  readonly remove?: readonly RecordSelection[];
}

/** State of a cache as `/status` and the metrics show it. */
export interface RegistryHealth extends KeeperHealth {
  readonly access: StoreAccess;
  readonly records: number;
}

/**
 * The registry in memory, the truth while the process runs. Reads are synchronous, never touch the disk and return
 * copies. Writes are visible to reads at once and resolve when they are durable.
 */
export class RegistryMemoryCache {
  readonly #store: RegistryStore;
  readonly #contents: CacheContents;
  readonly #keeper: CacheKeeper;
  readonly #maxRecords: number;

  private constructor(store: RegistryStore, options: RegistryCacheOptions) {
    const { durability = 'sync', windowMs = 10, intervalMs = 5_000 } = options;
    const warn = options.onWarning ?? (() => undefined);
    this.#store = store;
    this.#maxRecords = options.maxRecords ?? 250_000;
    this.#contents = new CacheContents(warn);
    this.#keeper = new CacheKeeper({
      store,
      contents: this.#contents,
      waitsForDisk: durability === 'sync',
      windowMs: durability === 'sync' ? windowMs : intervalMs,
      snapshotDelayMs: options.snapshotDelayMs ?? 5_000,
      random: options.random,
      lockWaitMs: options.lockWaitMs ?? ((): number => 0),
      warn,
    });
  }

  /**
   * Loads the store's content. A store that first has to be put in order is written once; if that fails the cache
   * serves from memory, keeps trying and warns.
   * @throws RegistryError what `RegistryStore.load` throws.
   */
  static async open(
    store: RegistryStore,
    options: RegistryCacheOptions,
  ): Promise<RegistryMemoryCache> {
    const cache = new RegistryMemoryCache(store, options);
    await cache.#keeper.start();
    return cache;
  }

  /** Number of entries, each version counted. */
  get size(): number {
    return this.#contents.index.size;
  }

  /** Whether this process writes, or only reads and why. */
  get access(): StoreAccess {
    return this.#store.access;
  }

  /** A copy of one entry. Without a version: the entry that has none, else the latest version. */
  get(name: string, version?: string): ServerRecord | undefined {
    const { index } = this.#contents;
    const key = version === undefined ? index.defaultKey(name) : recordKey(name, version);
    const entry = key === undefined ? undefined : index.get(key);
    return entry === undefined ? undefined : readStored(entry.record);
  }

  /** Copies of every version of a name. */
  versions(name: string): ServerRecord[] {
    return this.#copies(this.#contents.index.keysOf(name));
  }

  /** Copies of everything. Takes about 5 ms a thousand records; `search` pages, `peekAll` can be read in slices. */
  getAll(): ServerRecord[] {
    return this.#contents.index.records().map(readStored);
  }

  /**
   * All records as of now, for readers that do not change them. Each is read when it is asked for (about 5 us), so that
   * a large registry can be gone through in slices.
   */
  peekAll(): IteratorObject<ServerRecord, undefined> {
    return this.#contents.index.records().values().map(peekStored);
  }

  /** The records with a `connector` member themselves, without a look at any other. They must not be changed. */
  peekConnectors(): ServerRecord[] {
    return this.#contents.index.shared();
  }

  /** The record under a key, as of now. It must not be changed. */
  peek(key: RecordKey): ServerRecord | undefined {
    const stored = this.storedAt(key);
    return stored === undefined ? undefined : peekStored(stored);
  }

  /** All records as of now in the form in which they are kept. */
  storedAll(): readonly StoredRecord[] {
    return this.#contents.index.records();
  }

  /** The record under a key in the form in which it is kept. */
  storedAt(key: RecordKey): StoredRecord | undefined {
    return this.#contents.index.get(key)?.record;
  }

  /** Copies of the entries that match, in order of name and version. */
  search(query: RecordQuery = {}): RecordPage {
    const { keys, next } = this.#contents.index.search(query);
    return { records: this.#copies(keys), ...(next === undefined ? {} : { next }) };
  }

  /**
   * Calls back after each change, whoever made it. Returns the stop function.
   * @throws RegistryError `EREGISTRYFULL` beyond 1,000 listeners.
   */
  subscribe(listener: RegistryListener): () => void {
    return this.#contents.subscribe(listener);
  }

  /**
   * Stores a record under its name and `server.version`.
   * @throws RegistryError `EINVALIDRECORD`, `EREGISTRYFULL`, `EREGISTRYCLOSED`, `ELOCKED` or another reason to be
   * read-only: nothing changed. A code of the disk: memory has the change, and the write is tried again.
   */
  async upsert(record: ServerRecord): Promise<void> {
    await this.upsertMany([record]);
  }

  /** Stores several records that become durable together or not at all. Fails like `upsert`. */
  async upsertMany(records: readonly ServerRecord[]): Promise<void> {
    const accepted = records.map(acceptRecord);
    const ready = this.#keeper.ensureWriter();
    if (ready !== undefined) await ready;
    await this.#keeper.change(this.#puts(accepted));
  }

  /**
   * Reads, decides and writes in one step: nothing changes between the call of `decide` and the change it asks for, and
   * it is called only when this process may write. What it throws is passed on and changes nothing. Fails like `upsert`.
   */
  async update(decide: () => readonly ServerRecord[]): Promise<void> {
    await this.edit(() => ({ put: decide() }));
  }

  /**
   * As `update`, for removals too: all of it becomes durable together or not at all. Resolves with the number of
   * selections that removed something. Fails like `upsert`.
   */
  async edit(decide: () => RegistryEdit): Promise<number> {
    const ready = this.#keeper.ensureWriter();
    if (ready !== undefined) await ready;
    const { put = [], remove = [] } = decide();
    const puts = this.#puts(put.map(acceptRecord));
    const { removals, found } = this.#removals(
      remove,
      puts.map(({ key }) => key),
    );
    if (remove.length === 0 || puts.length + removals.length > 0)
      await this.#keeper.change([...puts, ...removals]);
    return found;
  }

  /**
   * Removes one version, with `null` the entry that has none, with undefined every entry of the name. Resolves with
   * whether there was any. Fails like `upsert`.
   */
  async remove(name: string, version?: string | null): Promise<boolean> {
    return (await this.removeMany([{ name, version }])) > 0;
  }

  /**
   * Removes what is selected; it becomes durable together or not at all. Resolves with the number of selections that
   * removed something. Fails like `upsert`.
   */
  async removeMany(remove: readonly RecordSelection[]): Promise<number> {
    return this.edit(() => ({ remove }));
  }

  /** Resolves when every change made before the call is durable; rejects when that cannot be reached now. */
  async flush(): Promise<void> {
    await this.#keeper.flush();
  }

  /** Last resort while the process exits: writes what is not durable, synchronously. */
  flushNow(): void {
    this.#keeper.flushNow();
  }

  /**
   * Flushes, brings the snapshot up to date, releases the lock. A closed cache still answers reads. Safe to repeat.
   * @throws RegistryError when the last flush or snapshot failed; everything is released all the same.
   */
  async close(): Promise<void> {
    await this.#keeper.close();
  }

  /** What a status page and metrics need. */
  health(): RegistryHealth {
    return { access: this.access, records: this.size, ...this.#keeper.health() };
  }

  /** @throws RegistryError `EREGISTRYFULL`. */
  #puts(accepted: readonly AcceptedRecord[]): RecordChange[] {
    const { index } = this.#contents;
    const added = new Set(accepted.map(({ key }) => key).filter((key) => !index.get(key)));
    if (index.size + added.size > this.#maxRecords)
      throw new RegistryError(
        'EREGISTRYFULL',
        `Cannot store the server: the registry holds at most ${this.#maxRecords} entries`,
      );
    return accepted.map(({ key, record, json }) => ({
      kind: 'put',
      key,
      record: storeRecord(record, json),
    }));
  }

  /** What removes the selected entries, those that are about to be `added` among them. */
  #removals(
    selections: readonly RecordSelection[],
    added: readonly RecordKey[],
  ): { readonly removals: readonly RecordChange[]; readonly found: number } {
    const { index } = this.#contents;
    const addedKeys = new Set(added);
    const addedByName = Map.groupBy(added, nameOfKey);
    const keys = new Set<RecordKey>();
    let found = 0;
    for (const { name, version } of selections) {
      const before = keys.size;
      const chosen =
        version === undefined
          ? [...index.keysOf(name), ...(addedByName.get(name) ?? [])]
          : [recordKey(name, version ?? undefined)];
      for (const key of chosen)
        if (index.get(key) !== undefined || addedKeys.has(key)) keys.add(key);
      if (keys.size > before) found += 1;
    }
    return { removals: Array.from(keys, (key) => ({ kind: 'remove', key })), found };
  }

  #copies(keys: readonly RecordKey[]): ServerRecord[] {
    const { index } = this.#contents;
    return keys.flatMap((key) => {
      const entry = index.get(key);
      return entry === undefined ? [] : [readStored(entry.record)];
    });
  }
}
