import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RecordSelection, RegistryMemoryCache } from '../memory-cache.ts';
import {
  recordKey,
  keyOf,
  serverRecordSchema,
  type RecordKey,
  type ServerRecord,
} from '../server-record.ts';

/** What was there when the change was decided: its digest, or `null` for nothing. Undefined: whatever it was. */
export type ExpectedRecord = string | null | undefined;

/** One entry to store. */
export interface CheckedPut {
  readonly record: ServerRecord;
  readonly was?: ExpectedRecord;
}

/** Entries to remove. */
export interface CheckedRemoval extends RecordSelection {
  readonly was?: ExpectedRecord;
}

/** Changes that are made only if the entries are still what they were taken for. */
export interface CheckedChange {
  readonly put: readonly CheckedPut[];
  readonly remove: readonly CheckedRemoval[];
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
const removal = z.object({
  name,
  version: z.string().max(256).nullable().optional(),
  was: z.string().nullable().optional(),
});
const schema = z.object({
  put: z.array(put).max(maxEntries),
  remove: z.array(removal).max(maxEntries),
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

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** Names the content of an entry. */
export function recordDigest(record: ServerRecord): string {
  return digest(JSON.stringify(record));
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

/** Names the content of what a removal would take away; `null` for nothing. */
export function selectionDigest(
  cache: RegistryMemoryCache,
  { name: wanted, version }: RecordSelection,
): string | null {
  if (version !== undefined) {
    const one = cache.peek(recordKey(wanted, version ?? undefined));
    return one === undefined ? null : recordDigest(one);
  }
  const all = cache.versions(wanted).map(recordDigest);
  return all.length === 0 ? null : digest(all.toSorted().join(' '));
}

function refuseChanged(cache: RegistryMemoryCache, change: CheckedChange): void {
  for (const { record, was } of change.put) {
    if (was === undefined) continue;
    const now = currentRecord(cache, record);
    if ((now === undefined ? null : recordDigest(now)) === was) continue;
    throw new ChangedMeanwhileError(`${record.name} was changed by another process meanwhile`);
  }
  for (const one of change.remove)
    if (one.was !== undefined && selectionDigest(cache, one) !== one.was)
      throw new ChangedMeanwhileError(`${one.name} was changed by another process meanwhile`);
}

/**
 * Makes a change; resolves when it is durable, which all of it becomes together.
 * @throws ChangedMeanwhileError when an entry is not what it was: nothing was changed. RegistryError as `upsert`.
 */
export async function changeChecked(
  cache: RegistryMemoryCache,
  change: CheckedChange,
): Promise<ChangeOutcome> {
  if (change.put.length + change.remove.length === 0) return { stored: 0, removed: 0 };
  const removed = await cache.edit(() => {
    refuseChanged(cache, change);
    return { put: change.put.map(({ record }) => record), remove: change.remove };
  });
  return { stored: change.put.length, removed };
}
