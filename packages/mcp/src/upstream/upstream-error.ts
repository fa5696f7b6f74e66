/** Where in a connector's life something happened (contract.md). */
export type ConnectorPhase = 'config' | 'spawn' | 'connect' | 'handshake' | 'list' | 'ready';

/** Stable codes of what an upstream can do to us. */
export type UpstreamErrorCode =
  | 'CONFIG_INVALID'
  | 'SPAWN_FAILED'
  | 'PROCESS_EXITED'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMEOUT'
  | 'TIMEOUT'
  | 'UNAUTHORIZED'
  /** A person has to log in, or to correct the credentials; the message names the command. */
  | 'AUTH_REQUIRED'
  /** No token could be had now; nothing was executed. */
  | 'AUTH_UNAVAILABLE'
  | 'HTTP_STATUS'
  | 'SESSION_LOST'
  | 'STREAM_CUT'
  | 'TOO_LARGE'
  | 'BAD_RESPONSE'
  | 'RPC_ERROR'
  /** A limit that the producer of the connector set; nothing was sent. */
  | 'QUOTA_EXCEEDED'
  /** Too many calls to the connector failed; nothing is sent for a while. */
  | 'BREAKER_OPEN'
  /** Too many calls to the connector are under way; nothing was sent. */
  | 'BULKHEAD_FULL'
  | 'CANCELLED'
  | 'CLOSED';

/** How a process ended: by itself, or by a signal. */
export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface UpstreamErrorDetails {
  readonly connectorId: string;
  readonly phase: ConnectorPhase;
  readonly cause?: unknown;
  /** The HTTP status that was answered. */
  readonly httpStatus?: number;
  /** How long the upstream asked us to stay away. */
  readonly retryAfterMs?: number;
  /** The raw JSON of the `error` member when the upstream answered with one. */
  readonly rpcErrorText?: string;
  /** The code of that error. */
  readonly rpcCode?: number;
  /** What was refused of an interest in several things (`Upstream.setInterest`); the rest was agreed to. */
  readonly refused?: ReadonlySet<string>;
  /** True when no byte of the request can have reached the upstream: it may be sent again. */
  readonly unsent?: boolean;
  /** How its process ended, when it did. */
  readonly exit?: ProcessExit | undefined;
}

/** One connector failed at one thing. The message names the cause; connector and phase are fields. */
export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;
  readonly connectorId: string;
  readonly phase: ConnectorPhase;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly rpcErrorText: string | undefined;
  readonly rpcCode: number | undefined;
  readonly refused: ReadonlySet<string> | undefined;
  readonly unsent: boolean;
  readonly exit: ProcessExit | undefined;
  constructor(code: UpstreamErrorCode, message: string, details: UpstreamErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'UpstreamError';
    this.code = code;
    this.connectorId = details.connectorId;
    this.phase = details.phase;
    this.httpStatus = details.httpStatus;
    this.retryAfterMs = details.retryAfterMs;
    this.rpcErrorText = details.rpcErrorText;
    this.rpcCode = details.rpcCode;
    this.refused = details.refused;
    this.unsent = details.unsent ?? false;
    this.exit = details.exit;
  }
}
