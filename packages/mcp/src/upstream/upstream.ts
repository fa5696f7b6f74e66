import type { RawJson } from '../protocol/json-bytes.ts';
import type { JsonObject, JsonRpcId, RawMember } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { ConnectorPhase, UpstreamError } from './upstream-error.ts';

/** What a handshake (or `server/discover`) told us about a server. */
export interface UpstreamInfo {
  readonly era: Era;
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
  /** The server's own name and version; the modern revision may leave it out. */
  readonly serverInfo: JsonObject | undefined;
  readonly instructions: string | undefined;
}

/** What a server once proved to be. */
export interface EraVerdict {
  readonly era: Era;
  /** Wall clock, so that it can outlive the process. */
  readonly storedAtMs: number;
  /** What the handshake said; a modern server is then spoken to without another. */
  readonly info: UpstreamInfo | undefined;
}

export interface RequestOptions {
  readonly signal: AbortSignal;
  /** Whole exchange, body included. */
  readonly timeoutMs: number;
}

/** Who calls, as far as a server may know. */
export interface Caller {
  /** The client's session; the empty string when each request is a client of its own. */
  readonly id: string;
  /** What the client declared it can be asked: `sampling`, `elicitation`, `roots`, `extensions`. */
  readonly capabilities: JsonObject;
  /**
   * `_meta` members that speak for a legacy caller to a modern server: revision, client info, capabilities, log level.
   * Empty for modern clients, whose own are in `meta`, and for ourselves.
   */
  readonly envelope: readonly RawMember[];
}

/** Ourselves: can be asked nothing. */
export const OWN_CALLER: Caller = { id: '', capabilities: {}, envelope: [] };

/** Whom a connection of its own speaks for (contract.md, isolation `session`). */
export interface UpstreamClient {
  /** What the client calls itself; undefined: our own name is given. */
  readonly clientInfo: JsonObject | undefined;
  /** What it declared it can be asked. */
  readonly capabilities: JsonObject;
  /**
   * Nobody else uses the connection: what the server tells without naming a request is this client's. False for
   * clients that share a connection because they declared the same.
   */
  readonly sole: boolean;
}

/** The raw JSON of a `result` or of an `error`. */
export type RpcAnswer =
  | { readonly kind: 'result'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string };

/** A request of a legacy server to the client of a call under way: sampling, elicitation or roots. */
export interface ServerRequest {
  readonly method: string;
  /** Raw JSON of `params`; undefined when it has none. */
  readonly paramsText: string | undefined;
  /** Answers it; only the first answer counts. */
  respond(answer: RpcAnswer): void;
  /** Tells the server how far its client is, by the text of a notification with the server's own token. */
  progress?(text: string): void;
  /** Called once when the server wants no answer any more. */
  onCancelled(listener: () => void): void;
}

/** No URI begins like this. */
const TASK_TOPIC = '\u0000task ';

/** A task of a modern server among the resources of an `Interest` (SEP-2663, task status notifications). */
export function taskTopic(taskId: string): string {
  return TASK_TOPIC + taskId;
}

/** The task that a topic is; undefined for a URI. */
export function taskOfTopic(topic: string): string | undefined {
  return topic.startsWith(TASK_TOPIC) ? topic.slice(TASK_TOPIC.length) : undefined;
}

/** What clients want of a server beside answers. */
export interface Interest {
  /** URIs whose updates are wanted, and tasks as `taskTopic` writes them. */
  readonly resources: ReadonlySet<string>;
  /** The most verbose level of log messages that any client wants of a legacy server; undefined: as it likes. */
  readonly logLevel: string | undefined;
}

