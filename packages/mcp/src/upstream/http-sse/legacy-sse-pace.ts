import { pauseFor } from '../streamable-http/http-pause.ts';
import { createRestartGate, type RestartPolicy } from '../stdio/stdio-restart.ts';
import { UpstreamError } from '../upstream-error.ts';

/** Streams are opened no faster than this: full jitter that doubles, forgotten after a minute of life. */
const DEFAULT_PACE: RestartPolicy = { baseMs: 250, capMs: 30_000, resetAfterMs: 60_000 };
/** No wait is shorter, so that a server that ends its streams at once is not stormed. */
const FLOOR_MS = 100;
/** A stream due sooner than this is waited for; a later one fails at once with `retryAfterMs`. */
const MAX_WAIT_MS = 1_000;

/** When a stream that ended may be opened again. */
export interface SsePace {
  /**
   * Resolves when it may, or when `signal` aborts.
   * @throws UpstreamError `CONNECT_FAILED` with `retryAfterMs` when that is more than a second away.
   */
  due(signal: AbortSignal): Promise<void>;
  /** A stream ended that had been up for `livedMs`. */
  ended(livedMs: number): void;
}

/** @param random uniform in [0, 1), for jitter. */
export function createSsePace(
  connectorId: string,
  random: () => number,
  policy: RestartPolicy = DEFAULT_PACE,
): SsePace {
  const gate = createRestartGate(random, policy);
  let hasEnded = false;
  return {
    async due(signal) {
      if (!hasEnded) return;
      const waitMs = gate.remainingMs();
      if (waitMs > MAX_WAIT_MS) {
        const why = `the server ended its last streams soon; the next is due in ${waitMs} ms`;
        const details = { connectorId, phase: 'connect', unsent: true } as const;
        throw new UpstreamError('CONNECT_FAILED', why, { ...details, retryAfterMs: waitMs });
      }
      if (waitMs > 0) await pauseFor(Math.max(waitMs, FLOOR_MS), signal);
    },
    ended(livedMs) {
      hasEnded = true;
      gate.failed(livedMs);
    },
  };
}
