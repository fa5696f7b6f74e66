import type { ModernCall } from './mcp-client.ts';

/** A target of the load: where, and what is called there. */
export interface LoadTarget {
  readonly url: string;
  readonly call: ModernCall;
}

/** What the bench asks of the process that makes the load. */
export interface LoadCommand {
  /** Called in turn. */
  readonly targets: readonly LoadTarget[];
  readonly durationMs: number;
  readonly connections: number;
  /** `open`: so many calls a second, whatever the answers do. `closed`: so many in flight. */
  readonly shape:
    | { readonly kind: 'open'; readonly perSecond: number }
    | { readonly kind: 'closed'; readonly inFlight: number };
}

/** Latencies in milliseconds, from the moment a call was due. */
export interface LoadAnswer {
  readonly calls: number;
  readonly failed: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly perSecond: number;
}
