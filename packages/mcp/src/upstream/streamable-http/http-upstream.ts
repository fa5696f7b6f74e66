import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import type { RawMember } from '../../protocol/message.ts';
import { OpenCalls } from '../../protocol/open-calls.ts';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import { createChannelHost } from './channel-host.ts';
import { createEraMemory, type EraMemory } from './era-memory.ts';
import type { ChannelHost, HttpChannel, Loss, LossReason, OpenCall } from './http-channel.ts';
import { phaseOf, sessionLost } from './http-forward.ts';
import { openChannel } from './http-handshake.ts';
import type { HttpUpstream, HttpUpstreamOptions } from './http-upstream-options.ts';
import { IDLE, type HttpState } from './http-upstream-state.ts';
import { createHttpWire, memoryKeyOf, type HttpWire } from './http-wire.ts';
import { KeptInterest } from '../kept-interest.ts';
import { askBeside, mayGoAhead } from './unconfirmed-list.ts';
import { announceUpdate } from './notification-stream-lists.ts';
import { askOver, toOwnRequest } from '../own-request.ts';
import { unlessAborted } from '../stdio/stdio-request.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  UpstreamInfo,
} from '../upstream.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';
import { WaitingCall } from '../waiting-call.ts';

/** The least time between two doubts about a server's era. */
const PROBE_FLOOR_MS = 10_000;

export type { HttpUpstream, HttpUpstreamOptions } from './http-upstream-options.ts';

