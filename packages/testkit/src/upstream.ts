import type { HttpFault, StdioFault } from './fault.ts';

/** HTTP servers: one protocol era and session style each. `dual-http` serves both eras, the legacy one statelessly. */
export type HttpKind =
  | 'modern-http'
  | 'legacy-http-session'
  | 'legacy-http-stateless'
  | 'dual-http';
/** Servers that are child programs. */
export type StdioKind = 'modern-stdio' | 'legacy-stdio';
export type FleetKind = HttpKind | StdioKind;

interface SharedOptions {
  /** The server's own name. Default: the kind. */
  readonly name?: string;
  /** Generated tools `tool_0` … beside the standard ones. Default: 0. */
  readonly toolCount?: number;
  /** Added before every answer. Default: 0. */
  readonly latencyMs?: number;
  /** Tools per page of `tools/list`. Default: one page. */
  readonly pageSize?: number;
  /** Cache hint of the modern era for every cacheable result. Default: the SDK's 0. */
  readonly ttlMs?: number;
  /** Cache hint of the modern era. Default: the SDK's `private`. */
  readonly cacheScope?: 'public' | 'private';
}

export interface HttpUpstreamOptions extends SharedOptions {
  readonly kind: HttpKind;
  readonly faults?: readonly HttpFault[];
  /** Added before the first answer on each connection, as far away servers' handshakes take. Default: 0. */
  readonly handshakeMs?: number;
}

export interface StdioUpstreamOptions extends SharedOptions {
  readonly kind: StdioKind;
  readonly faults?: readonly StdioFault[];
  /** Idle processes that each started server starts in turn, as launchers such as npx do. Default: 0. */
  readonly grandchildren?: number;
}

export type UpstreamOptions = HttpUpstreamOptions | StdioUpstreamOptions;

/** What a server has seen since it was started; restarts do not reset it. */
export interface UpstreamCounts {
  /** HTTP requests, or lines on stdin. */
  readonly requests: number;
  /** TCP connections accepted, or processes started. */
  readonly connections: number;
  /**
   * The longest row of HTTP requests of which each came when the one before had been answered, streams for changes
   * aside; 0 over stdio.
   */
  readonly roundTrips: number;
  /** By JSON-RPC method; HTTP requests without a message count as `GET` and `DELETE`. */
  readonly byMethod: Readonly<Record<string, number>>;
  /** Legacy sessions created (0 for kinds without). */
  readonly sessions: number;
  /** Requests given up by the client before their answer was complete: cancelled, or disconnected. */
  readonly aborted: number;
}

interface SharedUpstream extends AsyncDisposable {
  readonly name: string;
  readonly counts: UpstreamCounts;
  /**
   * Replaces the generated tools. Connected clients are sent `list_changed` where the era has a way: listen streams
   * and stdio of the modern era, the GET stream of a legacy session, legacy stdio.
   */
  setTools(names: readonly string[]): void;
  /** Ends everything it opened. May be called twice. */
  close(): Promise<void>;
}

export interface HttpUpstream extends SharedUpstream {
  readonly transport: 'http';
  readonly kind: HttpKind;
  /** The MCP endpoint, `http://127.0.0.1:<port>/mcp`. */
  readonly url: string;
  /** Connections and legacy sessions open now. */
  readonly open: { readonly connections: number; readonly sessions: number };
  /** Replaces the faults and starts their counts anew. */
  setFaults(faults: readonly HttpFault[]): void;
  /** Resets every connection, forgets every session, and listens on the same port again. */
  restart(): Promise<void>;
}

export interface StdioUpstream extends SharedUpstream {
  readonly transport: 'stdio';
  readonly kind: StdioKind;
  /** How to start it. Valid until `close()`. */
  readonly command: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  /** Pids of the started processes, and of their own children, that are alive now. */
  processes(): readonly number[];
  /** Replaces the faults for running and future processes and starts their counts anew. */
  setFaults(faults: readonly StdioFault[]): void;
  /** Kills every running process. Whoever started them starts them again. */
  restart(): Promise<void>;
}

export type RunningUpstream = HttpUpstream | StdioUpstream;

/** The upstream that a kind of options starts. */
export type UpstreamFor<O extends UpstreamOptions> = O extends HttpUpstreamOptions
  ? HttpUpstream
  : StdioUpstream;