/** One request of one client, in the upstream's own names. */
export interface ForwardRequest {
  /** The client's id. Upstreams that share a session send one of their own instead. */
  readonly id: JsonRpcId;
  readonly method: string;
  /** Members of `params` without `_meta`, as raw JSON, already carrying the upstream's names. */
  readonly members: readonly RawMember[];
  /** Members of the client's `_meta` as raw JSON, envelope keys included when the client is modern. */
  readonly meta: readonly RawMember[];
  /** Value of `Mcp-Name` (decoded), for the methods that carry one. */
  readonly name: string | undefined;
  /** `Mcp-Param-*` headers of the client, passed on to modern HTTP upstreams. */
  readonly paramHeaders: Readonly<Record<string, string>>;
  /** Names and values in turn, for servers over HTTP: which trace it is part of. Default: none. */
  readonly traceHeaders?: readonly string[] | undefined;
  readonly clientEra: Era;
  readonly caller: Caller;
  /** The tool that is called, as its server describes it; `text` is raw JSON. */
  readonly definition?: { readonly text: string } | undefined;
  /** When its caller's time is up unless something is heard of it, on the clock of `performance.now()`. Default: never. */
  readonly dueAtMs?: number | undefined;
  /** It was sent before, and `id` is one of ours: its answer cannot be passed on byte for byte. */
  readonly repeated?: boolean | undefined;
}

/**
 * Where the answer goes. Any number of `notification` calls, then exactly one of `result`, `error`,
 * `whole`, `end` (after `open`) or `fail`. Nothing is called after `cancel()`.
 */
export interface ForwardSink {
  /**
   * A notification of this request, as JSON text: its progress, with the client's own token, its log messages, and
   * `notifications/elicitation/complete`.
   */
  notification(text: string): void;
  /** The server asks this call's client something, any number of times before the answer. */
  request(request: ServerRequest): void;
  /**
   * The server has ended its stream before the answer and wants to be polled (SEP-1699), in `retryMs`; the answer comes
   * when it is taken up again. At most once, and never for a stream that broke off.
   */
  suspended?(retryMs: number): void;
  /** The `result`, as bytes where it is large, and the era it is written in. */
  result(raw: RawJson, era: Era): void;
  /** The raw JSON of `error`. */
  error(text: string, era: Era): void;
  /**
   * A whole answer with the client's own id, to be passed on byte for byte (modern to modern); in pieces if large and no error.
   * @param resultText its bytes, one character each, of what is known to be no error. Default: nobody has looked.
   */
  whole(body: Buffer | readonly Buffer[], resultText?: string): void;
  /** As `whole`, for an answer too large to hold: bytes follow by `chunk`, then `end`. `bytes`: how many, if known. */
  open(bytes?: number): void;
  /** False when the client is slow: the sink calls `pause()` and, later, `resume()` of the handle. */
  chunk(bytes: Buffer): boolean;
  end(): void;
  fail(error: UpstreamError): void;
}

/** Why a call that took too long is cancelled: the server did badly, unlike with any other reason. */
export const DEADLINE_EXCEEDED = 'deadline exceeded';

/** Control over one forwarded request. */
export interface ForwardHandle {
  /** The client is gone or the deadline has passed: tells the upstream; the sink hears nothing more. */
  cancel(reason: string): void;
  /** Stops reading the answer (backpressure). */
  pause(): void;
  resume(): void;
}

/** Why a server's request did not reach any client. */
export type RefusedQuestion =
  /** No client is asked such a thing, or not by a server of the modern revision. */
  | 'unsupported'
  /** It cannot be told which client is meant (contract.md, isolation). */
  | 'unattributed'
  /** Too many of its call wait for the client, or one with the same id does. */
  | 'excess'
  /** It is no request that a client could be shown. */
  | 'malformed';

/** What an upstream tells us unasked. */
export interface UpstreamEvents {
  /** A notification that belongs to no request, e.g. `notifications/tools/list_changed`; raw JSON text. */
  notification(method: string, text: string): void;
  /** The connection is gone without our doing. The next `connect` makes a new one. */
  closed(error: UpstreamError): void;
  /**
   * What is listed next may lack what the server adds when the handshake is over. Whether it is listed once more soon
   * after; where it is not, the handshake is waited for. Default: it is not.
   */
  readonly willCheckLists?: (() => boolean) | undefined;
  /** A request of the server was answered without asking a client. */
  refused?(why: RefusedQuestion): void;
}

/** What a connection is opened for: `lists` may be asked for before the server has said who it is. */
export type ConnectNext = 'lists' | 'anything';

