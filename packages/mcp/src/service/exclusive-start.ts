import type { StateOwner } from './state-owner.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** How long a call waits for another process to end the server that only one may run. */
const HAND_OVER_MS = 30_000;

type LimitStart = <T>(start: () => Promise<T>) => Promise<T>;

/**
 * Waits for this process to own the state; false when that took longer than `timeoutMs`. Listens once, however often it
 * is asked: a second process may wait for as long as the first one lives.
 */
function createOwned(owner: StateOwner): (timeoutMs: number) => Promise<boolean> {
  const waiting = new Set<(isOwned: boolean) => void>();
  let listens = false;
  return async (timeoutMs) => {
    if (owner.owns) return true;
    if (!listens) {
      listens = true;
      owner.onOwned(() => {
        for (const resolve of waiting) resolve(true);
      });
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    timer.unref();
    waiting.add(resolve);
    const isOwned = await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    return isOwned;
  };
}

/**
 * Starts of a server of which only one may run (`exclusive`): they wait for the process that has it to let it go.
 * @throws UpstreamError `SPAWN_FAILED` after 30 s.
 */
export function exclusiveStart(
  connectorId: string,
  owner: StateOwner,
  limitStart: LimitStart,
): LimitStart {
  const owned = createOwned(owner);
  return async (start) => {
    if (!(await owned(HAND_OVER_MS))) {
      const waited = `${HAND_OVER_MS / 1000} s`;
      throw new UpstreamError(
        'SPAWN_FAILED',
        `another process of this service has not ended its exclusive server within ${waited}`,
        { connectorId, phase: 'spawn', unsent: true },
      );
    }
    return await limitStart(start);
  };
}
