import type { RefusalReason } from '../observability/call-metrics.ts';
import type { UpstreamError, UpstreamErrorCode } from '../upstream/upstream-error.ts';
import type { CallLine } from '../upstream/upstream.ts';
import type { Bulkhead } from './bulkhead.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { QuotaGate } from './quota.ts';
import type { RetryBudget } from './retry-budget.ts';

/** A call that waits to be sent again. */
export interface WaitingRetry {
  /** Over which connection; it is told to fail when that is closed. */
  readonly line: CallLine;
  abandon(error: UpstreamError): void;
}

/** What the calls of one connector share. */
export interface GuardParts {
  readonly breaker: CircuitBreaker;
  readonly bulkhead: Bulkhead;
  readonly quota: QuotaGate | undefined;
  readonly budget: RetryBudget;
  /** Whether what its tools say of themselves is believed. */
  readonly trusted: boolean;
  readonly random: () => number;
  /** Calls that wait to be sent again. */
  readonly waiting: Set<WaitingRetry>;
  readonly refusal: (
    code: UpstreamErrorCode,
    message: string,
    retryAfterMs: number | undefined,
  ) => UpstreamError;
  readonly refused: (reason: RefusalReason) => void;
  readonly retried: () => void;
  /** A call that was sent is over, after so long since it was sent last. */
  readonly answered: (method: string, ms: number) => void;
}
