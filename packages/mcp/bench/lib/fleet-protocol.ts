import type { HttpFault, HttpKind, UpstreamCounts } from '@cortex-os/testkit';

/** Servers of one kind, all alike. */
export interface FleetGroup {
  readonly kind: HttpKind;
  readonly count: number;
  /** Added before every answer, in milliseconds. */
  readonly latencyMs: number;
  /** Added before the first answer on each connection, in milliseconds. Default: 0. */
  readonly handshakeMs?: number;
  /** Generated tools beside the eight standard ones. */
  readonly toolCount: number;
  /** Cache hint of the modern era. */
  readonly ttlMs: number;
}

/** What the bench asks of the process that holds the fleet. */
export type FleetCommand =
  | { readonly kind: 'start'; readonly groups: readonly FleetGroup[] }
  | { readonly kind: 'counts' }
  /** Gives the servers at these places the faults, all others none. */
  | { readonly kind: 'faults'; readonly at: readonly number[]; readonly faults: HttpFault[] };

/** One answer to each command, in order. */
export type FleetAnswer =
  | { readonly kind: 'started'; readonly urls: readonly string[] }
  | { readonly kind: 'counts'; readonly counts: readonly UpstreamCounts[] }
  | { readonly kind: 'done' };