class SharedHttpUpstream implements HttpUpstream {
  readonly connectorId: string;
  readonly #definition: ConnectorDefinition;
  readonly #options: HttpUpstreamOptions;
  readonly #memory: EraMemory;
  readonly #wire: HttpWire | UpstreamError;
  readonly #calls = new OpenCalls<OpenCall>();
  readonly #interest: KeptInterest;
  #state: HttpState = IDLE;
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
    this.#interest = new KeptInterest({
      connectorId: this.connectorId,
      current: () => (this.#ready?.unconfirmed === undefined ? this.#ready : undefined),
      connect: async () => await this.#confirmed(),
      missed: (uri) => announceUpdate(uri, options.events),
    });
    try {
      this.#wire = createHttpWire(definition, options);
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
    return this.#ready?.isListening === true;
  }

  get #ready(): HttpChannel | undefined {
    return this.#state.kind === 'ready' ? this.#state.channel : undefined;
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    if (this.#ready !== undefined) return this.#ready.info;
    const givenUp = (): UpstreamError => this.#error('CANCELLED', 'connecting was given up');
    if (signal.aborted) throw givenUp();
    // The attempt goes on for the others that wait for it (M5).
    return (await unlessAborted(this.#open(next === 'lists'), signal, givenUp)).info;
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const isList = LIST_BY_METHOD.has(method);
    if (isList) this.#listsUnderWay += 1;
    const over = this.#options.roundTrips?.begin();
    try {
      const where = { connectorId: this.connectorId, phase: phaseOf(method) };
      const asked = toOwnRequest(method, params);
      const ask = async (): Promise<string> =>
        await askOver((request, sink) => this.forward(request, sink), where, asked, options);
      const unconfirmed = isList ? this.#ready?.unconfirmed : undefined;
      const result = await askBeside(unconfirmed, options.signal, ask);
      this.#mayListen ||= isList;
      return result;
    } finally {
      over?.();
      if (isList) this.#listsUnderWay -= 1;
      this.#listen();
    }
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const channel = this.#ready;
    if (
      channel !== undefined &&
      mayGoAhead(channel, request) &&
      channel.beforeCall(request.caller) === undefined
    ) {
      // A refusal before the handshake is over does not say that the session is lost.
      return channel.forward(request, sink, channel.unconfirmed === undefined);
    }
    return this.#forwardLater(request, sink, true);
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#interest.set(interest);
  }

  notify(text: string): void {
    this.#ready?.notify(text);
  }

  async close(): Promise<void> {
    if (this.#state.kind !== 'closed') {
      this.#state = { kind: 'closed', done: this.#end(this.#state) };
    }
    await this.#state.done;
  }

  /** Not before the lists are here: what a client waits for comes first, and a stream changes nothing for it. */
  #listen(): void {
    if (this.#options.listens === false) return;
    if (this.#mayListen && this.#listsUnderWay === 0) this.#ready?.listen();
  }

  async #end(state: HttpState): Promise<void> {
    const error = this.#error('CLOSED', 'the connector was closed');
    for (const call of this.#calls.all()) call.closed(error);
    if (state.kind === 'connecting') {
      state.abort.abort(error);
      await Promise.allSettled([state.channel]);
    } else if (state.kind === 'ready') {
      await state.channel.leave();
    }
  }

  #forwardLater(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
    const call = new WaitingCall(this.#calls, sink);
    void call.run(this.#readyFor(request), request, mayRecover);
    return call;
  }

  async #readyFor({ caller }: ForwardRequest): Promise<HttpChannel> {
    const channel = await this.#confirmed();
    await channel.beforeCall(caller);
    return channel;
  }

  /** A channel for more than lists: one whose handshake fails in the end is replaced. */
  async #confirmed(): Promise<HttpChannel> {
    const channel = await this.#open();
    const [end] = await Promise.allSettled([channel.unconfirmed]);
    return end.status === 'fulfilled' ? channel : await this.#open();
  }

  /** The channel, one attempt at a time. */
  async #open(listsNext = false): Promise<HttpChannel> {
    const state = this.#state;
    if (state.kind === 'ready' || state.kind === 'connecting') return state.channel;
    if (state.kind === 'closed') throw this.#error('CLOSED', 'the connector was closed');
    if (this.#wire instanceof UpstreamError) throw this.#wire;
    this.#phase = 'connect';
    const abort = new AbortController();
    const channel = this.#handshake(this.#hostOf(this.#wire), abort, listsNext);
    // Everyone who waits hears of a failure; that nobody waits any more is none.
    channel.catch(() => undefined);
    this.#state = { kind: 'connecting', channel, abort };
    return channel;
  }

  async #handshake(
    host: ChannelHost,
    abort: AbortController,
    listsNext: boolean,
  ): Promise<HttpChannel> {
    const { clientInfo } = this.#options;
    try {
      const channel = await openChannel(host, abort, {
        definition: this.#definition,
        memory: this.#memory,
        clientInfo,
        mustPause: this.#lossesInARow > 1,
        listsNext,
        willCheckLists: this.#options.events.willCheckLists,
        probing: () => {
          this.#probedAtMs = performance.now();
        },
        sent: () => {
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
      if (channel.unconfirmed === undefined) void this.#interest.renew(channel);
      else void this.#followUp(channel, channel.unconfirmed);
      return channel;
    } catch (error) {
      if (this.#state.kind === 'connecting') this.#state = IDLE;
      if (error instanceof UpstreamError) this.#phase = error.phase;
      throw error;
    }
  }

  async #followUp(channel: HttpChannel, unconfirmed: Promise<void>): Promise<void> {
    try {
      await unconfirmed;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      this.#drop({ channel, reason: 'session', error });
      return;
    }
    await this.#interest.renew(channel);
  }

  #hostOf(wire: HttpWire): ChannelHost {
    return createChannelHost(wire, this.#options, {
      calls: this.#calls,
      ignored: () => void (this.#ignored += 1),
      answered: () => void (this.#lossesInARow = 0),
      lost: (loss) => this.#drop(loss),
      mayReplace: (channel, reason) => this.#mayReplace(channel, reason),
      rerun: (loss, request, sink) => {
        this.#drop(loss);
        return this.#forwardLater(request, sink, false);
      },
    });
  }

  #mayReplace(channel: HttpChannel, reason: LossReason): boolean {
    if (this.#state.kind === 'closed') return false;
    // Another call has replaced it already.
    if (this.#ready !== channel || reason === 'session') return true;
    const { era } = this.#definition;
    const idleMs = performance.now() - (this.#probedAtMs ?? -Infinity);
    return era === 'auto' && idleMs >= PROBE_FLOOR_MS;
  }

  /** Gives up a channel; the first call that finds it lost tells the others. */
  #drop({ channel, reason, error }: Loss): void {
    if (this.#ready !== channel) return;
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
