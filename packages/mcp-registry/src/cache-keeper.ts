import { setTimeout as wait } from 'node:timers/promises';
import type { CacheContents } from './cache-contents.ts';
import { difference, editChanges } from './cache-sync.ts';
import { FlushQueue } from './flush-queue.ts';
import { RegistryError } from './registry-error.ts';
import { SnapshotRunner } from './snapshot-runner.ts';
import { fingerprint } from './store/fingerprint.ts';
import { peekStored } from './stored-record.ts';
import type {
  Batch,
  RecordChange,
  RegistryState,
  RegistryStore,
  StoreEvent,
  WarningListener,
} from './store/store.ts';

/** What a keeper works with; defaults are those of `RegistryCacheOptions`. */
export interface CacheKeeperParts {
  readonly store: RegistryStore;
  readonly contents: CacheContents;
  readonly waitsForDisk: boolean;
  readonly windowMs: number;
  readonly snapshotDelayMs: number;
  readonly lockWaitMs: () => number;
  readonly random: () => number;
  readonly warn: WarningListener;
}

/** How far the disk is behind. */
export interface KeeperHealth {
  readonly generation: number;
  /** Generation up to which every change is on disk. */
  readonly durableGeneration: number;
  /** How long the oldest change has not been on disk, in ms; 0 when all are. */
  readonly unflushedMs: number;
  /** The failure of the last write; undefined when it succeeded. */
  readonly lastError: unknown;
}

/** Largest number of records that gets a snapshot after every burst of changes. */
const maxEagerRecords = 10_000;

/** Least time between two attempts of a reader to become the writer. */
const minClaimIntervalMs = 250;

/** Keeps memory and store in step, in both directions: our changes out, changes made by others in. */
export class CacheKeeper {
  readonly #parts: CacheKeeperParts;
  readonly #store: RegistryStore;
  readonly #snapshots: SnapshotRunner;
  #queue: FlushQueue;
  #events: Promise<void> = Promise.resolve();
  #claiming: Promise<void> | undefined;
  #claimedAtMs = -minClaimIntervalMs;
  #unflushedSinceMs = 0;
  #lastError: unknown;
  #closing: Promise<void> | undefined;

