import { snapshotDelayMs, type SnapshotPolicy } from './snapshot-schedule.ts';
import type { RegistryStore, SnapshotSource, WarningListener } from './store/store.ts';

/** What a snapshot runner works with. */
export interface SnapshotRunnerParts {
  readonly store: RegistryStore;
  readonly policy: SnapshotPolicy;
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number;
  readonly warn: WarningListener;
  readonly capture: () => SnapshotSource;
  /** Told the generation of each snapshot that was committed. */
  readonly onDone: (generation: number) => void;
}

const minRetryMs = 1_000;
const maxRetryMs = 60_000;

/** Takes snapshots in the background: one at a time, when the policy says so, again later when one failed. */
export class SnapshotRunner {
  readonly #parts: SnapshotRunnerParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #failures = 0;
  #stopped = false;

  constructor(parts: SnapshotRunnerParts) {
    this.#parts = parts;
  }

  /** Called after each durable change. */
  schedule(records: number): void {
    if (this.#stopped || this.#timer !== undefined || this.#running !== undefined) return;
    const delayMs = snapshotDelayMs(this.#parts.policy, records, this.#parts.store.sizes);
    if (delayMs !== undefined) this.#start(delayMs);
  }

  /** Takes a snapshot that contains everything up to now. */
  async run(options: { readonly paced: boolean }): Promise<number> {
    // One that runs already may have been captured before the change that asks for this one.
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { store, capture, onDone } = this.#parts;
    this.#running = store.snapshot(capture, options);
    try {
      const generation = await this.#running;
      this.#failures = 0;
      onDone(generation);
      return generation;
    } finally {
      this.#running = undefined;
    }
  }

  /** No further snapshots by themselves; resolves when none is running. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running?.catch(() => undefined);
  }

  #start(delayMs: number): void {
    // The process may end before: closing the registry takes the snapshot then.
    this.#timer = setTimeout(() => void this.#runInBackground(), delayMs).unref();
  }

  async #runInBackground(): Promise<void> {
    this.#timer = undefined;
    try {
      await this.run({ paced: true });
    } catch (error) {
      const message = error instanceof Error ? error.message : 'unknown failure';
      this.#parts.warn({ kind: 'snapshot-failed', message });
      if (this.#stopped) return;
      const cap = Math.min(maxRetryMs, minRetryMs * 2 ** ++this.#failures);
      this.#start(minRetryMs / 2 + this.#parts.random() * (cap - minRetryMs / 2));
    }
  }
}
