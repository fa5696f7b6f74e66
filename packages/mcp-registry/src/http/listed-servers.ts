import type { RegistryChange } from '../cache-contents.ts';
import type { RegistryMemoryCache } from '../memory-cache.ts';
import {
  hasVersion,
  nameOfKey,
  recordKey,
  versionOfKey,
  type RecordKey,
} from '../server-record.ts';
import { SortedKeys } from '../sorted-keys.ts';
import { compareVersions } from '../version-order.ts';
import { isPublished, recordOf, toListedServer, type ListedServer } from './listed-server.ts';
import { checkPublished } from './published-document.ts';
import type { ScanTurns } from './scan-turns.ts';
import { documentOf } from './server-item.ts';
import type { ServerClock, ServerTime } from './server-time.ts';

/** What the list is built from. */
export interface ListedServersParts {
  readonly cache: RegistryMemoryCache;
  readonly clock: ServerClock;
  readonly includeLocal: boolean;
  readonly turns: ScanTurns;
  /** Date of entries that have none; undefined: when they are read in. */
  readonly foundAt: ServerTime | undefined;
}

/** Start of the position of everything that changed at or after a time. */
export function timePosition(ms: number): string {
  return String(Math.max(0, ms)).padStart(16, '0');
}

function timeKey(server: ListedServer): string {
  return `${timePosition(server.changedAt.ms)}\n${server.id}`;
}

/**
 * What the API shows, sorted by name and by time of change, kept in step with the cache. Built in slices at the first
 * request. Documents are checked when they are first shown; an invalid one leaves the list.
 */