  constructor(parts: CacheKeeperParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#queue = this.#createQueue(0);
    this.#snapshots = new SnapshotRunner({
      store: parts.store,
      policy: { maxEagerRecords, delayMs: parts.snapshotDelayMs },
      random: parts.random,
      warn: parts.warn,
      capture: () => parts.contents.capture(this.#queue.generation),
      onDone: (generation) => {
        this.#queue.markDurable(generation);
        parts.contents.forgetRemovals(generation);
      },
    });
  }

  async start(): Promise<void> {
    await this.#adopt(await this.#store.load());
    this.#store.follow((event) => {
      this.#events = this.#events.then(async () => this.#take(event));
    });
  }

  /**
   * Makes sure that this process may write. Gives `undefined` when it may already, so that a write is visible to reads
   * at once; a reader tries to take over first.
   */
  ensureWriter(): Promise<void> | undefined {
    this.#assertOpen();
    if (this.#store.access.kind === 'writer' && this.#claiming === undefined) return undefined;
    this.#claiming ??= this.#claimInTurn();
    return this.#claiming;
  }

  /** Changes memory now; resolves when the disk has it too, or at once with `interval` durability. */
  async change(changes: readonly RecordChange[]): Promise<void> {
    this.#record(changes);
    if (this.#parts.waitsForDisk) await this.#queue.settled();
  }

  async flush(): Promise<void> {
    await this.#queue.barrier();
  }

  flushNow(): void {
    if (this.#store.access.kind === 'reader') return;
    const batch = this.#queue.remaining();
    if (batch === undefined) return;
    this.#store.appendNow(batch);
    this.#queue.markDurable(batch.to);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  health(): KeeperHealth {
    const { generation, durable } = this.#queue;
    return {
      generation,
      durableGeneration: durable,
      unflushedMs: durable < generation ? performance.now() - this.#unflushedSinceMs : 0,
      lastError: this.#lastError,
    };
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new RegistryError('EREGISTRYCLOSED', 'Cannot write to the registry: it was closed');
  }

  #createQueue(generation: number): FlushQueue {
    return new FlushQueue({
      generation,
      windowMs: this.#parts.windowMs,
      random: this.#parts.random,
      minRetryMs: 1_000,
      maxRetryMs: 60_000,
      write: async (batch) => this.#write(batch),
      onFailure: (error) => {
        this.#lastError = error;
        const message = error instanceof Error ? error.message : 'unknown failure';
        this.#parts.warn({ kind: 'flush-failed', message });
      },
    });
  }

  #record(changes: readonly RecordChange[]): void {
    const { contents } = this.#parts;
    if (changes.length === 0) return;
    const known = changes.map((change) => {
      const before = contents.index.get(change.key);
      return before === undefined
        ? change
        : { ...change, was: fingerprint(peekStored(before.record)) };
    });
    if (this.#queue.durable >= this.#queue.generation) this.#unflushedSinceMs = performance.now();
    const first = this.#queue.generation + 1;
    this.#queue.add(known);
    contents.apply(known, first);
  }

  async #write(batch: Batch): Promise<number> {
    const startedMs = performance.now();
    let generation = batch.to;
    // A journal that cannot be continued is replaced together with a snapshot, which holds the batch as well.
    if (this.#store.needsSnapshot) generation = await this.#snapshots.run({ paced: false });
    else await this.#store.append(batch);
    this.#unflushedSinceMs = startedMs;
    this.#lastError = undefined;
    this.#snapshots.schedule(this.#parts.contents.index.size);
    return generation;
  }

  async #adopt(state: RegistryState): Promise<void> {
    const { contents, warn } = this.#parts;
    await contents.replace(state);
    this.#queue = this.#createQueue(state.generation);
    if (this.#store.access.kind === 'reader') return;
    if (!this.#store.needsSnapshot) {
      if (state.generation > this.#store.snapshotGeneration)
        this.#snapshots.schedule(contents.index.size);
      return;
    }
    try {
      await this.#snapshots.run({ paced: false });
    } catch (error) {
      this.#lastError = error;
      const message = error instanceof Error ? error.message : 'unknown failure';
      warn({ kind: 'snapshot-failed', message });
    }
  }

  /** Claims between two events, so that what was followed so far is complete and nothing stale comes after. */
  async #claimInTurn(): Promise<void> {
    const untilMs = performance.now() + this.#parts.lockWaitMs();
    try {
      while (!(await this.#claimed(untilMs))) await wait(minClaimIntervalMs);
    } finally {
      this.#claiming = undefined;
    }
    this.#assertOpen();
  }

  /** False while another process holds the lock and there is time left. */
  async #claimed(untilMs: number): Promise<boolean> {
    const claimed = this.#events.then(async () => this.#claim());
    this.#events = claimed.catch(() => undefined);
    try {
      await claimed;
      return true;
    } catch (error) {
      const held = error instanceof RegistryError && error.code === 'ELOCKED';
      if (!held || performance.now() >= untilMs || this.#closing !== undefined) throw error;
      return false;
    }
  }

  async #claim(): Promise<void> {
    const { access } = this.#store;
    // Taking a lock can cost a process; a busy caller of a read-only registry must not start one for every write.
    const tried = performance.now() - this.#claimedAtMs;
    if (access.kind === 'reader' && tried < minClaimIntervalMs) throw access.reason;
    this.#claimedAtMs = performance.now();
    const state = await this.#store.claim();
    if (this.#store.access.kind === 'reader') throw this.#store.access.reason;
    if (state === undefined) return;
    const { contents } = this.#parts;
    const changes = await difference(contents.index, state);
    await this.#adopt(state);
    contents.notify(changes);
  }

  async #take(event: StoreEvent): Promise<void> {
    const { contents } = this.#parts;
    // What a reader saw before it became the writer is older than what it loaded then.
    if (event.kind !== 'edit' && this.#store.access.kind === 'writer') return;
    switch (event.kind) {
      case 'batch':
        contents.apply(event.batch.changes, event.batch.from);
        this.#queue = this.#createQueue(event.batch.to);
        return;
      case 'reload': {
        const changes = await difference(contents.index, event.state);
        await contents.replace(event.state);
        this.#queue = this.#createQueue(event.state.generation);
        contents.notify(changes);
        return;
      }
      case 'edit':
        await this.#takeEdit(event);
    }
  }

  async #takeEdit({ state, since }: Extract<StoreEvent, { kind: 'edit' }>): Promise<void> {
    const { contents } = this.#parts;
    if (this.#closing !== undefined) return;
    const { index, removedAt } = contents;
    const changes = await editChanges(state, { index, since, removedAt });
    contents.extra = state.extra;
    this.#record(changes);
  }

  async #close(): Promise<void> {
    await this.#events;
    let failure: unknown;
    try {
      if (this.#store.access.kind === 'writer') await this.#finish();
    } catch (error) {
      failure = error;
    }
    await this.#snapshots.stop();
    this.#queue.close();
    await this.#store.close();
    // oxlint-disable-next-line typescript/only-throw-error -- rethrown as it came
    if (failure !== undefined) throw failure;
  }

  async #finish(): Promise<void> {
    await this.#queue.barrier();
    if (this.#queue.durable > this.#store.snapshotGeneration)
      await this.#snapshots.run({ paced: false });
  }
}
