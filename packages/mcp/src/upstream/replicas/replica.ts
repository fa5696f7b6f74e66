import type { GuardableUpstream } from '../guarded-upstream.ts';
import type { Candidate } from './balance.ts';
import { ReplicaHealth } from './health.ts';

/** Two thirds of what is known of a latency are forgotten in about this time. */
const LATENCY_MEMORY_MS = 10_000;

/** One of several servers that stand for one connector. */
export class Replica implements Candidate {
  readonly upstream: GuardableUpstream;
  readonly weight: number;
  /** Tells it from the others for as long as the configuration stays: its address, or its number. */
  readonly key: string;
  /** As status shows it. */
  readonly name: string;
  readonly health: ReplicaHealth;
  inFlight = 0;
  #latencyMs = 0;
  #measuredAtMs = 0;

  constructor(
    upstream: GuardableUpstream,
    place: { readonly key: string; readonly name: string; readonly weight: number },
    random: () => number,
  ) {
    this.upstream = upstream;
    this.key = place.key;
    this.name = place.name;
    this.weight = place.weight;
    this.health = new ReplicaHealth(random);
  }

  /**
   * Rises at once, falls slowly: a replica that has become slow is found by its first slow answer. It falls without calls
   * as well, so that one that was slow gets another call some time later, and not never.
   */
  latencyAt(nowMs: number): number {
    return this.#latencyMs * Math.exp((this.#measuredAtMs - nowMs) / LATENCY_MEMORY_MS);
  }

  /** It is connected and awake: a call need not wait for it to start. */
  get isRunning(): boolean {
    const { upstream } = this;
    return upstream.phase === 'ready' && upstream.asleep !== true;
  }

  /** A call ended after `tookMs`, at `nowMs` on the monotonic clock. */
  answered(tookMs: number, nowMs: number): void {
    this.#latencyMs = Math.max(tookMs, this.latencyAt(nowMs));
    this.#measuredAtMs = nowMs;
    this.health.succeeded();
  }
}
