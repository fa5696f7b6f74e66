import { LIST_BY_METHOD } from '../protocol/list-kind.ts';
import type { RawMember } from '../protocol/message.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { SharedAgents } from './agent.ts';
import { createEraMemory, type EraMemory } from './era-memory.ts';
import type { ChannelHost, HttpChannel, Loss, LossReason, OpenCall } from './http-channel.ts';
import { WaitingCall, phaseOf, sessionLost } from './http-forward.ts';
import { pauseFor } from './http-pause.ts';
import { createHttpWire, memoryKeyOf, type ClientIdentity, type HttpWire } from './http-wire.ts';
import { negotiate } from './negotiate.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from './notification-stream-policy.ts';
import { OwnRequest, toOwnRequest } from './own-request.ts';
import type {
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  Upstream,
  UpstreamEvents,
  UpstreamInfo,
} from './upstream.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from './upstream-error.ts';

/** The least time between two handshakes from the second lost session in a row, plus up to as much jitter. */
const SESSION_FLOOR_MS = 250;
/** The least time between two doubts about a server's era. */
const PROBE_FLOOR_MS = 10_000;

export interface HttpUpstreamOptions {
  readonly agents: SharedAgents;
  readonly events: UpstreamEvents;
  readonly clientInfo: ClientIdentity;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Default: forgotten with the upstream. */
  readonly eraMemory?: EraMemory;
  /** When a notification stream is opened again. Default: see `StreamPolicy`. */
  readonly streamPolicy?: StreamPolicy;
}

export interface HttpUpstream extends Upstream {
  /** Messages of the server that belonged to nobody or were not allowed, since creation. */
  readonly ignoredMessages: number;
  /** Whether the server would tell us of a change now; when not, only asking shows it. */
  readonly isListening: boolean;
}

type State =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'connecting';
      readonly channel: Promise<HttpChannel>;
      readonly abort: AbortController;
    }
  | { readonly kind: 'ready'; readonly channel: HttpChannel }
  | { readonly kind: 'closed'; readonly done: Promise<void> };

const IDLE: State = { kind: 'idle' };

class SharedHttpUpstream implements HttpUpstream {
  readonly connectorId: string;
  readonly #definition: ConnectorDefinition;
  readonly #options: HttpUpstreamOptions;
  readonly #memory: EraMemory;
  readonly #wire: HttpWire | UpstreamError;
  readonly #calls = new Set<OpenCall>();
  #state: State = IDLE;
  #phase: ConnectorPhase = 'connect';
  #info: UpstreamInfo | undefined;
  #ignored = 0;
  #listsUnderWay = 0;
  /** A list has been had from this channel. */
  #mayListen = false;
  #lossesInARow = 0;
  #probedAtMs: number | undefined;

