import { matchesGlob } from './glob.ts';
import {
  nameOfKey,
  recordKey,
  type RecordKey,
  type ServerRecord,
  type ServerStatus,
  type ServerTransport,
} from './server-record.ts';
import type { StoredRecord } from './stored-record.ts';
import { SortedKeys } from './sorted-keys.ts';
import { compareVersions } from './version-order.ts';

/** One stored record and the generation of its last change. Records in here are never changed, only replaced. */
export interface IndexEntry {
  readonly record: StoredRecord;
  readonly generation: number;
}

/** What to look for. Every condition given must hold. */
export interface RecordQuery {
  /** Part of the name, title or description; case does not matter. */
  readonly text?: string | undefined;
  /** Pattern for the name with `*` and `?`. */
  readonly name?: string | undefined;
  /** One whole tag; case does not matter. */
  readonly tag?: string | undefined;
  readonly transport?: ServerTransport | undefined;
  readonly status?: ServerStatus | undefined;
  /** Only entries whose official metadata says they changed at or after this time (ms since the epoch). */
  readonly updatedSinceMs?: number | undefined;
  /** Only the latest version of each name. Default: all versions. */
  readonly latestOnly?: boolean | undefined;
  /** Whether entries with status `deleted` count. Default: true. */
  readonly includeDeleted?: boolean | undefined;
  /** Start after this key, for paging. */
  readonly after?: RecordKey | undefined;
  /** Most results; default 50, at most 1,000. */
  readonly limit?: number | undefined;
  /** Most entries to look at, so that a long search can be cut into pieces. Default: all. */
  readonly maxScanned?: number | undefined;
}

/** Keys found, in key order; `next` is where to go on, absent at the end. */
export interface KeyPage {
  readonly keys: readonly RecordKey[];
  readonly next?: RecordKey;
}

const maxLimit = 1_000;

type Test = (entry: IndexEntry, key: RecordKey) => boolean;

/** The records in memory: by key, in key order, searchable. Not aware of disks or callers. */
export class RecordIndex {
  readonly #entries = new Map<RecordKey, IndexEntry>();
  readonly #sorted = new SortedKeys();
  readonly #shared = new Map<RecordKey, ServerRecord>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: RecordKey): IndexEntry | undefined {
    return this.#entries.get(key);
  }

  put(record: StoredRecord, generation: number): void {
    const { key } = record;
    if (!this.#entries.has(key)) this.#sorted.add(key);
    this.#entries.set(key, { record, generation });
    if (record.shared === undefined) this.#shared.delete(key);
    else this.#shared.set(key, record.shared);
  }

  delete(key: RecordKey): boolean {
    if (!this.#entries.delete(key)) return false;
    this.#sorted.delete(key);
    this.#shared.delete(key);
    return true;
  }

  /** In the order in which the keys were first stored. */
  entries(): IterableIterator<[RecordKey, IndexEntry]> {
    return this.#entries.entries();
  }

  /** All records as a list of its own. */
  records(): StoredRecord[] {
    const records: StoredRecord[] = [];
    for (const { record } of this.#entries.values()) records.push(record);
    return records;
  }

  /** The records that are kept as objects. */
  shared(): ServerRecord[] {
    return [...this.#shared.values()];
  }

  /** Keys of every version of a name, in key order. */
  keysOf(name: string): RecordKey[] {
    const keys = this.#entries.has(name) ? [name] : [];
    return [...keys, ...this.#sorted.startingWith(recordKey(name, ''))];
  }

  /** The key of the latest version of a name: the highest version that is not deleted, else the highest. */
  latestKey(name: string): RecordKey | undefined {
    const keys = this.keysOf(name);
    const live = keys.filter((key) => this.#status(key) !== 'deleted');
    return (live.length > 0 ? live : keys).toSorted((a, b) =>
      compareVersions(b.slice(name.length + 1), a.slice(name.length + 1)),
    )[0];
  }

  /** What a name alone means: the entry without a version, else the latest version. */
  defaultKey(name: string): RecordKey | undefined {
    return this.#entries.has(name) ? name : this.latestKey(name);
  }

  search(query: RecordQuery): KeyPage {
    const limit = Math.max(1, Math.min(query.limit ?? 50, maxLimit));
    const tests = this.#testsFor(query);
    const keys: RecordKey[] = [];
    let seen = query.after;
    let left = Math.max(1, query.maxScanned ?? Number.POSITIVE_INFINITY);
    for (const key of this.#sorted.after(query.after)) {
      if (left === 0 && seen !== undefined) return { keys, next: seen };
      left -= 1;
      seen = key;
      const entry = this.#entries.get(key);
      if (entry === undefined || !tests.every((test) => test(entry, key))) continue;
      if (keys.length === limit) return { keys, next: keys.at(-1) ?? key };
      keys.push(key);
    }
    return { keys };
  }

  #status(key: RecordKey): ServerStatus {
    return this.#entries.get(key)?.record.status ?? 'deleted';
  }

  #testsFor(query: RecordQuery): Test[] {
    const { name, transport, status, updatedSinceMs } = query;
    const text = query.text?.toLowerCase();
    const tag = query.tag?.toLowerCase();
    const tests: (Test | false)[] = [
      transport !== undefined && (({ record }) => record.transport === transport),
      text !== undefined && (({ record }) => record.haystack.includes(text)),
      name !== undefined && (({ record }) => matchesGlob(nameOfKey(record.key), name)),
      tag !== undefined && (({ record }) => record.tags?.includes(tag) === true),
      status !== undefined && (({ record }) => record.status === status),
      query.includeDeleted === false && (({ record }) => record.status !== 'deleted'),
      updatedSinceMs !== undefined &&
        (({ record }) => Date.parse(record.updatedAt ?? '') >= updatedSinceMs),
      query.latestOnly === true && ((_entry, key) => this.latestKey(nameOfKey(key)) === key),
    ];
    return tests.filter((test) => test !== false);
  }
}
