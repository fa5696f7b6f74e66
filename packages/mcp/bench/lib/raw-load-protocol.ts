import type { RequestTemplate } from './message-bytes.ts';

/** Where requests go: an endpoint, and the requests that are sent to it in turn. */
export interface LoadPlace {
  readonly url: string;
  readonly requests: readonly RequestTemplate[];
  /** Open a legacy session on each connection first. */
  readonly session: boolean;
  /** Speak HTTP+SSE of revision 2024-11-05. */
  readonly sse?: boolean;
  /** Connections, each with one request in flight. */
  readonly connections: number;
  /** An answer with fewer bytes counts as failed. */
  readonly minBytes: number;
}

export type RawLoadCommand =
  /** Connects, opens sessions, and sends one request on each connection, which is checked. */
  | { readonly kind: 'open'; readonly place: LoadPlace }
  /** Keeps every connection of the last `open` busy for so long. */
  | { readonly kind: 'run'; readonly durationMs: number }
  | { readonly kind: 'close' };

/** Latencies in microseconds. */
export interface LoadFigures {
  readonly calls: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** What the load itself cost per call, in microseconds of processor time. */
  readonly loadCpuUs: number;
}

export type RawLoadAnswer =
  | { readonly kind: 'opened' }
  | { readonly kind: 'figures'; readonly figures: LoadFigures }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly why: string };
