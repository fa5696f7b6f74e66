import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RegistryMemoryCache } from '../memory-cache.ts';
import {
  recordKey,
  keyOf,
  serverRecordSchema,
  type RecordKey,
  type ServerRecord,
} from '../server-record.ts';

/** What an entry was when the change was decided: its digest, or `null` for none. Undefined: whatever it was. */
export type ExpectedRecord = string | null | undefined;

/** One entry to store. */
export interface CheckedPut {
  readonly record: ServerRecord;
  readonly was?: ExpectedRecord;
}

/** Changes that are made only if the entries are still what they were taken for. */
export interface CheckedChange {
  readonly put: readonly CheckedPut[];
  /** Entries to remove; without a version every entry of the name. */
  readonly remove: readonly { readonly name: string; readonly version?: string | undefined }[];
}

/** How many entries a change touched. */
export interface ChangeOutcome {
  readonly stored: number;
  readonly removed: number;
}

/** An entry was changed by somebody else meanwhile: read it again and decide anew. */
export class ChangedMeanwhileError extends Error {
  override readonly name = 'ChangedMeanwhileError';
  readonly code = 'ECHANGED';
}

/** Most entries of one change. */
const maxEntries = 10_000;
const name = z.string().min(1).max(256);
const put = z.object({ record: serverRecordSchema, was: z.string().nullable().optional() });
const schema = z.object({
  put: z.array(put).max(maxEntries),
  remove: z.array(z.object({ name, version: z.string().max(256).optional() })).max(maxEntries),
});

/**
 * Reads a change that came as JSON.
 * @throws TypeError naming the first fault.
 */
export function readCheckedChange(value: unknown): CheckedChange {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TypeError(z.prettifyError(parsed.error));
}

/** Names the content of an entry. */
export function recordDigest(record: ServerRecord): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('base64url').slice(0, 22);
}

/** A copy of the entry that a record would replace. */
export function currentRecord(
  cache: RegistryMemoryCache,
  record: ServerRecord,
): ServerRecord | undefined {
  const key: RecordKey = keyOf(record);
  return cache
    .versions(record.name)
    .find((one) => recordKey(one.name, one.server?.version) === key);
}

function refuseChanged(cache: RegistryMemoryCache, change: CheckedChange): void {
  for (const { record, was } of change.put) {
    if (was === undefined) continue;
    const now = currentRecord(cache, record);
    if ((now === undefined ? null : recordDigest(now)) === was) continue;
    throw new ChangedMeanwhileError(`${record.name} was changed by another process meanwhile`);
  }
}

/**
 * Makes a change; resolves when it is durable. What is stored becomes durable together.
 * @throws ChangedMeanwhileError when an entry is not what it was: nothing was changed. RegistryError as `upsert`.
 */
export async function changeChecked(
  cache: RegistryMemoryCache,
  change: CheckedChange,
): Promise<ChangeOutcome> {
  refuseChanged(cache, change);
  if (change.put.length > 0) await cache.upsertMany(change.put.map(({ record }) => record));
  let removed = 0;
  for (const one of change.remove) if (await cache.remove(one.name, one.version)) removed += 1;
  return { stored: change.put.length, removed };
}
