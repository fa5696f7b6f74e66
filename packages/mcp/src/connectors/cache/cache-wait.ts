export interface WaitOptions {
  /** Ends the waiting, not what is waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Waits for something shared. Leaves no timer and no listener behind.
 * @returns true when it is done, false when `timeoutMs` passed first.
 * @throws the signal's reason when the caller gives up; whatever `shared` rejects with.
 */
export async function waitForShared(
  shared: Promise<unknown>,
  options: WaitOptions,
): Promise<boolean> {
  const { signal, timeoutMs } = options;
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onAbort = (): void => reject(signal?.reason);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => resolve(false), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  shared.then(() => resolve(true), reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
