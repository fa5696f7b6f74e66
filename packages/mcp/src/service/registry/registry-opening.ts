import { stat } from 'node:fs/promises';
import {
  createCacheHandle,
  createDirectHandle,
  openFileStore,
  RegistryMemoryCache,
  type FileStoreOptions,
  type RegistryHandle,
  type RegistryHealth,
  type RegistryStore,
} from '@cortex-os/mcp-registry';
import type { RegistryInstruments } from '../../observability/registry-instruments.ts';

/** A registry as the gateway holds it. */
export interface OpenRegistry {
  readonly handle: RegistryHandle;
  /** The registry in memory; undefined when `MCP_REGISTRY_MEMORY_CACHE` is off. */
  readonly cache: RegistryMemoryCache | undefined;
  /** Undefined when nothing is held in memory. */
  health(): RegistryHealth | undefined;
  /** Calls back after a change, whoever made it. Returns the stop function. */
  onChange(listener: () => void): () => void;
  /** Becomes the writer, if it can be; what it was as a reader goes on otherwise. Never rejects. */
  takeOver(): Promise<void>;
  /** Flushes and releases. @throws RegistryError when something could not be written. */
  close(): Promise<void>;
}

export interface RegistryOpening extends Pick<FileStoreOptions, 'path' | 'onWarning'> {
  readonly random: () => number;
  /** How long the writes of a reader wait for the lock, in ms. Default: not at all. */
  readonly lockWaitMs?: (() => number) | undefined;
  readonly instruments: RegistryInstruments;
}

type DirectOpening = Omit<RegistryOpening, 'instruments' | 'lockWaitMs'>;

/** How often the files are looked at when nothing is held in memory. */
const POLL_MS = 1_000;

/** Times every batch on its way to the disk. */
function measured(store: RegistryStore, instruments: RegistryInstruments): RegistryStore {
  const append = store.append.bind(store);
  store.append = async (batch) => {
    const startedAtMs = performance.now();
    try {
      await instruments.traced('registry flush', async () => await append(batch));
      instruments.flushEnded(true, performance.now() - startedAtMs);
    } catch (error) {
      instruments.flushEnded(false, performance.now() - startedAtMs);
      throw error;
    }
  };
  return store;
}

/** The registry in memory: the writer of its folder, or, beside another writer, a reader that follows. */
export async function openInMemory(options: RegistryOpening): Promise<OpenRegistry> {
  const { path, onWarning, random, instruments, lockWaitMs } = options;
  const warn = onWarning === undefined ? {} : { onWarning };
  const store = await openFileStore({ path, ...warn });
  let cache: RegistryMemoryCache;
  try {
    cache = await RegistryMemoryCache.open(measured(store, instruments), {
      random,
      lockWaitMs,
      ...warn,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    cache,
    handle: createCacheHandle(cache),
    health: () => cache.health(),
    onChange: (listener) => cache.subscribe(() => listener()),
    takeOver: async () => {
      // Nothing is changed: whoever may write need only ask.
      await cache.edit(() => ({})).catch(() => undefined);
    },
    close: async () => await cache.close(),
  };
}

async function signature(path: string): Promise<string> {
  const files = [path, path.replace(/(?:\.json)?$/, '.log')];
  const facts = await Promise.all(
    files.map(async (file) => {
      try {
        const { ino, size, mtimeMs } = await stat(file);
        return `${ino}:${size}:${mtimeMs}`;
      } catch {
        // Not there: that is a state like any other.
        return '-';
      }
    }),
  );
  return facts.join('|');
}

function watchFiles(path: string, listener: () => void): () => void {
  let known: string | undefined;
  const look = async (): Promise<void> => {
    const now = await signature(path);
    if (known !== undefined && now !== known) listener();
    known = now;
  };
  void look();
  const timer = setInterval(() => void look(), POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Rollback of `MCP_REGISTRY_MEMORY_CACHE=false`: every use reads the files, every write writes them through. */
export function openDirect({ path, onWarning, random }: DirectOpening): OpenRegistry {
  const warn = onWarning === undefined ? {} : { onWarning };
  return {
    cache: undefined,
    handle: createDirectHandle({ path, random, ...warn }),
    health: () => undefined,
    onChange: (listener) => watchFiles(path, listener),
    takeOver: async () => await Promise.resolve(),
    close: async () => await Promise.resolve(),
  };
}
