import type { Dispatcher } from 'undici';
import { isJsonObject } from '../json-object.ts';
import { fromServerJson } from '../server-json.ts';
import { acceptRecord, officialMeta, type ServerRecord } from '../server-record.ts';
import { storedRecord, type ImportTarget } from './import-target.ts';
import { sameJson } from './json-text.ts';
import type { SkippedEntry } from './read-client-config.ts';
import { fetchPage, listUrl, type PageOptions, type PlainHttp } from './registry-page.ts';
import { reasonOf, SourceError } from './source-error.ts';
import { readWatermark, writeWatermark } from './watermarks.ts';

/** The most pages of one import. */
export const maxPages = 1_000;
const pageSize = 100;
/** Entries that are reported by name; all are counted. */
const maxReported = 1_000;
/** Changes that were being committed when the import began may carry a time from just before. */
const startOverlapMs = 60_000;
/** Times are compared to the second by some registries. */
const seenOverlapMs = 1_000;

/** Choices of {@link importFromRegistry}. */
export interface RegistryImportOptions {
  /** The registry's address, with or without `/v0.1/servers`. */
  readonly url: string;
  readonly target: ImportTarget;
  /** Where the watermark is kept. */
  readonly stateFolder: string;
  /** The wall clock, for a registry that does not tell its time. */
  readonly now: () => Date;
  /** ISO time; only what changed since then. Default: what the last complete import left off at, else everything. */
  readonly since?: string | undefined;
  /** Compare only; nothing is stored and the watermark stays. Default: false. */
  readonly dryRun?: boolean | undefined;
  /** Replace imported records of another registry. Records of this machine are never replaced. Default: false. */
  readonly force?: boolean | undefined;
  /** Default: `never`. */
  readonly plainHttp?: PlainHttp | undefined;
  /** For a registry that asks for authentication. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How many pages are stored at a time. More are faster where each write has its cost. Default: 1. */
  readonly pagesPerWrite?: number | undefined;
  /** For one page, in ms. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where requests go through, such as one that refuses private addresses. */
  readonly dispatcher?: Dispatcher | undefined;
}

/** What an import from a registry did, or would do. */
export interface RegistryImportReport {
  readonly url: string;
  /** ISO time that was asked from; `undefined` for everything. */
  readonly since: string | undefined;
  readonly pages: number;
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Of the added and updated ones, how many are tombstones. */
  readonly deleted: number;
  readonly conflictCount: number;
  readonly rejectedCount: number;
  /** Left alone because another source owns the name; the first 1,000. */
  readonly conflicts: readonly SkippedEntry[];
  /** Not valid; the first 1,000. */
  readonly rejected: readonly SkippedEntry[];
  /** Where the next import goes on; `undefined` when that has not moved. */
  readonly watermark: string | undefined;
}

type Tally = { -readonly [K in keyof RegistryImportReport]: RegistryImportReport[K] } & {
  conflicts: SkippedEntry[];
  rejected: SkippedEntry[];
};

function labelOf(item: unknown, place: string): string {
  const server = isJsonObject(item) ? item['server'] : undefined;
  const name = isJsonObject(server) ? server['name'] : undefined;
  return typeof name === 'string' && name !== '' ? name.slice(0, 256) : place;
}

/** An entry as an inert record: data of another machine, whatever it says about itself. */
function toRecord(item: unknown, url: string): ServerRecord {
  if (!isJsonObject(item)) throw new SourceError('EFORMAT', 'it is not an object');
  const { _meta: meta } = item;
  return acceptRecord({
    ...fromServerJson(item['server']),
    ...(isJsonObject(meta) && { _meta: meta }),
    origin: 'remote',
    source: { kind: 'registry', url },
  }).record;
}

const ownFields = ['connector', 'enabled', 'tags'] as const;

/** What its owner set on the stored record stays. */
function withOwn(record: ServerRecord, before: ServerRecord): ServerRecord {
  const own = ownFields.filter((key) => before[key] !== undefined).map((key) => [key, before[key]]);
  return { ...record, ...Object.fromEntries(own) };
}

