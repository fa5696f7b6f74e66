/** When a notification stream is opened, and opened again after it ended. Durations in milliseconds. */
export interface StreamPolicy {
  /**
   * The least wait before a stream is opened for the first time; jitter adds up to as much. Default 1000: the sockets
   * and the work of a hundred streams then come after the first pass, which waits for none of them. A change in
   * between is noticed when the list's TTL is over. 0 opens it at once.
   */
  readonly firstDelayMs: number;
  /** How long a modern server may take to acknowledge. Default 10000. Legacy ones may send nothing for hours. */
  readonly acknowledgeTimeoutMs: number;
  /** No wait is shorter, whatever the server's `retry:` says. Default 1000. */
  readonly floorMs: number;
  /** No wait is longer, unless the server asked for it by `Retry-After`. Default 60000. */
  readonly capMs: number;
  /** A stream that was up this long has earned the shortest wait again. Default 30000. */
  readonly steadyMs: number;
  /** A stream that was up for less than this, or never, has failed. Default 1000. */
  readonly quickMs: number;
  /** Failures in a row after which the stream is given up for `restMs`. Default 5. */
  readonly maxQuickFailures: number;
  /** Default 300000: by then the lists have been asked for again anyway. */
  readonly restMs: number;
}

export const DEFAULT_STREAM_POLICY: StreamPolicy = {
  firstDelayMs: 1_000,
  acknowledgeTimeoutMs: 10_000,
  floorMs: 1_000,
  capMs: 60_000,
  steadyMs: 30_000,
  quickMs: 1_000,
  maxQuickFailures: 5,
  restMs: 300_000,
};

/** How a stream ended. */
export interface StreamLife {
  /** How long it was up; undefined when it never was. */
  readonly livedMs: number | undefined;
  /** The server's `retry:` field. */
  readonly retryMs: number | undefined;
  /** The server's `Retry-After` header. */
  readonly retryAfterMs: number | undefined;
}

export interface ReconnectPace {
  /** How long to wait after this life, given those before it. */
  delayMs(life: StreamLife): number;
}

/** 2^20 is past every cap and far from overflow. */
const MAX_EXPONENT = 20;

/**
 * Full jitter above a floor: the range doubles with every life shorter than `steadyMs`. It is never empty, so that
 * the clients of a server that restarts do not come back in step.
 */
export function createReconnectPace(random: () => number, policy: StreamPolicy): ReconnectPace {
  const { floorMs, capMs, steadyMs, quickMs, maxQuickFailures, restMs } = policy;
  let shortLives = 0;
  let quickFailures = 0;
  return {
    delayMs({ livedMs, retryMs = 0, retryAfterMs = 0 }) {
      shortLives = livedMs !== undefined && livedMs >= steadyMs ? 1 : shortLives + 1;
      quickFailures = livedMs === undefined || livedMs < quickMs ? quickFailures + 1 : 0;
      const asked = Math.min(retryAfterMs, restMs);
      if (quickFailures >= maxQuickFailures) return asked + restMs * (0.9 + 0.2 * random());
      const least = Math.min(Math.max(floorMs, retryMs), Math.max(floorMs, capMs / 2));
      const grown = floorMs * 2 ** Math.min(shortLives, MAX_EXPONENT);
      const most = Math.min(capMs, Math.max(grown, 2 * least));
      return asked + least + random() * (most - least);
    },
  };
}
