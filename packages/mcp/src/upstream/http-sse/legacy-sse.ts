import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import type { RawMember } from '../../protocol/message.ts';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { SharedAgents } from '../streamable-http/agent.ts';
import { KeptInterest } from '../kept-interest.ts';
import { LegacyInterest } from '../http-legacy/legacy-interest.ts';
import type { ClientIdentity } from '../streamable-http/http-wire.ts';
import { createSsePace, type SsePace } from './legacy-sse-pace.ts';
import { ask, createSseWires, openSseSession, type SseWires } from './legacy-sse-session.ts';
import { SSE_IDLE, type OpenedSse, type SseState } from './legacy-sse-state.ts';
import { WaitingForward } from './legacy-sse-waiting.ts';
import { toOwnRequest } from '../own-request.ts';
import type { RenewableAgents } from '../streamable-http/renewable-dispatcher.ts';
import { unlessAborted } from '../stdio/stdio-request.ts';
import type { RestartPolicy } from '../stdio/stdio-restart.ts';
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
import { EVERY_CAPABILITY } from '../every-capability.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** How long the server may take to agree to an interest. */
const INTEREST_TIMEOUT_MS = 10_000;

export interface SseUpstreamOptions {
  readonly agents: SharedAgents;
  /** The same, when they belong to this upstream alone: renewed after each pass, closed with it. */
  readonly ownAgents?: RenewableAgents;
  readonly events: UpstreamEvents;
  readonly clientInfo: ClientIdentity;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Whom the session speaks for when it is not shared. Default: all callers. */
  readonly client?: UpstreamClient | undefined;
  /** When a stream that ended may be opened again. */
  readonly pace?: RestartPolicy | undefined;
}

export interface SseUpstream extends Upstream {
  /** Messages of the server that belonged to nobody, since creation. */
  readonly ignoredMessages: number;
  passEnded(): void;
}

class StreamUpstream implements SseUpstream {
  readonly connectorId: string;
  readonly #definition: ConnectorDefinition;
  readonly #options: SseUpstreamOptions;
  readonly #wires: SseWires | UpstreamError;
  readonly #pace: SsePace;
  readonly #interest: KeptInterest;
  #state: SseState = SSE_IDLE;
  #phase: ConnectorPhase = 'connect';
  #info: UpstreamInfo | undefined;
  #ignored = 0;

  constructor(definition: ConnectorDefinition, options: SseUpstreamOptions) {
    this.connectorId = definition.id;
    this.#definition = definition;
    this.#options = options;
    this.#interest = new KeptInterest({
      connectorId: definition.id,
      current: () => (this.#state.kind === 'ready' ? this.#state.opened.interest : undefined),
      connect: async () => (await this.#open()).interest,
      missed: (uri) => this.#missed(uri),
    });
    this.#pace = createSsePace(definition.id, options.random, options.pace);
    try {
      this.#wires = createSseWires(definition, options.agents, options.clientInfo);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      this.#wires = error;
      this.#phase = error.phase;
    }
  }

  get info(): UpstreamInfo | undefined {
    return this.#info;
  }

  get phase(): ConnectorPhase {
    return this.#phase;
  }

  get ignoredMessages(): number {
    return this.#ignored;
  }

