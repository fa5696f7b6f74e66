import { matchesGlob } from './glob.ts';
import {
  nameOfKey,
  officialMeta,
  recordKey,
  type RecordKey,
  type ServerRecord,
  type ServerStatus,
  type ServerTransport,
} from './server-record.ts';
import { SortedKeys } from './sorted-keys.ts';
import { compareVersions } from './version-order.ts';

/** One stored record and the generation of its last change. Records in here are never changed, only replaced. */
export interface IndexEntry {
  readonly record: ServerRecord;
  readonly generation: number;
  readonly haystack: string;
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
}

/** Keys found, in key order; `next` is where to go on, absent at the end. */
export interface KeyPage {
  readonly keys: readonly RecordKey[];
  readonly next?: RecordKey;
}

const maxLimit = 1_000;

/** Characters of name, title and description that text search looks at; bounds the work of a search. */
const maxHaystack = 320;

function haystackOf(record: ServerRecord): string {
  const { title, description } = record.server ?? record;
  return [record.name, title, description]
    .filter((part) => typeof part === 'string')
    .join('\n')
    .slice(0, maxHaystack)
    .toLowerCase();
}

type Test = (entry: IndexEntry, key: RecordKey) => boolean;

function statusOf(record: ServerRecord): ServerStatus {
  return officialMeta(record)?.status ?? 'active';
}

function updatedAtMs(record: ServerRecord): number {
  return Date.parse(officialMeta(record)?.updatedAt ?? '');
}

/** The records in memory: by key, in key order, searchable. Not aware of disks or callers. */
export class RecordIndex {
  readonly #entries = new Map<RecordKey, IndexEntry>();
  readonly #sorted = new SortedKeys();

  get size(): number {
    return this.#entries.size;
  }

  get(key: RecordKey): IndexEntry | undefined {
    return this.#entries.get(key);
  }

  put(key: RecordKey, record: ServerRecord, generation: number): void {
    if (!this.#entries.has(key)) this.#sorted.add(key);
    this.#entries.set(key, { record, generation, haystack: haystackOf(record) });
  }

  delete(key: RecordKey): boolean {
    if (!this.#entries.delete(key)) return false;
    this.#sorted.delete(key);
    return true;
  }

  /** In the order in which the keys were first stored. */
  entries(): IterableIterator<[RecordKey, IndexEntry]> {
    return this.#entries.entries();
  }

  /** All records as a list of its own. */
  records(): ServerRecord[] {
    return Array.from(this.#entries.values(), (entry) => entry.record);
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
    for (const key of this.#sorted.after(query.after)) {
      const entry = this.#entries.get(key);
      if (entry === undefined || !tests.every((test) => test(entry, key))) continue;
      if (keys.length === limit) return { keys, next: keys.at(-1) ?? key };
      keys.push(key);
    }
    return { keys };
  }

  #status(key: RecordKey): ServerStatus {
    const entry = this.#entries.get(key);
    return entry === undefined ? 'deleted' : statusOf(entry.record);
  }

  #testsFor(query: RecordQuery): Test[] {
    const { name, transport, status, updatedSinceMs } = query;
    const text = query.text?.toLowerCase();
    const tag = query.tag?.toLowerCase();
    const tests: (Test | false)[] = [
      transport !== undefined && (({ record }) => record.transport === transport),
      text !== undefined && (({ haystack }) => haystack.includes(text)),
      name !== undefined && (({ record }) => matchesGlob(record.name, name)),
      tag !== undefined &&
        (({ record }) => record.tags?.some((one) => one.toLowerCase() === tag) === true),
      status !== undefined && (({ record }) => statusOf(record) === status),
      query.includeDeleted === false && (({ record }) => statusOf(record) !== 'deleted'),
      updatedSinceMs !== undefined && (({ record }) => updatedAtMs(record) >= updatedSinceMs),
      query.latestOnly === true && ((_entry, key) => this.latestKey(nameOfKey(key)) === key),
    ];
    return tests.filter((test) => test !== false);
  }
}