/** How one of several servers behind a connector is doing. */
export interface ReplicaStatus {
  /** Its number, and its origin where it has one. */
  readonly name: string;
  /** `out`: it failed too often and gets no calls; `due`: it is being asked whether it is well again. */
  readonly state: 'in' | 'out' | 'due';
  readonly inFlight: number;
  /** Recent; 0 while nothing is known. */
  readonly latencyMs: number;
  /** Connected and awake. */
  readonly running: boolean;
}

/** Speaking MCP to one connector: the seam between sync, gateway and the wire. */
export interface Upstream {
  readonly connectorId: string;
  /** Known once connected. */
  readonly info: UpstreamInfo | undefined;
  /** Where in its life the connection is now: the step under way or the last one tried; `ready` once connected. */
  readonly phase: ConnectorPhase;
  /**
   * Connects and shakes hands; joins an attempt under way; answers at once when connected.
   * @param next Default: `anything`.
   * @throws UpstreamError naming the phase.
   */
  connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo>;
  /**
   * One request of our own (lists, ping), connecting first when needed.
   * @returns the raw JSON of `result`.
   * @throws UpstreamError; `RPC_ERROR` when the upstream answered with an error.
   */
  request(method: string, params: readonly RawMember[], options: RequestOptions): Promise<string>;
  /** Passes a client's request on; connects first when needed. Never throws: failures reach the sink. */
  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle;
  /**
   * Replaces what clients want of the server beside answers; kept and asked for again after a reconnect.
   * @returns when the server has agreed to what is new.
   * @throws UpstreamError; `RPC_ERROR` when the server refused, with `refused` naming what.
   */
  setInterest(interest: Interest): Promise<void>;
  /**
   * Tells a legacy server something that belongs to no request, e.g. `notifications/roots/list_changed`, while it is
   * connected; raw JSON text. Modern servers take none.
   */
  notify?(text: string): void;
  /** Ends the session or process and frees everything; requests under way fail with `CLOSED`. Idempotent. */
  close(): Promise<void>;
}

/** How long a call may take, in milliseconds (contract.md, call deadline). */
export interface CallTimeouts {
  /** Without progress. */
  readonly idleTimeoutMs: number;
  /** Whatever its progress. */
  readonly maxCallMs: number;
}

/** A way to get an upstream for a caller: one shared by all, or one per session (contract.md, isolation). */
export interface UpstreamAccess {
  readonly callTimeouts: CallTimeouts;
  acquire(caller: Caller): Upstream;
  /** A session has ended: what was opened for it alone is closed. */
  release(callerId: string): void;
  /**
   * A session's client says something that belongs to no call, e.g. `notifications/roots/list_changed`. Only what was
   * opened for that session alone is told; raw JSON text.
   */
  notify?(callerId: string, text: string): void;
}

/** One connection of a connector, as what stands before it sees it. */
export interface CallLine {
  /** Sends a call at once. */
  send(request: ForwardRequest, sink: ForwardSink): ForwardHandle;
  /** A call that was passed to `forward` of the gate is over. */
  ended(): void;
}

/** How the calls of a connector fare, for status and metrics. */
export interface CallGateStatus {
  /** `open`: calls are refused at once; `half-open`: the next one, or the one under way, decides. */
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** When a call is let through again; in milliseconds from now. */
  readonly retryAfterMs?: number;
  readonly inFlight: number;
  /** Waiting for one of those to end. */
  readonly queued: number;
  /** How many may be under way at a time, and how many count: those that wait for their client do not. */
  readonly places: number;
  readonly taken: number;
}

/** Stands before all connections of one connector: lets calls pass, has them wait or refuses them. */
export interface CallGate {
  readonly status: CallGateStatus;
  /** As that of an upstream. `ended` of the line is called once for each call. */
  forward(request: ForwardRequest, sink: ForwardSink, line: CallLine): ForwardHandle;
  /** A list was answered over a connection. */
  reached(): void;
  /** The connection is being closed: what waits to be sent on it fails. */
  closing(line: CallLine): void;
}