  async connect(signal: AbortSignal): Promise<UpstreamInfo> {
    if (this.#state.kind === 'ready') return this.#state.opened.info;
    const cancelled = (): UpstreamError => this.#error('CANCELLED', 'connecting was given up');
    if (signal.aborted) throw cancelled();
    // The attempt goes on for the others that wait for it (M5).
    return (await unlessAborted(this.#open(), signal, cancelled)).info;
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const request = toOwnRequest(method, params);
    const phase = LIST_BY_METHOD.has(method) ? 'list' : 'ready';
    const where = { connectorId: this.connectorId, phase } as const;
    return await ask(where, options, (sink) => this.forward(request, sink));
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    if (this.#state.kind === 'ready') return this.#send(this.#state.opened, request, sink, true);
    const call = new WaitingForward(sink);
    void call.run(this.#open(), (opened) => this.#send(opened, request, sink, true));
    return call;
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#interest.set(interest);
  }

  notify(text: string): void {
    if (this.#state.kind === 'ready') this.#state.opened.link.notice(text);
  }

  passEnded(): void {
    this.#options.ownAgents?.renew();
  }

  async close(): Promise<void> {
    if (this.#state.kind !== 'closed') {
      this.#state = { kind: 'closed', done: this.#end(this.#state) };
    }
    await this.#state.done;
  }

  async #end(state: SseState): Promise<void> {
    const error = this.#error('CLOSED', 'the connector was closed');
    if (state.kind === 'connecting') {
      state.abort.abort(error);
      await Promise.allSettled([state.opened]);
    } else if (state.kind === 'ready') {
      // Closing the stream ends the session: this transport has no other way.
      state.opened.link.end(error);
    }
    await this.#options.ownAgents?.close();
  }

  #send(
    opened: OpenedSse,
    request: ForwardRequest,
    sink: ForwardSink,
    mayRecover: boolean,
  ): ForwardHandle {
    let successor: WaitingForward | undefined;
    const handle = opened.link.send(request, sink, (error) => {
      if (!mayRecover || this.#state.kind === 'closed') return false;
      // It was not executed: once more, on a stream of its own.
      this.#drop(opened, error);
      successor = new WaitingForward(sink);
      void successor.run(this.#open(), (next) => this.#send(next, request, sink, false));
      return true;
    });
    return {
      cancel: (reason) => (successor ?? handle).cancel(reason),
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  /** The session, one attempt at a time. */
  async #open(): Promise<OpenedSse> {
    const state = this.#state;
    if (state.kind === 'ready' || state.kind === 'connecting') return state.opened;
    if (state.kind === 'closed') throw this.#error('CLOSED', 'the connector was closed');
    const abort = new AbortController();
    const opened = this.#connect(abort);
    // Everyone who waits hears of a failure; that nobody waits any more is none.
    opened.catch(() => undefined);
    this.#state = { kind: 'connecting', opened, abort };
    return opened;
  }

  async #connect(abort: AbortController): Promise<OpenedSse> {
    // The state must say `connecting` before anything can fail.
    await Promise.resolve();
    const timeoutMs = this.#definition.timeouts.handshakeTimeoutMs;
    const timer = setTimeout(() => {
      abort.abort(this.#error('TIMEOUT', `no handshake within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
    try {
      if (this.#wires instanceof UpstreamError) throw this.#wires;
      this.#phase = 'connect';
      await this.#pace.due(abort.signal);
      const opened = await this.#handshake(this.#wires, abort.signal);
      this.#state = { kind: 'ready', opened };
      this.#info = opened.info;
      this.#phase = 'ready';
      void this.#interest.renew(opened.interest);
      return opened;
    } catch (error) {
      if (this.#state.kind === 'connecting') this.#state = SSE_IDLE;
      if (error instanceof UpstreamError) this.#phase = error.phase;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #handshake(wires: SseWires, signal: AbortSignal): Promise<OpenedSse> {
    const { events, clientInfo, client } = this.#options;
    const { name, version } = clientInfo;
    let opened: OpenedSse | undefined;
    const session = await openSseSession({
      ...wires,
      greeting: {
        clientInfo: client?.clientInfo ?? { name, version },
        capabilities: client?.capabilities ?? EVERY_CAPABILITY,
      },
      signal,
      timeoutMs: this.#definition.timeouts.handshakeTimeoutMs,
      notification: (method, text) => events.notification(method, text),
      unattributed: (method, text) => {
        // Logs that cannot be attributed go to nobody (contract.md, isolation).
        if (client?.sole === true) events.notification(method, text);
        else this.#ignored += 1;
      },
      ignored: (question) => {
        this.#ignored += 1;
        if (question !== undefined) events.refused?.(question);
      },
      onHandshake: () => void (this.#phase = 'handshake'),
      down: (error) => {
        if (opened !== undefined) this.#drop(opened, error);
      },
    });
    const { link, info } = session;
    const options = { signal, timeoutMs: INTEREST_TIMEOUT_MS };
    const interest = new LegacyInterest({
      connectorId: this.connectorId,
      info,
      ask: async (method, members) => {
        const request = toOwnRequest(method, members);
        return await ask(link.where, options, (sink) => link.send(request, sink));
      },
    });
    opened = { link, info, interest, openedAtMs: performance.now() };
    return opened;
  }

  #missed(uri: string): void {
    const method = 'notifications/resources/updated';
    const text = JSON.stringify({ jsonrpc: '2.0', method, params: { uri } });
    this.#options.events.notification(method, text);
  }

  /** Gives up a session; the first who finds it lost tells the others. */
  #drop(opened: OpenedSse, error: UpstreamError): void {
    if (this.#state.kind !== 'ready' || this.#state.opened !== opened) return;
    this.#state = SSE_IDLE;
    this.#pace.ended(performance.now() - opened.openedAtMs);
    opened.link.end(error);
    this.#options.events.closed(error);
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    return new UpstreamError(code, message, { connectorId: this.connectorId, phase: this.#phase });
  }
}

/**
 * One connector over the HTTP+SSE transport of revision 2024-11-05: one stream shared by all callers, on which every
 * answer comes. When it ends, calls under way fail with `STREAM_CUT`, and the next call opens another.
 */
export function createSseUpstream(
  definition: ConnectorDefinition,
  options: SseUpstreamOptions,
): SseUpstream {
  return new StreamUpstream(definition, options);
}
