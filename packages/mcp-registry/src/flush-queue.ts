import { RegistryError } from './registry-error.ts';
import type { Batch, RecordChange } from './store/store.ts';

/** How a flush queue is built. */
export interface FlushQueueOptions {
  /**
   * Makes a batch durable and resolves with the generation that is durable then, which may be later than the batch's.
   * Called once at a time.
   */
  readonly write: (batch: Batch) => Promise<number>;
  /** How long a change waits for others to share its sync. */
  readonly windowMs: number;
  /** Generation that is durable already. */
  readonly generation: number;
  /** For the retry jitter; in [0, 1). */
  readonly random: () => number;
  /** Longest first wait after a failure; doubles up to `maxRetryMs`. */
  readonly minRetryMs: number;
  readonly maxRetryMs: number;
  /** Told of each failed write. */
  readonly onFailure: (error: unknown) => void;
}

/** What a queue is doing. */
export type FlushPhase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'gathering' }
  | { readonly kind: 'writing' }
  | { readonly kind: 'waiting'; readonly error: unknown };

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'gathering'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'writing'; readonly batch: Batch }
  | {
      readonly kind: 'waiting';
      readonly timer: NodeJS.Timeout;
      readonly error: unknown;
      readonly sinceMs: number;
    };

interface Waiter {
  readonly generation: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Two changes of one entry as one. What the older one replaced is still what the disk holds. */
function joined(older: RecordChange | undefined, newer: RecordChange): RecordChange {
  return older === undefined ? newer : { ...newer, was: older.was };
}

/**
 * Gathers changes into batches: at most one is being written and one is being gathered, however many changes come.
 * A change counts as durable only when a batch that holds it was written; a change made during a write belongs to the
 * next batch (defect 19). After a failure the changes stay, later ones join them, and the write is tried again after
 * a full-jitter wait.
 */
export class FlushQueue {
  readonly #options: FlushQueueOptions;
  #phase: Phase = { kind: 'idle' };
  #pending = new Map<string, RecordChange>();
  /** Generation of the newest change. */
  #newest: number;
  /** First generation that is not in a batch being written. */
  #from: number;
  #durable: number;
  #failures = 0;
  #waiters: Waiter[] = [];
  /** A barrier arrived while a write was running, so the next one does not wait for its window. */
  #hurry = false;

  constructor(options: FlushQueueOptions) {
    this.#options = options;
    this.#newest = options.generation;
    this.#durable = options.generation;
    this.#from = options.generation + 1;
  }

  /** Generation of the newest change, durable or not. */
  get generation(): number {
    return this.#newest;
  }

  /** Generation up to which every change is durable. */
  get durable(): number {
    return this.#durable;
  }

  get phase(): FlushPhase {
    return this.#phase;
  }