  constructor(definition: ConnectorDefinition, options: HttpUpstreamOptions) {
    this.connectorId = definition.id;
    this.#definition = definition;
    this.#options = options;
    this.#memory = options.eraMemory ?? createEraMemory();
    try {
      this.#wire = createHttpWire(definition, options.agents, options.clientInfo);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      this.#wire = error;
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

  get isListening(): boolean {
    return this.#state.kind === 'ready' && this.#state.channel.isListening;
  }

  async connect(signal: AbortSignal): Promise<UpstreamInfo> {
    if (this.#state.kind === 'ready') return this.#state.channel.info;
    if (signal.aborted) throw this.#error('CANCELLED', 'connecting was given up');
    const opening = this.#open();
    const givenUp = Promise.withResolvers<never>();
    const onAbort = (): void => {
      givenUp.reject(this.#error('CANCELLED', 'connecting was given up'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // The attempt goes on for the others that wait for it (M5).
      return (await Promise.race([opening, givenUp.promise])).info;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const isList = LIST_BY_METHOD.has(method);
    if (isList) this.#listsUnderWay += 1;
    try {
      const result = await this.#ask(toOwnRequest(method, params), options);
      this.#mayListen ||= isList;
      return result;
    } finally {
      if (isList) this.#listsUnderWay -= 1;
      this.#listen();
    }
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    if (this.#state.kind === 'ready') return this.#state.channel.forward(request, sink, true);
    return this.#forwardLater(request, sink, true);
  }

  async setInterest(interest: Interest): Promise<void> {
    if (interest.resources.size > 0) throw this.#error('RPC_ERROR', 'not supported yet');
  }

  async close(): Promise<void> {
    if (this.#state.kind !== 'closed') {
      this.#state = { kind: 'closed', done: this.#end(this.#state) };
    }
    await this.#state.done;
  }

  async #ask(request: ForwardRequest, options: RequestOptions): Promise<string> {
    const where = { connectorId: this.connectorId, phase: phaseOf(request.method) };
    return new Promise((resolve, reject) => {
      const own = new OwnRequest(where, options, { resolve, reject });
      own.start((sink) => this.forward(request, sink));
    });
  }

  /** Not before the lists are here: what a client waits for comes first, and a stream changes nothing for it. */
  #listen(): void {
    if (this.#state.kind !== 'ready' || !this.#mayListen || this.#listsUnderWay > 0) return;
    this.#state.channel.listen();
  }

  async #end(state: State): Promise<void> {
    const error = this.#error('CLOSED', 'the connector was closed');
    for (const call of this.#calls) call.closed(error);
    if (state.kind === 'connecting') {
      state.abort.abort(error);
      await Promise.allSettled([state.channel]);
    } else if (state.kind === 'ready') {
      await state.channel.leave();
    }
  }

  #forwardLater(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
    const call = new WaitingCall(this.#calls, sink);
    void call.run(this.#open(), request, mayRecover);
    return call;
  }

  /** The channel, one attempt at a time. */
  async #open(): Promise<HttpChannel> {
    const state = this.#state;
    if (state.kind === 'ready') return state.channel;
    if (state.kind === 'connecting') return state.channel;
    if (state.kind === 'closed') throw this.#error('CLOSED', 'the connector was closed');
    if (this.#wire instanceof UpstreamError) throw this.#wire;
    this.#phase = 'connect';
    const abort = new AbortController();
    const channel = this.#handshake(this.#hostOf(this.#wire), abort);
    // Everyone who waits hears of a failure; that nobody waits any more is none.
    channel.catch(() => undefined);
    this.#state = { kind: 'connecting', channel, abort };
    return channel;
  }

  async #handshake(host: ChannelHost, abort: AbortController): Promise<HttpChannel> {
    const timeoutMs = this.#definition.timeouts.handshakeTimeoutMs;
    const timer = setTimeout(() => {
      abort.abort(this.#error('TIMEOUT', `the handshake took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
    try {
      if (this.#lossesInARow > 1) {
        await pauseFor(SESSION_FLOOR_MS * (1 + this.#options.random()), abort.signal);
      }
      const channel = await negotiate(host, {
        era: this.#definition.era,
        clientInfo: this.#options.clientInfo,
        memory: this.#memory,
        memoryKey: memoryKeyOf(host.wire),
        onProbe: () => {
          this.#probedAtMs = performance.now();
        },
        timeoutMs,
        signal: abort.signal,
        onSent: () => {
          this.#phase = 'handshake';
        },
      });
      if (this.#state.kind === 'closed') {
        await channel.leave();
        throw this.#error('CLOSED', 'the connector was closed');
      }
      this.#info = channel.info;
      this.#phase = 'ready';
      this.#state = { kind: 'ready', channel };
      return channel;
    } catch (error) {
      if (this.#state.kind === 'connecting') this.#state = IDLE;
      if (error instanceof UpstreamError) this.#phase = error.phase;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #hostOf(wire: HttpWire): ChannelHost {
    const { events, random, agents, streamPolicy = DEFAULT_STREAM_POLICY } = this.#options;
    return {
      wire,
      streamWire: { ...wire, dispatcher: agents.streams },
      random,
      streamPolicy,
      calls: this.#calls,
      ignored: () => {
        this.#ignored += 1;
      },
      answered: () => {
        this.#lossesInARow = 0;
      },
      unasked: (method, text) => events.notification(method, text),
      lost: (loss) => this.#drop(loss),
      mayReplace: (channel, reason) => this.#mayReplace(channel, reason),
      rerun: (loss, request, sink) => {
        this.#drop(loss);
        return this.#forwardLater(request, sink, false);
      },
    };
  }

  #mayReplace(channel: HttpChannel, reason: LossReason): boolean {
    if (this.#state.kind === 'closed') return false;
    // Another call has replaced it already.
    if (this.#state.kind !== 'ready' || this.#state.channel !== channel) return true;
    if (reason === 'session') return true;
    const { era } = this.#definition;
    const idleMs = performance.now() - (this.#probedAtMs ?? -Infinity);
    return era === 'auto' && idleMs >= PROBE_FLOOR_MS;
  }

  /** Gives up a channel; the first call that finds it lost tells the others. */
  #drop({ channel, reason, error }: Loss): void {
    if (this.#state.kind !== 'ready' || this.#state.channel !== channel) return;
    this.#state = IDLE;
    this.#mayListen = false;
    channel.stopListening();
    this.#lossesInARow += 1;
    if (reason === 'era' && !(this.#wire instanceof UpstreamError)) {
      this.#memory.set(memoryKeyOf(this.#wire), undefined);
    }
    this.#options.events.closed(sessionLost(error));
  }

  #error(code: UpstreamErrorCode, message: string): UpstreamError {
    return new UpstreamError(code, message, { connectorId: this.connectorId, phase: this.#phase });
  }
}

/** One HTTP connector, in whichever era its server speaks, on sockets it shares with the others. */
export function createHttpUpstream(
  definition: ConnectorDefinition,
  options: HttpUpstreamOptions,
): HttpUpstream {
  return new SharedHttpUpstream(definition, options);
}
