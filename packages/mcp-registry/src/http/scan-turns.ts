import { RegistryApiError } from './api-error.ts';

/** Longest stretch of one scan between two turns of the event loop. */
const sliceMs = 2;

/** One reader's share of the event loop. */
export interface Scan {
  /** Whether this scan has to pause. */
  due(): boolean;
  /** Waits for its turn. Only one scan runs in each turn of the loop. */
  pause(): Promise<void>;
  end(): void;
}

/** Hands out the event loop to scans, slice by slice. */
export interface ScanTurns {
  /** @throws RegistryApiError 503 `BUSY` beyond `maxScans`. */
  begin(): Scan;
}

/** Builds it. `maxScans` bounds the scans under way, default 64. */
export function createScanTurns(maxScans: number = 64): ScanTurns {
  let scans = 0;
  let scheduled = false;
  const waiting: (() => void)[] = [];

  function schedule(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      waiting.shift()?.();
      schedule();
    });
  }

  return {
    begin: () => {
      if (scans >= maxScans)
        throw new RegistryApiError(503, 'BUSY', 'Too many lists are being read', {
          'retry-after': '1',
        });
      scans++;
      let startedMs = performance.now();
      return {
        due: () => performance.now() - startedMs >= sliceMs,
        pause: async () => {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
            schedule();
          });
          startedMs = performance.now();
        },
        end: () => {
          scans--;
        },
      };
    },
  };
}
