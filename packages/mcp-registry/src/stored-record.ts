import {
  keyOf,
  officialMeta,
  type RecordKey,
  type ServerRecord,
  type ServerStatus,
  type ServerTransport,
} from './server-record.ts';

/**
 * A record as it is kept: its JSON, and what searches look at. 100,000 records as objects are millions of objects that
 * every garbage collection has to move or mark, which stalls the event loop for tens of milliseconds; text that was
 * read from a file stays in the buffer it was read into, which the collector never looks at. Such a buffer goes with the
 * last of its records, so beside what changed since, at most the file as it was loaded stays in memory.
 */
export interface StoredRecord {
  readonly key: RecordKey;
  readonly transport: ServerTransport;
  readonly status: ServerStatus;
  /** `updatedAt` of the official block, as it stands there. */
  readonly updatedAt: string | undefined;
  /** In lower case. */
  readonly tags: readonly string[] | undefined;
  /** Start of name, title and description in lower case, for text search; at most {@link maxHaystackLength} characters. */
  readonly haystack: string;
  /** The record itself where it is read again and again: entries the gateway uses as connectors. Never changed. */
  readonly shared: ServerRecord | undefined;
  /** JSON on one line: this text, or the bytes from `start` to `end` of a buffer shared with others. */
  readonly source: string | Buffer;
  readonly start: number;
  readonly end: number;
}

/** A range of bytes that holds the JSON of one record. */
export interface JsonRange {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Characters of {@link StoredRecord.haystack}: all of what a `server.json` may have; bounds the work of a search. */
export const maxHaystackLength: number = 404;

function haystackOf(record: ServerRecord): string {
  const { title, description } = record.server ?? record;
  return [record.name, title, description]
    .filter((part) => typeof part === 'string')
    .map((part) => part.slice(0, maxHaystackLength))
    .join('\n')
    .slice(0, maxHaystackLength)
    .toLowerCase();
}

/** Keeps a valid record; `json` is its text where the caller has it already. The record itself is not held on to. */
export function storeRecord(
  record: ServerRecord,
  json: string | JsonRange = JSON.stringify(record),
): StoredRecord {
  const official = officialMeta(record);
  const isText = typeof json === 'string';
  return {
    key: keyOf(record),
    transport: record.transport,
    status: official?.status ?? 'active',
    updatedAt: official?.updatedAt,
    tags: record.tags?.map((tag) => tag.toLowerCase()),
    haystack: haystackOf(record),
    shared: record['connector'] === undefined ? undefined : record,
    source: isText ? json : json.bytes,
    start: isText ? 0 : json.start,
    end: isText ? 0 : json.end,
  };
}

/** The JSON of a record, on one line. */
export function storedJson({ source, start, end }: StoredRecord): string {
  return typeof source === 'string' ? source : source.toString('utf8', start, end);
}

/** A copy of its own. */
export function readStored(stored: StoredRecord): ServerRecord {
  const record: ServerRecord = JSON.parse(storedJson(stored));
  return record;
}

/** The record for readers that do not change it: the shared one if there is one, else a copy. */
export function peekStored(stored: StoredRecord): ServerRecord {
  return stored.shared ?? readStored(stored);
}
