export interface RetryBudgetPolicy {
  /** Retries that each call pays for. Default 0.2. */
  readonly share: number;
  /** Retries that are there without calls, in `reserveMs`. Default 3. */
  readonly reserve: number;
  /** Default 10000. */
  readonly reserveMs: number;
  /** Paid for and not used: no more are kept. Default 10. */
  readonly maxSaved: number;
}

/** Envoy's budget (20 %, at least 3), with Finagle's time (reliability-security.md 2.2). */
export const DEFAULT_RETRY_BUDGET: RetryBudgetPolicy = {
  share: 0.2,
  reserve: 3,
  reserveMs: 10_000,
  maxSaved: 10,
};

/** A token bucket (T2): when everything fails, retries add a fifth to the load, not the same again. */
export class RetryBudget {
  readonly #policy: RetryBudgetPolicy;
  #saved = 0;
  #reserve: number;
  #filledAtMs = performance.now();

  constructor(policy: RetryBudgetPolicy = DEFAULT_RETRY_BUDGET) {
    this.#policy = policy;
    this.#reserve = policy.reserve;
  }

  /** A call was sent. */
  pay(): void {
    const { share, maxSaved } = this.#policy;
    if (this.#saved < maxSaved) this.#saved += share;
  }

  /** Whether one may be sent again; it is then counted. */
  spend(): boolean {
    if (this.#saved >= 1) {
      this.#saved -= 1;
      return true;
    }
    const { reserve, reserveMs } = this.#policy;
    const nowMs = performance.now();
    const filled = ((nowMs - this.#filledAtMs) / reserveMs) * reserve;
    this.#reserve = Math.min(reserve, this.#reserve + filled);
    this.#filledAtMs = nowMs;
    if (this.#reserve < 1) return false;
    this.#reserve -= 1;
    return true;
  }
}
