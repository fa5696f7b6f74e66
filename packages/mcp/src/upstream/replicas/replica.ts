import type { GuardableUpstream } from '../guarded-upstream.ts';
import type { Candidate } from './balance.ts';
import { ReplicaHealth } from './health.ts';

/** Half of what is known of a latency is forgotten in about this time. */
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

  /** Rises at once, falls slowly: a replica that has become slow is found by its first slow answer. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** It is connected and awake: a call need not wait for it to start. */
  get isRunning(): boolean {
    const { upstream } = this;
    return upstream.phase === 'ready' && upstream.asleep !== true;
  }

  answered(tookMs: number): void {
    const nowMs = performance.now();
    const kept = Math.exp((this.#measuredAtMs - nowMs) / LATENCY_MEMORY_MS);
    this.#latencyMs =
      tookMs > this.#latencyMs ? tookMs : this.#latencyMs * kept + tookMs * (1 - kept);
    this.#measuredAtMs = nowMs;
    this.health.succeeded();
  }
}
