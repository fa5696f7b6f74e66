import pLimit from 'p-limit';
import { sharedPace } from '../protocol/pace.ts';

export interface SyncLimitOptions {
  /** Syncs that may be under way. */
  readonly concurrency: number;
  /**
   * How long a sync counts. One that takes longer is waiting for its server and costs nothing; it goes on, and its
   * place is given to the next, so that servers that hang hold up no other. Undefined: as long as it runs.
   */
  readonly patienceMs: number | undefined;
}

/** What a sync needs first; undefined when there is nothing to wait for. Never rejects. */
type Prepare = () => Promise<void> | undefined;

export interface SyncLimit {
  /** Runs a sync when there is a place for it, and it is prepared. */
  <T>(run: () => Promise<T>, prepare?: Prepare): Promise<T>;
  /** Syncs that have or wait for a place. */
  readonly underWay: number;
}

/**
 * Bounds how many syncs run at a time (S4-09), and starts them in slices: a hundred connects at once would hold the
 * event loop up for longer than a client should feel (contract.md, event loop).
 */
export function createSyncLimit({ concurrency, patienceMs }: SyncLimitOptions): SyncLimit {
  const limit = pLimit(Math.max(1, concurrency));
  let turn = Promise.resolve();
  const sync = async <T>(run: () => Promise<T>, prepare?: Prepare): Promise<T> => {
    const started = await new Promise<{ readonly work: Promise<T> }>((resolve) => {
      void limit(async () => {
        turn = turn.then(prepare).then(sharedPace);
        await turn;
        const work = run();
        resolve({ work });
        await untilDone(work, patienceMs);
      });
    });
    return await started.work;
  };
  const counted: SyncLimit = Object.assign(sync, { underWay: 0 });
  Object.defineProperty(counted, 'underWay', {
    get: () => limit.activeCount + limit.pendingCount,
  });
  return counted;
}

/** Resolves when the work has ended, however, or has taken too long. */
async function untilDone(work: Promise<unknown>, patienceMs: number | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = patienceMs === undefined ? undefined : setTimeout(resolve, patienceMs);
  timer?.unref();
  work.then(
    () => resolve(),
    () => resolve(),
  );
  await promise;
  clearTimeout(timer);
}
