import { requestText } from '../../protocol/message.ts';
import type { OpenCalls } from '../../protocol/open-calls.ts';
import type { ChannelHost, OpenCall } from './http-channel.ts';
import type { HttpWire, ClientIdentity } from './http-wire.ts';
import { post } from './http-request.ts';
import { modernEnvelope, modernHeaders } from '../http-modern/modern-message.ts';
import {
  OWN_CALLER,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
} from '../upstream.ts';
import type { UpstreamError } from '../upstream-error.ts';

type EarlyHost = Pick<ChannelHost, 'wire' | 'calls'>;

export interface EarlyOptions {
  readonly clientInfo: ClientIdentity;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** An answer is used within this time; later, the list is asked for again. */
const KEPT_MS = 5_000;
const METHOD = 'tools/list';
const NOTHING: ForwardHandle = {
  cancel: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

/**
 * The tools of a server that is asked for its era, asked for at the same time: almost every server has tools, and when
 * it is a modern one the answer saves it a connection and us a round trip's wait. Of no use when it is not.
 */
export interface EarlyList {
  /** Takes a request that it can answer, once; undefined when it cannot. `otherwise` sends it as usual. */
  take(
    request: ForwardRequest,
    sink: ForwardSink,
    otherwise: () => ForwardHandle,
  ): ForwardHandle | undefined;
  /** Nothing is left to take. */
  readonly spent: boolean;
}

class AskedEarly implements EarlyList {
  readonly #calls: OpenCalls<OpenCall>;
  #answer: Promise<string | undefined> | undefined;
  #answeredAtMs: number | undefined;

  constructor({ wire, calls }: EarlyHost, options: EarlyOptions) {
    this.#calls = calls;
    this.#answer = this.#ask(wire, options);
  }

  get spent(): boolean {
    return this.#answer === undefined;
  }

  take(
    request: ForwardRequest,
    sink: ForwardSink,
    otherwise: () => ForwardHandle,
  ): ForwardHandle | undefined {
    const answer = this.#answer;
    if (answer === undefined || !asksForAll(request)) return undefined;
    this.#answer = undefined;
    if (this.#answeredAtMs !== undefined && performance.now() - this.#answeredAtMs > KEPT_MS) {
      return undefined;
    }
    const call = new EarlyCall(this.#calls, sink);
    void call.run(answer, otherwise);
    return call;
  }

  /** The raw JSON of the result; undefined when there is none. Whatever went wrong shows again when it is asked again. */
  async #ask(
    wire: HttpWire,
    { clientInfo, timeoutMs, signal }: EarlyOptions,
  ): Promise<string | undefined> {
    try {
      const outcome = await post(wire, {
        headers: modernHeaders(wire, METHOD, undefined),
        body: requestText('1', METHOD, [], modernEnvelope(clientInfo)),
        id: 1,
        phase: 'handshake',
        timeoutMs,
        signal,
      });
      this.#answeredAtMs = performance.now();
      const answered = outcome.kind === 'answer' && outcome.answer.kind === 'result';
      return answered ? outcome.answer.text : undefined;
    } catch {
      // As above.
      return undefined;
    }
  }
}

/** A request of ours that the early answer may serve. */
class EarlyCall implements ForwardHandle, OpenCall {
  place = -1;
  readonly #calls: OpenCalls<OpenCall>;
  readonly #sink: ForwardSink;
  #handle: ForwardHandle = NOTHING;
  #over = false;

  constructor(calls: OpenCalls<OpenCall>, sink: ForwardSink) {
    this.#calls = calls;
    this.#sink = sink;
    calls.add(this);
  }

  async run(answer: Promise<string | undefined>, otherwise: () => ForwardHandle): Promise<void> {
    const text = await answer;
    if (!this.#end()) return;
    if (text === undefined) this.#handle = otherwise();
    else this.#sink.result(text, 'modern');
  }

  cancel(reason: string): void {
    if (!this.#end()) this.#handle.cancel(reason);
  }

  pause(): void {
    this.#handle.pause();
  }

  resume(): void {
    this.#handle.resume();
  }

  closed(error: UpstreamError): void {
    if (this.#end()) this.#sink.fail(error);
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#calls.delete(this);
    return true;
  }
}

function asksForAll({ method, members, meta, caller }: ForwardRequest): boolean {
  return method === METHOD && members.length === 0 && meta.length === 0 && caller === OWN_CALLER;
}

/** Asks at once. Bounded by `timeoutMs`; never fails, and stops when `signal` is aborted. */
export function askEarly(host: EarlyHost, options: EarlyOptions): EarlyList {
  return new AskedEarly(host, options);
}
