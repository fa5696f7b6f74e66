import type { ConnectorEntry } from './connector-entry.ts';

/** Connectors that are no longer wanted and still have calls under way. */
export interface Retirement {
  /** Closes an idle entry now, any other once its calls have ended or `drainMs` have passed. @returns the first kind's end. */
  retire(entry: ConnectorEntry): Promise<void>;
  /** Closes all that are left, calls or not. */
  closeAll(): Promise<void>;
}

/** Closes an entry once its calls have ended, or after `maxMs`. */
export async function closeDrained(entry: ConnectorEntry, maxMs: number): Promise<void> {
  await entry.drain(maxMs);
  await entry.close();
}

/** @param drainMs how long calls under way may go on, in milliseconds (M9). */
export function createRetirement(drainMs: number): Retirement {
  const leaving = new Set<ConnectorEntry>();

  async function drain(entry: ConnectorEntry): Promise<void> {
    await closeDrained(entry, drainMs);
    leaving.delete(entry);
  }

  return {
    async retire(entry) {
      leaving.add(entry);
      const idle = entry.retire();
      const gone = drain(entry);
      // Who replaces a connector waits for no calls of others.
      if (idle) await gone;
    },
    async closeAll() {
      await Promise.allSettled([...leaving].map(async (entry) => await entry.close()));
    },
  };
}
