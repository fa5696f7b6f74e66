import { UpstreamError } from '../../upstream/upstream-error.ts';
import { backoffDelayMs } from '../refresh/backoff.ts';

/** Bounds on asking again within one sync. Durations in milliseconds. */
export interface FetchRetryPolicy {
  /** Attempts that may follow the first. Default 2. */
  readonly maxRetries: number;
  /** Upper bound of the first wait; it doubles for the second. Default 200. */
  readonly baseMs: number;
  /** A longer `Retry-After` is left to the next refresh. Default 1000. */
  readonly maxRetryAfterMs: number;
  /** An attempt that took longer says that the server hangs: it is not followed by another. Default 5000. */
  readonly maxAttemptMs: number;
}

export const DEFAULT_FETCH_RETRY_POLICY: FetchRetryPolicy = {
  maxRetries: 2,
  baseMs: 200,
  maxRetryAfterMs: 1_000,
  maxAttemptMs: 5_000,
};

export interface FetchRetryOptions {
  readonly policy: FetchRetryPolicy;
  /** All attempts and waits together. */
  readonly deadlineMs: number;
  /** What the deadline throws when an attempt is under way. */
  readonly overdue: () => Error;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Any of them ends it at once, wherever it is; its reason is thrown. */
  readonly signals: readonly AbortSignal[];
  /** An attempt failed in a way that may pass, and another follows. */
  readonly retrying: (error: UpstreamError) => void;
}

/** Server errors that may be over a moment later; 501 and 505 will not be. */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_CODE: ReadonlySet<UpstreamError['code']> = new Set([
  'CONNECT_TIMEOUT',
  'SESSION_LOST',
  'STREAM_CUT',
  'TIMEOUT',
]);
/** Of the reasons why no connection was made; certificates, unknown names and refused addresses stay as they are. */
const PASSING_CAUSE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'UND_ERR_SOCKET',
]);

/** Of those who do not take connections, or hang. */
const UNREACHABLE: ReadonlySet<UpstreamError['code']> = new Set([
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'TIMEOUT',
]);

/** Whether a server will not be in the first list, which then need not wait for the retries. */
export function isUnreachable({ code }: UpstreamError): boolean {
  return UNREACHABLE.has(code);
}

function causeOf({ cause }: UpstreamError): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/**
 * Whether what failed may well succeed a moment later: a connection that was refused, reset or cut, a timeout, a 5xx,
 * a 429. Not what is configured wrongly, denied, answered with an error or with nonsense, or ended by us.
 */
export function isPassing(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError)) return false;
  if (error.httpStatus !== undefined) return PASSING_STATUS.has(error.httpStatus);
  if (error.code === 'CONNECT_FAILED') return PASSING_CAUSE.has(causeOf(error));
  return PASSING_CODE.has(error.code);
}

/** How long to wait before the nth retry, with full jitter; undefined: none within this sync. */
export function retryWaitMs(
  error: UpstreamError,
  retry: number,
  { policy, random }: Pick<FetchRetryOptions, 'policy' | 'random'>,
): number | undefined {
  const { maxRetries, baseMs, maxRetryAfterMs } = policy;
  const { retryAfterMs } = error;
  if (retry > maxRetries) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > maxRetryAfterMs) return undefined;
  return backoffDelayMs(retry, { baseMs, minMs: 0, retryAfterMs, random });
}

/** Waits, unless the signal ends it. Keeps no process alive. @throws the signal's reason. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  timer.unref();
  const end = (): void => resolve();
  signal.addEventListener('abort', end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
}

type Tried<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

async function tried<T>(attempt: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { kind: 'ok', value: await attempt() };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/**
 * Attempts until one succeeds, one fails for good, or the retries or the time are used up. An attempt must end with
 * the signal it is given.
 * @throws what the last attempt threw, `overdue()`, or the reason of one of `signals`.
 */
export async function fetchWithRetries<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  options: FetchRetryOptions,
): Promise<T> {
  const { policy, deadlineMs, signals, overdue } = options;
  const scope = new AbortController();
  // `AbortSignal.any` says the same, and costs a first pass of many connectors ten times as much.
  const giveUp = (): void => scope.abort(signals.find(({ aborted }) => aborted)?.reason);
  for (const signal of signals) {
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  }
  const endsAtMs = performance.now() + deadlineMs;
  const timer = setTimeout(() => scope.abort(overdue()), deadlineMs);
  timer.unref();
  try {
    for (let retry = 1; ; retry += 1) {
      const startedAtMs = performance.now();
      const outcome = await tried(async () => await attempt(scope.signal));
      if (outcome.kind === 'ok') return outcome.value;
      scope.signal.throwIfAborted();
      const now = performance.now();
      const { error } = outcome;
      if (!isPassing(error) || now - startedAtMs > policy.maxAttemptMs) throw error;
      const waitMs = retryWaitMs(error, retry, options);
      if (waitMs === undefined || now + waitMs >= endsAtMs) throw error;
      options.retrying(error);
      await wait(waitMs, scope.signal);
    }
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', giveUp);
  }
}