  /** Takes changes that belong together; they reach the disk in one batch. Each gets its own generation. */
  add(changes: readonly RecordChange[]): void {
    for (const change of changes) {
      this.#newest++;
      this.#pending.set(change.key, joined(this.#pending.get(change.key), change));
    }
    if (this.#phase.kind === 'idle') this.#gather();
  }

  /**
   * Resolves when everything added before is durable; rejects when the write that holds it fails. While the disk is
   * failing it rejects at once with that failure, or tries again if the last try is old enough.
   */
  async settled(): Promise<void> {
    const phase = this.#phase;
    if (phase.kind !== 'waiting') return this.#wait();
    if (performance.now() - phase.sinceMs < this.#options.minRetryMs) throw phase.error;
    return this.barrier();
  }

  /** Resolves like `settled`, but never waits for the window or for the time of a retry. */
  async barrier(): Promise<void> {
    const done = this.#wait();
    switch (this.#phase.kind) {
      case 'gathering':
      case 'waiting':
        clearTimeout(this.#phase.timer);
        this.#write();
        break;
      case 'writing':
        this.#hurry = true;
        break;
      case 'idle':
    }
    await done;
  }

  /** Every change that is not known to be durable, for a last synchronous write. */
  remaining(): Batch | undefined {
    const writing = this.#phase.kind === 'writing' ? this.#phase.batch : undefined;
    const changes = new Map(writing?.changes.map((change) => [change.key, change]));
    for (const [key, change] of this.#pending) changes.set(key, change);
    if (changes.size === 0) return undefined;
    return { from: this.#durable + 1, to: this.#newest, changes: [...changes.values()] };
  }

  /** Everything up to this generation became durable in another way. */
  markDurable(generation: number): void {
    this.#durable = Math.max(this.#durable, generation);
    this.#answer((waiter) => waiter.resolve());
    if (this.#durable < this.#newest || this.#phase.kind === 'writing') return;
    this.#stopTimer();
    this.#pending.clear();
    this.#from = this.#newest + 1;
    this.#failures = 0;
  }

  /** Stops timers. Whoever still waits is rejected with `EREGISTRYCLOSED`. */
  close(): void {
    this.#stopTimer();
    const error = new RegistryError('EREGISTRYCLOSED', 'Cannot flush: the registry was closed');
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  async #wait(): Promise<void> {
    if (this.#durable >= this.#newest) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ generation: this.#newest, resolve, reject });
    });
  }

  #gather(): void {
    const wait = this.#hurry ? 0 : this.#options.windowMs;
    this.#hurry = false;
    if (wait === 0) {
      this.#write();
      return;
    }
    this.#phase = { kind: 'gathering', timer: setTimeout(() => this.#write(), wait) };
  }

  #stopTimer(): void {
    if (this.#phase.kind !== 'gathering' && this.#phase.kind !== 'waiting') return;
    clearTimeout(this.#phase.timer);
    this.#phase = { kind: 'idle' };
  }

  #write(): void {
    const changes = [...this.#pending.values()];
    const batch: Batch = { from: this.#from, to: this.#newest, changes };
    this.#pending = new Map();
    this.#from = this.#newest + 1;
    this.#phase = { kind: 'writing', batch };
    this.#options.write(batch).then(
      (generation) => this.#succeed(generation),
      (error: unknown) => this.#fail(batch, error),
    );
  }

  #succeed(generation: number): void {
    this.#failures = 0;
    this.#durable = Math.max(this.#durable, generation);
    this.#phase = { kind: 'idle' };
    this.#answer((waiter) => waiter.resolve());
    if (this.#pending.size > 0) this.#gather();
    else this.#hurry = false;
  }

  #fail(batch: Batch, error: unknown): void {
    const merged = new Map(batch.changes.map((change) => [change.key, change]));
    for (const [key, change] of this.#pending) merged.set(key, joined(merged.get(key), change));
    this.#pending = merged;
    this.#from = batch.from;
    this.#phase = {
      kind: 'waiting',
      error,
      sinceMs: performance.now(),
      timer: setTimeout(() => this.#write(), this.#retryMs()).unref(),
    };
    this.#failures++;
    this.#options.onFailure(error);
    const failed = this.#waiters.filter((waiter) => waiter.generation <= batch.to);
    this.#waiters = this.#waiters.filter((waiter) => waiter.generation > batch.to);
    for (const waiter of failed) waiter.reject(error);
    this.#retryForBarrier();
  }

  /** A barrier called during the failed write covers later changes, which have not been tried yet. */
  #retryForBarrier(): void {
    if (!this.#hurry || this.#phase.kind !== 'waiting') return;
    this.#hurry = false;
    if (this.#waiters.length === 0) return;
    clearTimeout(this.#phase.timer);
    this.#write();
  }

  #retryMs(): number {
    const { minRetryMs, maxRetryMs, random } = this.#options;
    const cap = Math.min(maxRetryMs, minRetryMs * 2 ** this.#failures);
    // Full jitter between half the minimum and the cap, so that a retry never follows at once.
    return minRetryMs / 2 + random() * (cap - minRetryMs / 2);
  }

  #answer(tell: (waiter: Waiter) => void): void {
    const ready = this.#waiters.filter((waiter) => waiter.generation <= this.#durable);
    this.#waiters = this.#waiters.filter((waiter) => waiter.generation > this.#durable);
    for (const waiter of ready) tell(waiter);
  }
}