export class ListedServers {
  readonly #parts: ListedServersParts;
  readonly #byId = new Map<string, ListedServer>();
  /** Ids of entries that are listed under another one than their key. */
  readonly #madeIds = new Map<RecordKey, string>();
  /** Ids of entries whose document was found valid. */
  readonly #checked = new Set<string>();
  readonly #latest = new Map<string, string>();
  readonly #byName = new SortedKeys();
  readonly #byTime = new SortedKeys();
  #building: Promise<void> | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(parts: ListedServersParts) {
    this.#parts = parts;
  }

  /** Number of entries shown. */
  get size(): number {
    return this.#byId.size;
  }

  /** Resolves when everything in the cache is listed. */
  async ready(): Promise<void> {
    this.#building ??= this.#build().catch((error: unknown) => {
      this.#unsubscribe();
      this.#building = undefined;
      throw error;
    });
    await this.#building;
  }

  close(): void {
    this.#unsubscribe();
  }

  get(name: string, version: string): ListedServer | undefined {
    return this.#valid(this.#byId.get(recordKey(name, version)));
  }

  /** Every version of a name, in code-unit order of the version. */
  versions(name: string): ListedServer[] {
    return this.#idsOf(name)
      .map((id) => this.#valid(this.#byId.get(id)))
      .filter((server) => server !== undefined);
  }

  /** The highest version that is not deleted, else the highest. */
  latest(name: string): ListedServer | undefined {
    const known = this.#latest.get(name);
    if (known !== undefined) return this.#byId.get(known);
    const latest = latestOf(this.versions(name));
    if (latest !== undefined) this.#latest.set(name, latest.id);
    return latest;
  }

  isLatest(server: ListedServer): boolean {
    return this.latest(nameOfKey(server.id))?.id === server.id;
  }

  /** Positions in order of name, each with its entry; the list may change between two steps. */
  *byName(after: string | undefined): Generator<readonly [position: string, id: string]> {
    for (const id of this.#byName.after(after)) yield [id, id];
  }

  /** Positions in order of change. */
  *byTime(after: string): Generator<readonly [position: string, id: string]> {
    for (const position of this.#byTime.after(after))
      yield [position, position.slice(position.indexOf('\n') + 1)];
  }

  /** The entry as it is now, without a check of its document. */
  peek(id: string): ListedServer | undefined {
    return this.#byId.get(id);
  }

  /** Whether the document may be shown; drops the entry if not. */
  isValid(server: ListedServer): boolean {
    return this.#valid(server) !== undefined;
  }

  #valid(server: ListedServer | undefined): ListedServer | undefined {
    if (server === undefined || this.#checked.has(server.id)) return server;
    const document = documentOf(recordOf(server));
    if (document === undefined || checkPublished(document).kind === 'invalid') {
      this.#drop(server.id);
      return undefined;
    }
    this.#checked.add(server.id);
    return server;
  }

  #idsOf(name: string): string[] {
    return [...this.#byName.startingWith(recordKey(name, ''))];
  }

  async #build(): Promise<void> {
    const { cache, clock, turns } = this.#parts;
    this.#unsubscribe = cache.subscribe((changes) => this.#take(changes));
    const scan = turns.begin();
    try {
      const now = clock.now();
      const undated: RecordKey[] = [];
      for (const { key } of cache.storedAll()) {
        // What changed while this runs is listed already.
        const listed = this.#isListed(key) ? undefined : this.#describe(key, now);
        if (listed?.updatedAt === now) undated.push(key);
        else if (listed !== undefined) this.#put(listed);
        if (scan.due()) await scan.pause();
      }
      // Their date changes with every start, so it has to be later than all that was served before.
      const later = this.#parts.foundAt ?? clock.now();
      for (const key of undated) {
        if (!this.#isListed(key)) this.#refresh(key, later);
        if (scan.due()) await scan.pause();
      }
    } finally {
      scan.end();
    }
  }

  #take(changes: readonly RegistryChange[]): void {
    const now = this.#parts.clock.now();
    const names = new Set<string>();
    for (const { name, version } of changes) {
      const key = recordKey(name, version);
      const before = this.#idOf(key);
      this.#refresh(key, now);
      for (const id of [before, this.#idOf(key)]) if (id !== undefined) names.add(nameOfKey(id));
    }
    // Also the versions that did not change: another one may be the latest now, and whoever syncs has to be told.
    for (const name of names) for (const id of this.#idsOf(name)) this.#retime(id, now);
  }

  #describe(key: RecordKey, now: ServerTime): ListedServer | undefined {
    const { cache, includeLocal } = this.#parts;
    const stored = cache.storedAt(key);
    return stored === undefined ? undefined : toListedServer(stored, { includeLocal, now });
  }

  /** The id under which an entry is listed; undefined when it is not. */
  #idOf(key: RecordKey): string | undefined {
    if (!hasVersion(key)) return this.#madeIds.get(key);
    return this.#byId.get(key)?.key === key ? key : undefined;
  }

  #isListed(key: RecordKey): boolean {
    return this.#idOf(key) !== undefined;
  }

  /** Brings one entry in step with the cache. */
  #refresh(key: RecordKey, now: ServerTime): void {
    const known = this.#idOf(key);
    if (known !== undefined) this.#drop(known);
    const server = this.#describe(key, now);
    if (server !== undefined) this.#put(server);
  }

  #put(server: ListedServer): void {
    const other = this.#byId.get(server.id);
    if (other !== undefined) {
      // A name made for a local entry may be taken; what was published under it comes first.
      if (!isPublished(server)) return;
      this.#drop(other.id);
    }
    this.#parts.clock.seen(server.updatedAt);
    this.#add(server);
  }

  #add(server: ListedServer): void {
    this.#byId.set(server.id, server);
    if (!hasVersion(server.key)) this.#madeIds.set(server.key, server.id);
    this.#byName.add(server.id);
    this.#byTime.add(timeKey(server));
    this.#latest.delete(nameOfKey(server.id));
  }

  #drop(id: string): void {
    const server = this.#byId.get(id);
    if (server === undefined) return;
    this.#byId.delete(id);
    this.#checked.delete(id);
    this.#madeIds.delete(server.key);
    this.#byName.delete(id);
    this.#byTime.delete(timeKey(server));
    this.#latest.delete(nameOfKey(server.id));
  }

  #retime(id: string, changedAt: ServerTime): void {
    const server = this.#byId.get(id);
    if (server === undefined || server.changedAt.ms >= changedAt.ms) return;
    const isChecked = this.#checked.has(id);
    this.#drop(id);
    this.#add({ ...server, changedAt });
    if (isChecked) this.#checked.add(id);
  }
}

/** The highest version that is not deleted, else the highest (official registry rule for `isLatest`). */
export function latestOf<T extends { readonly id: string; readonly status: string }>(
  servers: readonly T[],
): T | undefined {
  const live = servers.filter(({ status }) => status !== 'deleted');
  let latest: T | undefined;
  for (const server of live.length > 0 ? live : servers)
    if (
      latest === undefined ||
      compareVersions(versionOfKey(server.id), versionOfKey(latest.id)) > 0
    )
      latest = server;
  return latest;
}
