import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';

/** The newest map accepted so far. */
export interface MapGeneration {
  /** Its `generatedAt`, wall clock. */
  readonly generatedAtMs: number;
  /** SHA-256 (hex) of its canonical JSON without the signature. */
  readonly digest: string;
}

/**
 * Remembers the newest map of one signer, so that an older one is not taken after a restart. Use one store per set
 * of keys: a new key starts anew.
 */
export interface MapGenerationStore {
  load(): Promise<MapGeneration | undefined>;
  save(generation: MapGeneration): Promise<void>;
}

/** Remembers for as long as the process runs. */
export function createMemoryGenerationStore(): MapGenerationStore {
  let last: MapGeneration | undefined;
  return {
    load: () => Promise.resolve(last),
    save: (generation) => {
      last = generation;
      return Promise.resolve();
    },
  };
}

function parseGeneration(text: string): MapGeneration | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const generatedAtMs: unknown = Reflect.get(value, 'generatedAtMs');
  const digest: unknown = Reflect.get(value, 'digest');
  if (typeof generatedAtMs !== 'number' || typeof digest !== 'string') return undefined;
  return { generatedAtMs, digest };
}

/**
 * Remembers in a file (0600, folder 0700). A missing or damaged file counts as nothing remembered: refusing every
 * map because of it would take all connectors down.
 */
export function createFileGenerationStore(path: string): MapGenerationStore {
  return {
    async load() {
      try {
        // Opening a pipe would wait for whoever writes to it.
        if (!(await stat(path)).isFile()) return undefined;
        return parseGeneration(await readFile(path, 'utf8'));
      } catch {
        // Missing before the first map, or damaged; see above.
        return undefined;
      }
    },
    async save(generation) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFileAtomic(path, `${JSON.stringify(generation)}\n`, { mode: 0o600 });
    },
  };
}
