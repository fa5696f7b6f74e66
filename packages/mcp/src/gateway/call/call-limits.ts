import type { Principal } from '../../auth/principal.ts';
import { withRemedy } from '../../protocol/error-remedies.ts';
import { RPC, type JsonRpcId } from '../../protocol/message.ts';
import { RefusedCall } from './call-refusal.ts';

/** Bounds on calls under way over all connectors. */
export interface CallLimits {
  /** Of all clients together. Default 10000, as many as connections. */
  readonly maxCalls: number;
  /** Of one principal. Default 1000. */
  readonly maxCallsPerPrincipal: number;
}

export const DEFAULT_CALL_LIMITS: CallLimits = { maxCalls: 10_000, maxCallsPerPrincipal: 1_000 };

/** How soon it makes sense to come back: calls end all the time. */
const RETRY_MS = 1_000;

function refusal(id: JsonRpcId, message: string): RefusedCall {
  const data = withRemedy({ code: 'TOO_MANY_CALLS', retryAfterMs: RETRY_MS });
  const about = { outcome: 'refused', connectorId: undefined, startedAtMs: undefined } as const;
  return new RefusedCall(RPC.internalError, message, { ...about, id, data });
}

/** Counts the calls of each principal, so that none takes all of what is there for everybody (T5). */
export class CallCounts {
  readonly #limits: CallLimits;
  readonly #counts = new Map<string, number>();

  constructor(limits: CallLimits = DEFAULT_CALL_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Counts one more call.
   * @param underWay calls of everybody.
   * @throws RefusedCall `TOO_MANY_CALLS`; it is then not counted.
   */
  add({ id: who, kind }: Principal, underWay: number, id: JsonRpcId): void {
    const { maxCalls, maxCallsPerPrincipal } = this.#limits;
    if (underWay >= maxCalls) throw refusal(id, `${maxCalls} calls are under way already`);
    // Where nobody says who he is, all are one.
    if (kind === 'anonymous') return;
    const count = this.#counts.get(who) ?? 0;
    if (count >= maxCallsPerPrincipal) {
      throw refusal(id, `${maxCallsPerPrincipal} calls of this client are under way already`);
    }
    this.#counts.set(who, count + 1);
  }

  /** A counted call is over. */
  delete({ id: who, kind }: Principal): void {
    if (kind === 'anonymous') return;
    const count = this.#counts.get(who) ?? 0;
    if (count > 1) this.#counts.set(who, count - 1);
    else this.#counts.delete(who);
  }
}
