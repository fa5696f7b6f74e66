import type { ConnectorQuotas } from '../connectors/connector.ts';

/** Why a call may not be sent now. */
export interface QuotaRefusal {
  readonly message: string;
  /** When another may be; undefined when none ever will. */
  readonly retryAfterMs: number | undefined;
}

/** Counts the calls of one connector against its quotas. */
export interface QuotaGate {
  /** Takes a place for a call, or says why there is none. What is refused is not counted. */
  admit(): QuotaRefusal | undefined;
  /** Gives the place back; once for each admitted call. */
  release(): void;
  /** The quotas may change while calls are under way; what was counted stays counted. */
  readonly limits: ConnectorQuotas;
  setLimits(limits: ConnectorQuotas): void;
}

/** How finely a window slides: a call counts for up to a sixtieth of the window longer than it must. */
const BUCKETS = 60;

/**
 * The calls of the last `lengthMs`, in a ring of buckets: whatever the moment, no stretch of that length ever holds
 * more calls than were admitted against it. Takes the same memory however many calls there are.
 */
class SlidingWindow {
  readonly name: string;
  readonly #bucketMs: number;
  /** One more than fit: the oldest counts as a whole until all of it is out of the window. */
  readonly #counts = new Uint32Array(BUCKETS + 1);
  /** Number of the newest bucket, counted from the start of the clock. */
  #newest = 0;
  #used = 0;

  constructor(name: string, lengthMs: number) {
    this.name = name;
    this.#bucketMs = lengthMs / BUCKETS;
  }

  /** Calls that count at `now`; must be asked before `add`. */
  usedAt(now: number): number {
    const bucket = Math.floor(now / this.#bucketMs);
    const passed = Math.min(Math.max(0, bucket - this.#newest), this.#counts.length);
    for (let step = 1; step <= passed; step += 1) this.#empty(this.#newest + step);
    this.#newest = Math.max(this.#newest, bucket);
    return this.#used;
  }

  add(): void {
    const index = this.#newest % this.#counts.length;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#used += 1;
  }

  /** How long until fewer than `limit` calls count, when no more are added; `limit` is at least 1. */
  freeInMs(now: number, limit: number): number {
    let left = this.usedAt(now);
    let bucket = this.#newest - BUCKETS;
    for (; left >= limit; bucket += 1) left -= this.#counts[this.#indexOf(bucket)] ?? 0;
    return (bucket + BUCKETS) * this.#bucketMs - now;
  }

  #empty(bucket: number): void {
    const index = this.#indexOf(bucket);
    this.#used -= this.#counts[index] ?? 0;
    this.#counts[index] = 0;
  }

  #indexOf(bucket: number): number {
    const size = this.#counts.length;
    return ((bucket % size) + size) % size;
  }
}

interface LimitedWindow {
  readonly window: SlidingWindow;
  readonly limitOf: (limits: ConnectorQuotas) => number | undefined;
}

/** When a place becomes free is not known: try again soon. */
const PLACE_RETRY_MS = 1_000;

class CountingGate implements QuotaGate {
  #limits: ConnectorQuotas;
  #inFlight = 0;
  readonly #windows: readonly LimitedWindow[] = [
    { window: new SlidingWindow('a minute', 60_000), limitOf: ({ perMinute }) => perMinute },
    { window: new SlidingWindow('an hour', 3_600_000), limitOf: ({ perHour }) => perHour },
    { window: new SlidingWindow('a day', 86_400_000), limitOf: ({ perDay }) => perDay },
  ];

  constructor(limits: ConnectorQuotas) {
    this.#limits = limits;
  }

  get limits(): ConnectorQuotas {
    return this.#limits;
  }

  setLimits(limits: ConnectorQuotas): void {
    this.#limits = limits;
  }

  admit(): QuotaRefusal | undefined {
    const refusal = this.#refusal(performance.now());
    if (refusal !== undefined) return refusal;
    for (const { window } of this.#windows) window.add();
    this.#inFlight += 1;
    return undefined;
  }

  release(): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
  }

  #refusal(now: number): QuotaRefusal | undefined {
    const { concurrent } = this.#limits;
    if (concurrent !== undefined && this.#inFlight >= concurrent) {
      const retryAfterMs = concurrent > 0 ? PLACE_RETRY_MS : undefined;
      return { message: `the quota of ${concurrent} calls at a time is used up`, retryAfterMs };
    }
    let refusal: QuotaRefusal | undefined;
    for (const { window, limitOf } of this.#windows) {
      const limit = limitOf(this.#limits);
      // Also without a limit: one may be set while calls of this window still count.
      const used = window.usedAt(now);
      if (limit === undefined || used < limit) continue;
      const message = `the quota of ${limit} calls ${window.name} is used up`;
      if (limit === 0) return { message, retryAfterMs: undefined };
      const retryAfterMs = Math.ceil(window.freeInMs(now, limit));
      // The one that is used up for longest decides when it makes sense to come back.
      if (retryAfterMs >= (refusal?.retryAfterMs ?? 0)) refusal = { message, retryAfterMs };
    }
    return refusal;
  }
}

/**
 * Sliding windows on the monotonic clock: at no time have more calls been admitted in the last minute, hour or day
 * than the quota says, and a place is free again at most a sixtieth of the window after it could be.
 */
export function createQuotaGate(limits: ConnectorQuotas): QuotaGate {
  return new CountingGate(limits);
}

/** Connectors whose counts are kept. */
const MAX_GATES = 10_000;

/**
 * One gate for each connector that has quotas: a connector that is replaced, as one is when its definition changes,
 * goes on with what it has used. Counts do not outlive the process.
 */
export function createQuotaGates(): (
  connectorId: string,
  limits: ConnectorQuotas | undefined,
) => QuotaGate | undefined {
  const gates = new Map<string, QuotaGate>();
  return (connectorId, limits) => {
    const known = gates.get(connectorId);
    if (limits === undefined) return undefined;
    if (known !== undefined) {
      known.setLimits(limits);
      return known;
    }
    const gate = createQuotaGate(limits);
    gates.set(connectorId, gate);
    const oldest = gates.keys().next().value;
    if (gates.size > MAX_GATES && oldest !== undefined) gates.delete(oldest);
    return gate;
  };
}
