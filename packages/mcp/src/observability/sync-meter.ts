import type { ConnectorInstruments, SyncResult } from './connector-instruments.ts';

/** Measures the attempts to sync one connector as it is defined now; a changed definition begins anew. */
export interface SyncMeter {
  /** An attempt really asks the server. One that follows a failed attempt is a retry. */
  asked(): void;
  ended(result: SyncResult, durationMs: number): void;
  /** From now on nothing is measured: what our own closing ends says nothing about the connector. */
  close(): void;
}

/** @param instruments undefined measures nothing. */
export function createSyncMeter(instruments: ConnectorInstruments | undefined): SyncMeter {
  let open = instruments;
  let failed = false;
  return {
    asked: () => {
      if (failed) open?.syncRetried();
    },
    ended: (result, durationMs) => {
      failed = result === 'failed';
      open?.syncEnded(result, durationMs);
    },
    close: () => {
      open = undefined;
    },
  };
}
