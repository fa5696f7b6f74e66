import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { RawMember } from '../../protocol/message.ts';
import type { Environment } from '../process/child-process-env.ts';
import { KeptInterest } from '../kept-interest.ts';
import { announceUpdate } from '../streamable-http/notification-stream-lists.ts';
import type { Reaper } from '../process/reaper.ts';
import type { StdioCounters } from './stdio-call.ts';
import {
  metaFor,
  ownEnvelope,
  progressTokenOf,
  type ClientInfo,
  type MetaSource,
} from './stdio-envelope.ts';
import { StdioLauncher, type LimitStart } from './stdio-launcher.ts';
import { ownRequest, unlessAborted, type Submit } from './stdio-request.ts';
import type { RestartPolicy } from './stdio-restart.ts';
import type { Session } from './stdio-session.ts';
import { EVERY_CAPABILITY } from '../every-capability.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';
import type {
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  Upstream,
  UpstreamClient,
  UpstreamEvents,
  UpstreamInfo,
} from '../upstream.ts';

const DEFAULT_PROBE_MS = 1500;
const DEFAULT_MAX_LINE_BYTES = 10 * 1024 * 1024;

export interface StdioUpstreamOptions {
  readonly events: UpstreamEvents;
  /** What servers are told we are: `name` and `version` at least. */
  readonly clientInfo: ClientInfo;
  /** The service's environment; children inherit an allow-listed part of it. */
  readonly baseEnv: Environment;
  readonly reaper: Reaper;
  /**
   * Bounds process starts across connectors. A start holds its place until the handshake, at most 3 s.
   * Default: unbounded.
   */
  readonly limitStart?: LimitStart;
  /** Jitter of restarts, in [0, 1). */
  readonly random: () => number;
  /** How long `server/discover` may go unanswered before `initialize` is tried as well. Default 1500. */
  readonly probeMs?: number;
  /** Longest message accepted. Default 10 MiB (contract.md, sizes). */
  readonly maxLineBytes?: number;
  /** Default: full jitter from 250 ms to 30 s, forgotten after 60 s of life. */
  readonly restart?: RestartPolicy;
  /** Whom it speaks for. Default: everybody. */
  readonly client?: UpstreamClient | undefined;
  /** Each line the program writes to stderr, cut at 4 KiB. */
  readonly onStderr?: (line: string) => void;
}

/** An upstream that is a child process. */
export interface StdioUpstream extends Upstream {
  /** The process that answers now, if one does. */
  readonly pid: number | undefined;
  /** The same as a list. */
  readonly pids: readonly number[];
  /** Since creation, over all processes. */
  readonly counters: Readonly<StdioCounters>;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly attempt: Promise<Session> }
  | { readonly kind: 'ready'; readonly session: Session }
  | { readonly kind: 'closed'; readonly done: Promise<void> };

const OWN: MetaSource = { meta: [], clientEra: 'legacy' };

class ProcessUpstream implements StdioUpstream {
  readonly connectorId: string;
  readonly counters: StdioCounters = {
    noiseLines: 0,
    droppedLogs: 0,
    strayNotifications: 0,
    lateMessages: 0,
    refusedRequests: 0,
  };
  readonly #launcher: StdioLauncher;
  readonly #envelope: readonly RawMember[];
  readonly #events: UpstreamEvents;
  readonly #interest: KeptInterest;
  #state: State = { kind: 'idle' };
  #info: UpstreamInfo | undefined;
  #phase: ConnectorPhase = 'spawn';

