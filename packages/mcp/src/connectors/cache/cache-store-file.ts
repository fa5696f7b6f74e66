import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { CacheStore, StoredEntry } from './cache-store.ts';
import { createPace } from '../../protocol/pace.ts';

export interface FileCacheStoreOptions<T> {
  /** Created 0700 on first use; one 0600 file per key. */
  readonly folder: string;
  /** Reads a value back from JSON; throws when it is not one. */
  readonly decode: (json: unknown) => T;
  /** Turns a value into something JSON can hold. Default: the value itself. */
  readonly encode?: (value: T) => unknown;
  /** Larger entries are neither written nor read. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Files read at most; the rest is left alone. Default 10000. */
  readonly maxEntries?: number;
  /** Told about every file that could not be used. Default: nothing. */
  readonly onDamaged?: (file: string, error: unknown) => void;
}

/** Thrown when an entry is too large to keep; the one kept before is removed, since it is out of date. */
export class CacheStoreError extends Error {
  readonly code = 'CACHE_ENTRY_TOO_LARGE';
  constructor(key: string, maxBytes: number) {
    super(`The entry '${key}' is larger than ${maxBytes} bytes`);
    this.name = 'CacheStoreError';
  }
}

const SUFFIX = '.json';
const DAMAGED = '.bad';
/** Up to this a file is read at once: handing it to another thread and back takes ten times as long as reading it. */
const AT_ONCE_BYTES = 262_144;

/** File name of a key: itself when it is a connector id, else a digest (any text is a possible key). */
function fileNameOf(key: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(key)) return key + SUFFIX;
  return `_${createHash('sha256').update(key).digest('hex').slice(0, 40)}${SUFFIX}`;
}

function parseEntry<T>(text: string, file: string, decode: (json: unknown) => T): StoredEntry<T> {
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null) throw new TypeError('not an object');
  const field = (name: string): unknown => Reflect.get(json, name);
  const key = field('key');
  const ttlMs = field('ttlMs');
  const storedAtMs = field('storedAtMs');
  const notAfterMs = field('notAfterMs');
  if (typeof key !== 'string' || fileNameOf(key) !== file) throw new TypeError('not its own key');
  if (typeof ttlMs !== 'number' || typeof storedAtMs !== 'number') throw new TypeError('no times');
  return {
    key,
    value: decode(field('value')),
    ttlMs,
    storedAtMs,
    notAfterMs: typeof notAfterMs === 'number' ? notAfterMs : undefined,
  };
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * A store of one JSON file per key. What it holds can be fetched again, so a file that cannot be read is renamed
 * aside (`.bad`, one per key) and counts as absent.
 */
export function createFileCacheStore<T>(options: FileCacheStoreOptions<T>): CacheStore<T> {
  const { folder, decode, maxBytes = 16 * 1024 * 1024, maxEntries = 10_000 } = options;

  const readText = (file: string): string | Promise<string> => {
    const path = join(folder, file);
    const stats = statSync(path);
    // Opening a pipe would wait for whoever writes to it.
    if (!stats.isFile()) throw new RangeError('not a regular file');
    if (stats.size > maxBytes) throw new RangeError('too large');
    return stats.size > AT_ONCE_BYTES ? readFile(path, 'utf8') : readFileSync(path, 'utf8');
  };
  const load = async (file: string): Promise<StoredEntry<T> | undefined> => {
    try {
      const text = readText(file);
      return parseEntry(typeof text === 'string' ? text : await text, file, decode);
    } catch (error) {
      options.onDamaged?.(file, error);
      const path = join(folder, file);
      // Should even the renaming fail, the next save replaces the file.
      await rename(path, path.slice(0, -SUFFIX.length) + DAMAGED).catch(() => undefined);
      return undefined;
    }
  };

  return {
    async loadAll() {
      const entries: StoredEntry<T>[] = [];
      const files = (await listFiles(folder)).slice(0, maxEntries);
      // One after the other, in slices: each may take milliseconds.
      const pace = createPace();
      for (const file of files) {
        const entry = await load(file);
        if (entry !== undefined) entries.push(entry);
        await pace();
      }
      return entries;
    },

    async save(entry) {
      const value = options.encode === undefined ? entry.value : options.encode(entry.value);
      const bytes = Buffer.from(JSON.stringify({ ...entry, value }));
      const path = join(folder, fileNameOf(entry.key));
      if (bytes.byteLength > maxBytes) {
        await rm(path, { force: true });
        throw new CacheStoreError(entry.key, maxBytes);
      }
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFileAtomic(path, bytes, { mode: 0o600 });
    },

    async delete(key) {
      await rm(join(folder, fileNameOf(key)), { force: true });
    },
  };
}
