import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import type { RawMember } from '../../protocol/message.ts';
import { createGuardedUpstream, type DrainableUpstream } from '../guarded-upstream.ts';
import { WaitingForward } from '../http-sse/legacy-sse-waiting.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  Upstream,
  UpstreamInfo,
} from '../upstream.ts';
import { UpstreamError, type ConnectorPhase } from '../upstream-error.ts';

export interface IdleUpstreamOptions {
  readonly connectorId: string;
  /** Starts nothing by itself; called again after each sleep. */
  readonly create: () => Upstream;
  /** A process without anything to do for this long is stopped. In milliseconds, above 0. */
  readonly idleStopMs: number;
  /** Its lists are what they were when it fell asleep; now that it runs again they may be others. */
  readonly woken: () => void;
}

/** An upstream that can be asleep. */
export interface IdleUpstream extends Upstream {
  /** It was connected, and is stopped until something is asked of it. */
  readonly asleep: boolean;
  readonly pids: readonly number[];
}

/** Characters of lists that are remembered of one process; beyond, it is woken to be asked again. */
const MAX_REMEMBERED = 4_194_304;
/** Calls have deadlines of their own, far below. */
const LONGEST_CALL_MS = 86_400_000;

class SleepingUpstream implements IdleUpstream {
  readonly connectorId: string;
  readonly #options: IdleUpstreamOptions;
  #inner: DrainableUpstream | undefined;
  /** The last one is on its way out; two at a time could fight over a file or a port. */
  #stopping: Promise<void> | undefined;
  #info: UpstreamInfo | undefined;
  /** Its lists by what they were asked with: a process that is stopped cannot change them. */
  readonly #lists = new Map<string, string>();
  #wanted: Interest | undefined;
  /** Requests of our own under way. */
  #own = 0;
  /** Whose calls are being waited for. */
  #draining: DrainableUpstream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IdleUpstreamOptions) {
    this.connectorId = options.connectorId;
    this.#options = options;
  }

  get info(): UpstreamInfo | undefined {
    return this.#inner?.info ?? this.#info;
  }

  get phase(): ConnectorPhase {
    return this.#inner?.phase ?? (this.#info === undefined ? 'spawn' : 'ready');
  }

  get asleep(): boolean {
    return this.#inner === undefined && this.#info !== undefined && !this.#closed;
  }

  get pids(): readonly number[] {
    return this.#inner?.pids ?? [];
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    // A refresh is no reason to start it: what it lists is known.
    if (this.asleep && next === 'lists' && this.#info !== undefined) return this.#info;
    return await this.#use(async (inner) => await inner.connect(signal, next));
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const key = LIST_BY_METHOD.has(method) ? JSON.stringify([method, params]) : undefined;
    const known = key !== undefined && this.asleep ? this.#lists.get(key) : undefined;
    if (known !== undefined) return known;
    const result = await this.#use(async (inner) => await inner.request(method, params, options));
    if (key !== undefined) this.#remember(key, result);
    return result;
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    clearTimeout(this.#timer);
    if (this.#inner !== undefined) return this.#send(this.#inner, request, sink);
    const call = new WaitingForward(sink);
    void call.run(this.#awake(), (inner) => this.#send(inner, request, sink));
    return call;
  }

  async setInterest(interest: Interest): Promise<void> {
    const before = this.#wanted;
    this.#wanted = interest;
    // Who waits for updates keeps the process awake; a log level alone is told to the next one.
    if (this.#inner === undefined && interest.resources.size === 0) return;
    try {
      await this.#use(async (inner) => await inner.setInterest(interest));
    } catch (error) {
      if (this.#wanted === interest) this.#wanted = before;
      throw error;
    }
  }

  notify(text: string): void {
    this.#inner?.notify?.(text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#stopping;
    await this.#inner?.close();
  }

  #send(inner: DrainableUpstream, request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const handle = inner.forward(request, sink);
    this.#sleepLater();
    return handle;
  }

  #remember(key: string, result: string): void {
    this.#lists.delete(key);
    let size = result.length;
    for (const list of this.#lists.values()) size += list.length;
    if (size <= MAX_REMEMBERED) this.#lists.set(key, result);
  }

  async #use<T>(run: (inner: DrainableUpstream) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    this.#own += 1;
    try {
      return await run(await this.#awake());
    } finally {
      this.#own -= 1;
      this.#sleepLater();
    }
  }

  async #awake(): Promise<DrainableUpstream> {
    await this.#stopping;
    if (this.#closed) {
      const details = { connectorId: this.connectorId, phase: 'spawn', unsent: true } as const;
      throw new UpstreamError('CLOSED', 'the connector was closed', details);
    }
    if (this.#inner !== undefined) return this.#inner;
    const inner = createGuardedUpstream(this.#options.create());
    this.#inner = inner;
    if (this.#info !== undefined) this.#options.woken();
    const wanted = this.#wanted;
    // Refused now, it is asked for again with the next change; there is nobody to be told.
    if (wanted !== undefined) inner.setInterest(wanted).catch(() => undefined);
    return inner;
  }

  /** Begins to wait anew once nothing is under way. */
  #sleepLater(): void {
    clearTimeout(this.#timer);
    const inner = this.#inner;
    if (inner === undefined || this.#closed || this.#own > 0) return;
    if (inner.inFlight > 0) {
      void this.#drained(inner);
      return;
    }
    this.#timer = setTimeout(() => this.#sleep(inner), this.#options.idleStopMs);
    this.#timer.unref();
  }

  async #drained(inner: DrainableUpstream): Promise<void> {
    if (this.#draining === inner) return;
    this.#draining = inner;
    await inner.drain(LONGEST_CALL_MS);
    this.#draining = undefined;
    this.#sleepLater();
  }

  #sleep(inner: DrainableUpstream): void {
    const isBusy = inner.inFlight > 0 || this.#own > 0;
    if (this.#inner !== inner || isBusy || (this.#wanted?.resources.size ?? 0) > 0) return;
    this.#info = inner.info;
    this.#inner = undefined;
    const stopping = inner.close().finally(() => {
      if (this.#stopping === stopping) this.#stopping = undefined;
    });
    this.#stopping = stopping;
  }
}

/**
 * A process that is stopped while nobody needs it: after `idleStopMs` without a call, a request of ours or a
 * subscription. What is asked next starts it again, once for all who ask.
 */
export function createIdleUpstream(options: IdleUpstreamOptions): IdleUpstream {
  return new SleepingUpstream(options);
}
