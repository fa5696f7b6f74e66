import { indexState } from './cache-sync.ts';
import { RecordIndex } from './record-index.ts';
import { RegistryError } from './registry-error.ts';
import type { RecordKey } from './server-record.ts';
import type {
  RecordChange,
  RegistryState,
  SnapshotSource,
  WarningListener,
} from './store/store.ts';

/** What happened to one entry. */
export interface RegistryChange {
  readonly kind: 'put' | 'remove';
  readonly name: string;
  readonly version: string | undefined;
}

/** Called with the changes of one write, in the order in which they were made. */
export type RegistryListener = (changes: readonly RegistryChange[]) => void;

/** Bound on listeners, against a subscriber that never unsubscribes. */
const maxListeners = 1_000;

function toRegistryChange({ kind, key }: RecordChange): RegistryChange {
  const [name = '', version] = key.split('\n');
  return { kind, name, version };
}

/** What the cache holds, and who wants to know when it changes. */
export class CacheContents {
  readonly #warn: WarningListener;
  readonly #listeners = new Set<RegistryListener>();
  /** Generation of removals since the last snapshot, to tell a removed entry from one an editor added. */
  readonly #removedAt = new Map<RecordKey, number>();
  #index = new RecordIndex();
  extra: Readonly<Record<string, unknown>> = {};

  constructor(warn: WarningListener) {
    this.#warn = warn;
  }

  get index(): RecordIndex {
    return this.#index;
  }

  get removedAt(): ReadonlyMap<RecordKey, number> {
    return this.#removedAt;
  }

  /** Takes over a loaded state. Readers see the old content until the new one is complete. */
  async replace(state: RegistryState): Promise<void> {
    this.#index = await indexState(state);
    this.extra = state.extra;
    this.#removedAt.clear();
  }

  /** Applies changes; the first gets `firstGeneration`, each further one the next. */
  apply(changes: readonly RecordChange[], firstGeneration: number): void {
    changes.forEach((change, at) => {
      if (change.kind === 'put') {
        this.#index.put(change.record, firstGeneration + at);
        this.#removedAt.delete(change.key);
      } else if (this.#index.delete(change.key))
        this.#removedAt.set(change.key, firstGeneration + at);
    });
    this.notify(changes);
  }

  capture(generation: number): SnapshotSource {
    return { generation, records: this.#index.records(), extra: this.extra };
  }

  /** Removals up to this generation are in the snapshot. */
  forgetRemovals(generation: number): void {
    for (const [key, at] of this.#removedAt) if (at <= generation) this.#removedAt.delete(key);
  }

  subscribe(listener: RegistryListener): () => void {
    if (this.#listeners.size >= maxListeners)
      throw new RegistryError(
        'EREGISTRYFULL',
        `Cannot subscribe: there are ${maxListeners} listeners already`,
      );
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  notify(changes: readonly RecordChange[]): void {
    if (changes.length === 0 || this.#listeners.size === 0) return;
    const told = changes.map(toRegistryChange);
    for (const listener of this.#listeners) {
      try {
        listener(told);
      } catch (error) {
        // One subscriber's fault must not fail the write of another.
        const message = error instanceof Error ? error.message : 'a listener threw';
        this.#warn({ kind: 'listener-failed', message });
      }
    }
  }
}
