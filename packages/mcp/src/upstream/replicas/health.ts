import { UpstreamError, type UpstreamErrorCode } from '../upstream-error.ts';

/** Failures in a row after which a replica gets no calls for a while. */
const EJECT_AFTER = 5;
const EJECT_MS = 30_000;
const MAX_EJECT_MS = 300_000;
/** So much of an ejection is chance, so that replicas that failed together do not come back together. */
const JITTER = 0.1;

/** What says that a replica is not well. Answers that name a fault of the request or of the credentials do not. */
const UNWELL: ReadonlySet<UpstreamErrorCode> = new Set([
  'SPAWN_FAILED',
  'PROCESS_EXITED',
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'TIMEOUT',
  'STREAM_CUT',
  'BAD_RESPONSE',
]);

/** Whether another replica might have done better. */
export function isUnwell(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  if (error.code === 'HTTP_STATUS') return (error.httpStatus ?? 0) >= 500;
  return UNWELL.has(error.code);
}

/**
 * Whether one replica is given calls. After 5 failures in a row it is not for 30 s, then 60 s, at most 300 s; then it is
 * `due` to be asked whether it is well again. Times on the monotonic clock.
 */
export class ReplicaHealth {
  readonly #random: () => number;
  #failures = 0;
  #ejections = 0;
  #untilMs = 0;
  #backAtMs = 0;
  #lastMs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get state(): 'in' | 'out' | 'due' {
    if (this.#untilMs === 0) return 'in';
    return performance.now() < this.#untilMs ? 'out' : 'due';
  }

  /** When it may be asked again, in milliseconds from now; 0 when it is in. */
  get waitMs(): number {
    return this.#untilMs === 0 ? 0 : Math.max(0, this.#untilMs - performance.now());
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#untilMs !== 0) {
      this.#untilMs = 0;
      this.#backAtMs = performance.now();
    } else if (this.#ejections > 0 && performance.now() - this.#backAtMs > this.#lastMs) {
      // It has been well for as long as it was out: what was before is forgotten.
      this.#ejections = 0;
    }
  }

  failed(): void {
    this.#failures += 1;
    const isDue = this.state === 'due';
    if (!isDue && (this.#failures < EJECT_AFTER || this.state === 'out')) return;
    this.#ejections += 1;
    this.#failures = 0;
    this.#lastMs = Math.min(MAX_EJECT_MS, EJECT_MS * this.#ejections);
    this.#untilMs = performance.now() + this.#lastMs * (1 + JITTER * this.#random());
  }
}
