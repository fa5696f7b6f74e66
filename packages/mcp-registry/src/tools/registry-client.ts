import { dirname } from 'node:path';
import { RegistryError } from '../registry-error.ts';
import type { RecordSelection, RegistryMemoryCache } from '../memory-cache.ts';
import type { ServerRecord } from '../server-record.ts';
import type { WarningListener } from '../store/store.ts';
import {
  ChangedMeanwhileError,
  changeChecked,
  currentRecord,
  recordDigest,
  selectionDigest,
  type CheckedChange,
} from './checked-change.ts';
import { createDirectHandle, type RegistryHandle } from './registry-handle.ts';
import { findService, type ServiceLink } from './service-link.ts';

/** What somebody decided to change, and what they want back. */
export interface Decision<T> {
  readonly put?: readonly ServerRecord[];
  readonly remove?: readonly RecordSelection[];
  readonly value: T;
}

/** The registry for commands that end: it takes no lock for reading, and writes beside a running service. */
export interface RegistryClient {
  /** Runs `work` with what is on disk now. */
  read<T>(work: (cache: RegistryMemoryCache) => T | Promise<T>): Promise<T>;
  /**
   * Makes the change that `decide` derives from the registry as it is. It is asked again when somebody else changed
   * one of its entries meanwhile, so it must have no effects of its own. Resolves when the change is durable.
   * @throws what `decide` throws; RegistryError, `ELOCKED` when another process holds the registry for 5 s.
   */
  change<T>(
    decide: (cache: RegistryMemoryCache) => Decision<T> | Promise<Decision<T>>,
  ): Promise<{ readonly value: T; readonly via: 'service' | 'files' }>;
}

export interface RegistryClientOptions {
  /** Path of `servers.json`. */
  readonly path: string;
  readonly random: () => number;
  readonly onWarning?: WarningListener;
  /** How long a write waits for whoever holds the registry. Default: 5000 ms. */
  readonly patienceMs?: number;
}

/** How long one attempt waits for the lock before it looks for a service again. */
const lockWaitMs = 200;
const maxConflicts = 5;
/** Entries go to a service in requests of about this size; it takes 4 MiB. */
const maxRequestBytes = 2_097_152;

function* inPieces(change: CheckedChange): Generator<CheckedChange> {
  let put: CheckedChange['put'][number][] = [];
  let bytes = 0;
  for (const one of change.put) {
    put.push(one);
    bytes += Buffer.byteLength(JSON.stringify(one));
    if (bytes < maxRequestBytes && put.length < 5_000) continue;
    yield { put, remove: [] };
    put = [];
    bytes = 0;
  }
  for (let at = 0; at < change.remove.length || put.length > 0; at += 5_000) {
    yield { put, remove: change.remove.slice(at, at + 5_000) };
    put = [];
  }
}

class ServiceOrFiles implements RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #files: RegistryHandle;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    const { path, random, onWarning } = options;
    const warn = onWarning === undefined ? {} : { onWarning };
    this.#files = createDirectHandle({ path, random, lockWaitMs, ...warn });
  }

  async read<T>(work: (cache: RegistryMemoryCache) => T | Promise<T>): Promise<T> {
    return this.#files.use('read', work);
  }

  async change<T>(
    decide: (cache: RegistryMemoryCache) => Decision<T> | Promise<Decision<T>>,
  ): Promise<{ readonly value: T; readonly via: 'service' | 'files' }> {
    const deadline = performance.now() + (this.#options.patienceMs ?? 5_000);
    for (let conflicts = 0; ;) {
      try {
        const service = await findService(dirname(this.#options.path));
        if (service !== undefined)
          return { value: await this.#byService(service, decide), via: 'service' };
        return { value: await this.#byFiles(decide), via: 'files' };
      } catch (error) {
        const locked = error instanceof RegistryError && error.code === 'ELOCKED';
        const changed = error instanceof ChangedMeanwhileError;
        if (changed) conflicts += 1;
        const again =
          (locked && performance.now() < deadline) || (changed && conflicts <= maxConflicts);
        if (!again) throw error;
      }
    }
  }

  async #byService<T>(
    service: ServiceLink,
    decide: (cache: RegistryMemoryCache) => Decision<T> | Promise<Decision<T>>,
  ): Promise<T> {
    const { change, value } = await this.#files.use('read', async (cache) => {
      const { put = [], remove = [], value: wanted } = await decide(cache);
      const checked = put.map((record) => {
        const now = currentRecord(cache, record);
        return { record, was: now === undefined ? null : recordDigest(now) };
      });
      const gone = remove.map((one) => ({
        name: one.name,
        version: one.version,
        was: selectionDigest(cache, one),
      }));
      return { change: { put: checked, remove: gone }, value: wanted };
    });
    for (const piece of inPieces(change)) await service.change(piece);
    return value;
  }

  async #byFiles<T>(
    decide: (cache: RegistryMemoryCache) => Decision<T> | Promise<Decision<T>>,
  ): Promise<T> {
    return this.#files.use('write', async (cache) => {
      const { put = [], remove = [], value } = await decide(cache);
      await changeChecked(cache, { put: put.map((record) => ({ record })), remove });
      return value;
    });
  }
}

/** Asks the running service first, which holds the registry in memory; writes the files itself when none runs. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new ServiceOrFiles(options);
}
