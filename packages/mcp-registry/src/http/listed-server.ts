import { isJsonObject } from '../json-object.ts';
import { redactRecord } from '../redact.ts';
import { toServerJson } from '../server-json.ts';
import {
  hasVersion,
  nameOfKey,
  officialMetaKey,
  recordKey,
  type OfficialMeta,
  type RecordKey,
  type ServerRecord,
  type ServerStatus,
} from '../server-record.ts';
import { maxHaystackLength, peekStored, type StoredRecord } from '../stored-record.ts';
import { maxSkewMs, parseServerTime, type ServerTime } from './server-time.ts';

/**
 * One version of one server as the API knows it. Never changed, only replaced. There may be 100,000, so what can be
 * shared with the stored record or read from it is not held here again.
 */
export interface ListedServer {
  /** Name and version as they are served, as a key; sorts by name, then version, in code-unit order. */
  readonly id: string;
  readonly key: RecordKey;
  readonly stored: StoredRecord;
  readonly status: ServerStatus;
  /** `updatedAt` of the official block; when this registry found the entry if it has none that can be used. */
  readonly updatedAt: ServerTime;
  /** When this registry learned of the last change: `updatedAt`, or later for what was imported. Orders syncs. */
  readonly changedAt: ServerTime;
  /** What text search looks at: name, title and description in lower case. */
  readonly haystack: string;
}

/** An official block with every date in it. */
export interface ListedOfficial extends OfficialMeta {
  readonly statusChangedAt: string;
  readonly publishedAt: string;
  readonly updatedAt: string;
}

/** What {@link toListedServer} needs besides the record. */
export interface ListingContext {
  readonly includeLocal: boolean;
  readonly now: ServerTime;
}

/** The stored official block; what is not one counts as absent. */
function officialBlock({ _meta: meta }: ServerRecord): Record<string, unknown> {
  const block = meta?.[officialMetaKey];
  return isJsonObject(block) ? block : {};
}

/** A date that may be shown: missing, malformed and far ahead ones would hide entries from who syncs by date. */
function usableTime(text: unknown, now: ServerTime): ServerTime | undefined {
  const time = parseServerTime(text);
  return time === undefined || time.ms > now.ms + maxSkewMs ? undefined : time;
}

/** The record of an entry. It must not be changed. */
export function recordOf({ stored }: ListedServer): ServerRecord {
  return peekStored(stored);
}

/** Whether an entry has a document of its own, rather than one made from local settings. */
export function isPublished({ key }: ListedServer): boolean {
  return hasVersion(key);
}

/**
 * The official block of an entry as it is served, but for `isLatest`; dates that cannot be used are filled in. `record`
 * is the entry's own, for who has it at hand.
 */
export function officialOf(
  server: ListedServer,
  record: ServerRecord = recordOf(server),
): ListedOfficial {
  const { status, updatedAt } = server;
  const block = officialBlock(record);
  const { statusMessage } = block;
  const publishedAt = usableTime(block['publishedAt'], updatedAt) ?? updatedAt;
  const statusChangedAt = usableTime(block['statusChangedAt'], updatedAt) ?? publishedAt;
  return {
    status,
    ...(typeof statusMessage === 'string' ? { statusMessage: statusMessage.slice(0, 500) } : {}),
    statusChangedAt: statusChangedAt.text,
    publishedAt: publishedAt.text,
    updatedAt: updatedAt.text,
  };
}

/** Text that is hidden when it is shown must not be found either: search would spell it out letter by letter. */
function shownHaystack(name: string, texts: { title?: unknown; description: string }): string {
  const { title, description } = redactRecord({ name, transport: 'stdio', ...texts });
  return [name, title, description]
    .filter((part) => typeof part === 'string')
    .join('\n')
    .toLowerCase();
}

/** What identifies and describes a published entry; as long as nothing is to be hidden, that is what is stored. */
function listPublished(stored: StoredRecord) {
  const { key, haystack } = stored;
  const isWhole = haystack.length < maxHaystackLength && !/[?@]/u.test(haystack);
  if (isWhole) return { id: key, haystack };
  const { server } = peekStored(stored);
  const texts = { title: server?.['title'], description: server?.description ?? '' };
  return { id: key, haystack: shownHaystack(nameOfKey(key), texts) };
}

function listLocal(stored: StoredRecord) {
  const { name, version, title, description } = toServerJson(peekStored(stored));
  return {
    id: recordKey(name, version),
    haystack: shownHaystack(name, { title, description }),
  };
}

/** How the API lists a record; undefined when it does not. */
export function toListedServer(
  stored: StoredRecord,
  { includeLocal, now }: ListingContext,
): ListedServer | undefined {
  const { key, status } = stored;
  if (!includeLocal && !hasVersion(key)) return undefined;
  const { id, haystack } = hasVersion(key) ? listPublished(stored) : listLocal(stored);
  const updatedAt = usableTime(stored.updatedAt, now) ?? now;
  return { id, key, stored, status, updatedAt, changedAt: updatedAt, haystack };
}
