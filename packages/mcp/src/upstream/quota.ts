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

interface Window {
  readonly name: string;
  readonly lengthMs: number;
  readonly limitOf: (limits: ConnectorQuotas) => number | undefined;
  used: number;
  endsAtMs: number;
}

/** When a place becomes free is not known: try again soon. */
const PLACE_RETRY_MS = 1_000;

function window(name: string, lengthMs: number, limitOf: Window['limitOf']): Window {
  return { name, lengthMs, limitOf, used: 0, endsAtMs: -Infinity };
}

class CountingGate implements QuotaGate {
  #limits: ConnectorQuotas;
  #inFlight = 0;
  readonly #windows: readonly Window[] = [
    window('minute', 60_000, ({ perMinute }) => perMinute),
    window('hour', 3_600_000, ({ perHour }) => perHour),
    window('day', 86_400_000, ({ perDay }) => perDay),
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
    for (const one of this.#windows) one.used += 1;
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
    for (const one of this.#windows) {
      if (now >= one.endsAtMs) {
        one.used = 0;
        one.endsAtMs = now + one.lengthMs;
      }
      const limit = one.limitOf(this.#limits);
      if (limit === undefined || one.used < limit) continue;
      const message = `the quota of ${limit} calls a ${one.name} is used up`;
      // The longest window that is used up decides when it makes sense to come back.
      refusal = { message, retryAfterMs: limit > 0 ? one.endsAtMs - now : undefined };
      if (limit === 0) return refusal;
    }
    return refusal;
  }
}

/** Fixed windows on the monotonic clock, each begun by the first call after the last one's end. */
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
