/** When a cut answer is taken up again (spec 2025-11-25, basic/transports, resumability; SEP-1699). In milliseconds. */
export interface ResumePolicy {
  /** No wait is shorter, whatever the server's `retry:` says. Default 200. */
  readonly floorMs: number;
  /** No wait is longer. Default 30000. */
  readonly capMs: number;
  /** Attempts in a row that brought nothing, after which the answer is given up. Default 3. */
  readonly maxFruitless: number;
}

export const DEFAULT_RESUME_POLICY: ResumePolicy = {
  floorMs: 200,
  capMs: 30_000,
  maxFruitless: 3,
};

/** Longer ids and those with other characters do not go into a header. */
const EVENT_ID = /^[\x20-\x7e]{1,1024}$/;
/** Of a wait, so that the calls of a server that restarts do not come back in step. */
const JITTER = 0.1;

/** An id as it can be sent back; undefined when it cannot. The empty one takes back those before it. */
export function usableEventId(id: string): string | undefined {
  return EVENT_ID.test(id) ? id : undefined;
}

/** The event of a stream after which another one goes on. */
export interface ResumePoint {
  readonly lastEventId: string;
  readonly delayMs: number;
}

/** Where one stream can be taken up again, and how patiently. */
export class Resumption {
  readonly #random: () => number;
  readonly #policy: ResumePolicy;
  #lastEventId: string | undefined;
  #retryMs: number | undefined;
  #fruitless = 0;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number, policy: ResumePolicy = DEFAULT_RESUME_POLICY) {
    this.#random = random;
    this.#policy = policy;
  }

  /** Undefined while the server has named no event. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  /** When the server wants to be asked again, if it said so. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /** An event came. */
  eventId(id: string): void {
    this.#lastEventId = usableEventId(id);
    this.#fruitless = 0;
  }

  retry(ms: number): void {
    this.#retryMs = ms;
  }

  /** The stream ended. Undefined: it cannot be taken up, or was often enough. */
  next(retryAfterMs: number = 0): ResumePoint | undefined {
    const { floorMs, capMs, maxFruitless } = this.#policy;
    if (this.#lastEventId === undefined || this.#fruitless >= maxFruitless) return undefined;
    const least = Math.max(floorMs, this.#retryMs ?? 0, retryAfterMs) * 2 ** this.#fruitless;
    this.#fruitless += 1;
    const delayMs = Math.min(capMs, least) * (1 + JITTER * this.#random());
    return { lastEventId: this.#lastEventId, delayMs };
  }
}