function refusal(before: ServerRecord, url: string, force: boolean): string | undefined {
  if (before.origin !== 'remote') return 'this machine has its own server of this name and version';
  const { source } = before;
  if (force || (isJsonObject(source) && source['url'] === url)) return undefined;
  return 'it came from another source';
}

class RegistryImport {
  readonly #options: RegistryImportOptions;
  readonly #url: string;
  readonly #tally: Tally;
  /** Waiting to be stored, by identity: the last one of a version counts. */
  readonly #taken = new Map<string, ServerRecord>();
  #newestMs = Number.NaN;

  constructor(options: RegistryImportOptions, url: string, since: string | undefined) {
    this.#options = options;
    this.#url = url;
    this.#tally = {
      url,
      since,
      pages: 0,
      added: 0,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      conflictCount: 0,
      rejectedCount: 0,
      conflicts: [],
      rejected: [],
      watermark: undefined,
    };
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** The latest time of change that was seen, in ms of the registry's clock. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** Takes the good entries of a page, and stores what was taken when it is time. */
  async takePage(items: readonly unknown[]): Promise<void> {
    for (const [index, item] of items.entries())
      await this.#judge(item, `entry ${index + 1} of page ${this.#tally.pages + 1}`);
    this.#tally.pages += 1;
    if (this.#tally.pages % (this.#options.pagesPerWrite ?? 1) === 0) await this.store();
  }

  /** Stores together what was taken and is not stored yet; durable when it resolves. */
  async store(): Promise<void> {
    const records = [...this.#taken.values()];
    this.#taken.clear();
    if (records.length > 0 && this.#options.dryRun !== true)
      await this.#options.target.upsertMany(records);
  }

  async #judge(item: unknown, place: string): Promise<void> {
    let record: ServerRecord;
    try {
      record = toRecord(item, this.#url);
    } catch (error) {
      this.#leave('rejected', { name: labelOf(item, place), reason: reasonOf(error) });
      return;
    }
    const updatedMs = Date.parse(officialMeta(record)?.updatedAt ?? '');
    if (!Number.isNaN(updatedMs) && !(updatedMs <= this.#newestMs)) this.#newestMs = updatedMs;
    const key = JSON.stringify([record.name, record.server?.version]);
    const before = this.#taken.get(key) ?? (await storedRecord(this.#options.target, record));
    const reason =
      before === undefined ? undefined : refusal(before, this.#url, this.#options.force ?? false);
    if (reason !== undefined) this.#leave('conflict', { name: record.name, reason });
    else this.#take(key, before === undefined ? record : withOwn(record, before), before);
  }

  #leave(kind: 'conflict' | 'rejected', entry: SkippedEntry): void {
    this.#tally[`${kind}Count`] += 1;
    const named = this.#tally[kind === 'conflict' ? 'conflicts' : 'rejected'];
    if (named.length < maxReported) named.push(entry);
  }

  #take(key: string, record: ServerRecord, before: ServerRecord | undefined): void {
    if (sameJson(record, before)) {
      this.#tally.unchanged += 1;
      return;
    }
    this.#tally[before === undefined ? 'added' : 'updated'] += 1;
    if (officialMeta(record)?.status === 'deleted') this.#tally.deleted += 1;
    this.#taken.set(key, record);
  }
}

function pageUrl(list: URL, since: string | undefined, cursor: string | undefined): URL {
  const url = new URL(list);
  url.searchParams.set('limit', String(pageSize));
  // Tombstones are wanted from the start, so that a mirror has them too.
  url.searchParams.set('include_deleted', 'true');
  if (since !== undefined) url.searchParams.set('updated_since', since);
  if (cursor !== undefined) url.searchParams.set('cursor', cursor);
  return url;
}

async function pull(
  list: URL,
  since: string | undefined,
  job: { readonly run: RegistryImport; readonly options: RegistryImportOptions },
): Promise<number> {
  const { run, options } = job;
  const asking: PageOptions = {
    headers: options.headers ?? {},
    timeoutMs: options.timeoutMs ?? 30_000,
    signal: options.signal,
    dispatcher: options.dispatcher,
  };
  const seen = new Set<string>();
  let cursor: string | undefined;
  let startMs = Number.NaN;
  do {
    if (seen.size >= maxPages)
      throw new SourceError('ETOOLARGE', `the registry has more than ${maxPages} pages`);
    options.signal?.throwIfAborted();
    const askedMs = options.now().getTime();
    const page = await fetchPage(pageUrl(list, since, cursor), asking);
    if (seen.size === 0) startMs = Number.isNaN(page.dateMs) ? askedMs : page.dateMs;
    if (page.items.length > 10 * pageSize)
      throw new SourceError('ETOOLARGE', `a page has more than ${10 * pageSize} entries`);
    await run.takePage(page.items);
    cursor = page.nextCursor;
    if (cursor !== undefined && seen.has(cursor))
      throw new SourceError('EFETCH', 'the registry gives out the same page again and again');
    seen.add(cursor ?? '');
  } while (cursor !== undefined);
  return startMs;
}

function nextWatermarkMs(newestMs: number, startMs: number, stored: string | undefined): number {
  // Entries that are written while the list is read may be missed, so nothing after its start counts as known. An
  // entry that is mirrored late carries an old time, so nothing after the newest one seen counts as known either.
  const known = Number.isNaN(newestMs) ? Date.parse(stored ?? '') : newestMs - seenOverlapMs;
  const latest = startMs - startOverlapMs;
  const atMs = Number.isNaN(known) ? latest : Math.min(known, latest);
  const storedMs = Date.parse(stored ?? '');
  return storedMs > atMs ? storedMs : atMs;
}

/** A moment as text. It is set on a date of the caller, because nothing here makes dates by itself. */
function isoTime(timeMs: number, now: () => Date): string {
  const date = structuredClone(now());
  date.setTime(timeMs);
  return date.toISOString();
}

function sinceTime(text: string, now: () => Date): string {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new SourceError('EFORMAT', `"${text}" is not a date and time`);
  return isoTime(timeMs, now);
}

/**
 * Imports a registry that speaks the official API (v0.1). Entries become records of origin `remote`, which nothing
 * runs. Each page is stored as it comes; the watermark moves only when all pages are durable, so that an import that
 * was cut off starts from the same place again. Entries that are not valid are left out and named.
 * @throws SourceError `EREFUSED` address, `EFETCH` answer, `ETOOLARGE` bounds; what the target throws.
 */
export async function importFromRegistry(
  options: RegistryImportOptions,
): Promise<RegistryImportReport> {
  const list = listUrl(options.url, options.plainHttp ?? 'never');
  const url = list.href.replace(/\/v0\.1\/servers$/u, '');
  const stored = await readWatermark(options.stateFolder, url);
  const asked = options.since === undefined ? undefined : sinceTime(options.since, options.now);
  const since = asked ?? stored?.updatedSince;
  const run = new RegistryImport(options, url, since);
  let startMs: number;
  try {
    startMs = await pull(list, since, { run, options });
  } finally {
    // What came before a failure is kept, as it is when every page is stored by itself.
    await run.store();
  }
  const { tally } = run;
  // Asked for less than is missing: what lies before it would never be asked for again.
  const leavesGap = asked !== undefined && !(asked <= (stored?.updatedSince ?? ''));
  if (options.dryRun !== true && !leavesGap) {
    const updatedSince = isoTime(
      nextWatermarkMs(run.newestMs, startMs, stored?.updatedSince),
      options.now,
    );
    await writeWatermark(options.stateFolder, url, {
      updatedSince,
      importedAt: options.now().toISOString(),
    });
    tally.watermark = updatedSince;
  }
  return tally;
}
