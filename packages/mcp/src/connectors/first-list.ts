import type { ConnectorEntry } from './entry/connector-entry.ts';

export interface FirstListOptions {
  /** From the moment a connector was added. 0 = never wait. */
  readonly waitMs: number;
  /** Calls the listener whenever an entry may have settled; returns a function that ends that. */
  readonly onChange: (listener: () => void) => () => void;
}

/**
 * Undefined when a list can be answered at once; else a promise that resolves as soon as something is known of every
 * entry, and no later than `waitMs` after the youngest of them was added (contract.md, first list). Never rejects.
 */
export function waitForFirstList(
  entries: readonly ConnectorEntry[],
  options: FirstListOptions,
): Promise<void> | undefined {
  const now = performance.now();
  const pending = entries.filter(
    (entry) => entry.addedAtMs + options.waitMs > now && !entry.settled,
  );
  if (pending.length === 0) return undefined;
  const latest = Math.max(...pending.map((entry) => entry.addedAtMs));
  return settledBy(pending, latest + options.waitMs - now, options);
}

async function settledBy(
  pending: readonly ConnectorEntry[],
  waitMs: number,
  { onChange }: FirstListOptions,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // Timers drop fractions: one that fires early would leave the next list to wait again.
  const timer = setTimeout(resolve, Math.ceil(waitMs));
  const unsubscribe = onChange(() => {
    if (pending.every((entry) => entry.settled)) resolve();
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
