import { join } from 'node:path';
import { readPrivateFile } from './secret-file.ts';

/** When each key was used last. Written now and then, and never for the sake of a request. */
export interface UsedKeys {
  note(keyId: string, nowMs: number): void;
  /** Writes what is new. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, and ends the timer. */
  close(): Promise<void>;
}

export interface UsedKeysOptions {
  readonly stateFolder: string;
  /** Told that the times could not be written. */
  readonly onError: (error: unknown) => void;
  /** Default 60 s. */
  readonly intervalMs?: number;
}

const USED_FILE = 'keys-used.json';
const MAX_USED_BYTES = 4 * 1_048_576;
/** Ids come from the keys file, which has no more. */
const MAX_KEPT = 10_000;

/** The times by key id, ISO 8601; empty when nothing is known. Never rejects. */
export async function readUsedKeys(stateFolder: string): Promise<ReadonlyMap<string, string>> {
  try {
    const text = await readPrivateFile(join(stateFolder, USED_FILE), MAX_USED_BYTES);
    const value: unknown = JSON.parse(text ?? '{}');
    const entries = Object.entries(Object(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return new Map(entries);
  } catch {
    return new Map(); // for information only: what is lost is noted again
  }
}

/** Starts with nothing; what others have written is kept. */
export function createUsedKeys({
  stateFolder,
  onError,
  intervalMs = 60_000,
}: UsedKeysOptions): UsedKeys {
  const news = new Map<string, number>();
  const write = async (): Promise<void> => {
    if (news.size === 0) return;
    const taken = [...news];
    news.clear();
    try {
      const merged = new Map(await readUsedKeys(stateFolder));
      for (const [id, atMs] of taken) {
        const at = new Date(atMs).toISOString();
        if (!((merged.get(id) ?? '') > at)) merged.set(id, at);
      }
      const kept = Object.fromEntries([...merged].slice(-MAX_KEPT));
      const { default: writeFileAtomic } = await import('write-file-atomic');
      const path = join(stateFolder, USED_FILE);
      await writeFileAtomic(path, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    } catch (error) {
      onError(error);
    }
  };
  let writing = Promise.resolve();
  const flush = async (): Promise<void> => {
    writing = writing.then(write);
    await writing;
  };
  const timer = setInterval(() => void flush(), intervalMs).unref();
  return {
    note: (keyId, nowMs) => void news.set(keyId, nowMs),
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
