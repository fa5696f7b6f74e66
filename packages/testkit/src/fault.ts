/** When a fault applies. Without any of these it applies to every message its kind is about. */
export interface FaultScope {
  /**
   * Only messages with this JSON-RPC method; `GET` and `DELETE` name the HTTP requests without a message.
   * Without it, each kind has its own default, see the kind.
   */
  readonly method?: string;
  /** How many messages it applies to before things are normal again. Default: all. */
  readonly times?: number;
  /** How many matching messages pass untouched first. Default: 0. */
  readonly after?: number;
}

/** The message is taken and never answered. Default scope over HTTP: every request, GET and notification. */
export interface HangBeforeHeaders extends FaultScope {
  readonly kind: 'hang-before-headers';
}

/** The answer starts and never ends. Over stdio nothing follows it on stdout any more. */
export interface HangMidBody extends FaultScope {
  readonly kind: 'hang-mid-body';
  /** Bytes of the real answer that are sent. Default: 10. */
  readonly afterBytes?: number;
}

/** The connection breaks: a TCP reset over HTTP, a closed stdout over stdio. */
export interface Reset extends FaultScope {
  readonly kind: 'reset';
  /** Default: `before-headers`. */
  readonly at?: 'before-headers' | 'mid-body';
  /** Bytes of the real answer sent before a `mid-body` reset. Default: 10. */
  readonly afterBytes?: number;
}

/** The answer is replaced by one well-formed JSON-RPC result whose text has `bytes` bytes. */
export interface Oversize extends FaultScope {
  readonly kind: 'oversize';
  /** Bytes of text, before compression. */
  readonly bytes: number;
  /** HTTP only: send it with `content-encoding: gzip`, about a thousandth of the size on the wire. Default: false. */
  readonly gzip?: boolean;
}

/** The real answer arrives slowly. */
export interface SlowBytes extends FaultScope {
  readonly kind: 'slow-bytes';
  readonly bytesPerSecond: number;
}

/** The real answer, changed so that a strict reader must refuse it (or a bounded one must stop). */
export interface OddContent<Form extends string> extends FaultScope {
  readonly kind: 'odd-content';
  readonly form: Form;
  /** For `endless-line` and `noise`: how many bytes. Default: 64 KiB for the line, 32 for the noise. */
  readonly bytes?: number;
}

/** JSON that ends early; an HTML page; a byte order mark; a batch array of one; the `id` and `result` keys twice. */
export type AnyOddForm = 'invalid-json' | 'html' | 'bom' | 'batch' | 'duplicate-keys';
/** Also: the real JSON as `text/plain`; one line that never ends (headers, then bytes without a newline, then silence). */
export type HttpOddForm = AnyOddForm | 'wrong-content-type' | 'endless-line';
/** Also: lines on stdout that are not JSON before the real answer; one line that never ends. */
export type StdioOddForm = AnyOddForm | 'noise' | 'endless-line';

/** `initialize` and `server/discover` (or `method`) are accepted and never answered. */
export interface NeverHandshake extends FaultScope {
  readonly kind: 'never-handshake';
}

/** A chosen HTTP status instead of the answer. Default scope: every request, GET and notification. */
export interface Status extends FaultScope {
  readonly kind: 'status';
  readonly status: number;
  readonly body?: string;
  /** Default: `text/plain`. */
  readonly contentType?: string;
  /** Added to the answer. Default: `retry-after: 1` for 429 and 503, `www-authenticate: Bearer` for 401. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** 404 for messages that carry a session id, as after a restart (MCP 2025-11-25, transports, session management). */
export interface Session404 extends FaultScope {
  readonly kind: 'session-404';
}

/** 400 for messages that carry a session id, with the body that server-everything sends instead of a 404. */
export interface Session400 extends FaultScope {
  readonly kind: 'session-400';
}

/** An event stream that ends cleanly without the result; notifications before it are passed on. */
export interface SseCut extends FaultScope {
  readonly kind: 'sse-cut';
}

/** The listening socket is closed and open connections are reset, until the faults are set anew. */
export interface TcpRefuse {
  readonly kind: 'tcp-refuse';
}

/** The process ends: at start, when a handshake message arrives, or when a call (or `method`) arrives. */
export interface Crash extends FaultScope {
  readonly kind: 'crash';
  readonly at: 'start' | 'handshake' | 'call';
  /** Default: 1. */
  readonly exitCode?: number;
  /** End by this signal instead of an exit code. */
  readonly signal?: 'SIGKILL' | 'SIGTERM' | 'SIGSEGV' | 'SIGABRT';
}

/** Like {@link NeverHandshake}, and by option a process that does not leave when it is asked to. */
export interface StdioNeverHandshake extends NeverHandshake {
  readonly ignoreSigterm?: boolean;
  readonly ignoreStdinClose?: boolean;
}

/** Faults in front of an HTTP server. */
export type HttpFault =
  | HangBeforeHeaders
  | HangMidBody
  | Reset
  | Status
  | Session404
  | Session400
  | Oversize
  | SlowBytes
  | NeverHandshake
  | OddContent<HttpOddForm>
  | SseCut
  | TcpRefuse;

/** Faults in front of a stdio server. Scopes count over all processes started from one upstream. */
export type StdioFault =
  | HangBeforeHeaders
  | HangMidBody
  | Reset
  | Oversize
  | SlowBytes
  | StdioNeverHandshake
  | OddContent<StdioOddForm>
  | Crash;

export type Fault = HttpFault | StdioFault;