  constructor(definition: ConnectorDefinition, options: StdioUpstreamOptions) {
    this.connectorId = definition.id;
    this.#envelope = ownEnvelope(options.clientInfo);
    this.#events = options.events;
    this.#interest = new KeptInterest({
      connectorId: this.connectorId,
      current: () => (this.#state.kind === 'ready' ? this.#state.session.interest : undefined),
      connect: async () => (await this.#session()).interest,
      missed: (uri) => announceUpdate(uri, options.events),
    });
    this.#launcher = new StdioLauncher({
      definition,
      envelope: this.#envelope,
      counters: this.counters,
      clientInfo: options.client?.clientInfo ?? options.clientInfo,
      capabilities: options.client?.capabilities ?? EVERY_CAPABILITY,
      sole: options.client?.sole === true,
      baseEnv: options.baseEnv,
      reaper: options.reaper,
      random: options.random,
      restart: options.restart,
      probeMs: options.probeMs ?? DEFAULT_PROBE_MS,
      maxLineBytes: options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES,
      limitStart: options.limitStart ?? (async (start) => start()),
      onStderr: options.onStderr ?? (() => undefined),
      notification: (method, text) => options.events.notification(method, text),
      refused: (why) => {
        this.counters.refusedRequests += 1;
        options.events.refused?.(why);
      },
      lost: (error) => this.#lost(error),
      phase: (phase) => {
        this.#phase = phase;
      },
    });
  }

  get info(): UpstreamInfo | undefined {
    return this.#info;
  }

  get phase(): ConnectorPhase {
    return this.#phase;
  }

  get pid(): number | undefined {
    return this.#state.kind === 'ready' ? this.#state.session.connection.child.pid : undefined;
  }

  get pids(): readonly number[] {
    return this.pid === undefined ? [] : [this.pid];
  }

  async connect(signal: AbortSignal): Promise<UpstreamInfo> {
    const cancelled = (): UpstreamError => this.#error('CANCELLED', 'connecting was cancelled');
    if (signal.aborted) throw cancelled();
    const session = await unlessAborted(this.#session(), signal, cancelled);
    return session.info;
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const submit: Submit = (call) => this.#submit(method, params, OWN, call);
    return ownRequest(this.connectorId, method, options, submit);
  }

  /** The answer comes in one piece, and other calls share the pipe: `pause` and `resume` do nothing. */
  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const cancel = this.#submit(request.method, request.members, request, (era) => ({
      progressToken: progressTokenOf(request.meta),
      client: { callerId: request.caller.id, ask: (question) => sink.request(question) },
      notification: (text) => sink.notification(text),
      result: (raw) => sink.result(raw, era),
      error: (text) => sink.error(text, era),
      fail: (error) => sink.fail(error),
    }));
    return { cancel, pause: () => undefined, resume: () => undefined };
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#interest.set(interest);
  }

  notify(text: string): void {
    const session = this.#state.kind === 'ready' ? this.#state.session : undefined;
    if (session?.info.era === 'legacy') session.connection.tell(text);
  }

  async close(): Promise<void> {
    if (this.#state.kind !== 'closed') {
      const before = this.#state;
      this.#state = { kind: 'closed', done: this.#end(before) };
    }
    return this.#state.done;
  }

  async #end(before: State): Promise<void> {
    await this.#launcher.close(before.kind === 'ready');
    if (before.kind !== 'connecting') return;
    // The start under way fails now; what it may have started meanwhile goes too.
    await Promise.allSettled([before.attempt]);
    await this.#launcher.close(false);
  }

  async #session(): Promise<Session> {
    const state = this.#state;
    if (state.kind === 'ready') return state.session;
    if (state.kind === 'connecting') return state.attempt;
    if (state.kind === 'closed') throw this.#error('CLOSED', 'the connector was closed');
    const attempt = this.#connect();
    this.#state = { kind: 'connecting', attempt };
    return attempt;
  }

  async #connect(): Promise<Session> {
    // The state must say `connecting` before anything can fail.
    await Promise.resolve();
    try {
      const session = await this.#launcher.launch();
      if (this.#state.kind === 'closed' || session.connection.failure !== undefined) {
        throw session.connection.failure ?? this.#error('CLOSED', 'the connector was closed');
      }
      this.#state = { kind: 'ready', session };
      this.#info = session.info;
      this.#phase = 'ready';
      void this.#interest.renew(session.interest);
      return session;
    } catch (error) {
      if (this.#state.kind === 'connecting') this.#state = { kind: 'idle' };
      if (error instanceof UpstreamError) this.#phase = error.phase;
      throw error;
    }
  }

  #lost(error: UpstreamError): void {
    if (this.#state.kind !== 'ready') return;
    this.#state = { kind: 'idle' };
    this.#phase = 'spawn';
    this.#events.closed(error);
  }

  /** Sends in the same turn when connected. */
  #submit(
    method: string,
    members: readonly RawMember[],
    source: MetaSource,
    call: Parameters<Submit>[0],
  ): ReturnType<Submit> {
    let over = false;
    let cancelSent: ((reason: string) => void) | undefined;
    const send = ({ connection, info }: Session): void => {
      const meta = (id: number): readonly RawMember[] =>
        metaFor(info.era, source, id, this.#envelope);
      const id = connection.send(method, members, meta, call(info.era));
      cancelSent = (reason) => connection.cancel(id, reason);
    };
    if (this.#state.kind === 'ready') {
      send(this.#state.session);
    } else {
      const connected = async (): Promise<void> => {
        try {
          const session = await this.#session();
          if (!over) send(session);
        } catch (error) {
          // The era does not matter to a failure.
          if (!over) call('legacy').fail(this.#asUpstreamError(error));
        }
      };
      void connected();
    }
    return (reason) => {
      over = true;
      cancelSent?.(reason);
    };
  }

  #asUpstreamError(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
    return this.#error('CONNECT_FAILED', `the server could not be started: ${String(error)}`);
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    const { connectorId } = this;
    return new UpstreamError(code, message, { connectorId, phase: 'connect', unsent: true });
  }
}

/**
 * A local MCP server as a child process shared by all callers: started when first needed, restarted with
 * backoff when it ends, stopped with everything it started. Never started again after `close`.
 */
export function createStdioUpstream(
  definition: ConnectorDefinition,
  options: StdioUpstreamOptions,
): StdioUpstream {
  return new ProcessUpstream(definition, options);
}
