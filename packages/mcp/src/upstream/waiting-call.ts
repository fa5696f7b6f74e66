import type { OpenCalls } from '../protocol/open-calls.ts';
import type { HttpChannel, OpenCall } from './streamable-http/http-channel.ts';
import type { ForwardHandle, ForwardRequest, ForwardSink } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

/** A request that waits for a channel. */
export class WaitingCall implements ForwardHandle, OpenCall {
  place = -1;
  readonly #calls: OpenCalls<OpenCall>;
  readonly #sink: ForwardSink;
  #over = false;
  #paused = false;
  #handle: ForwardHandle | undefined;

  constructor(calls: OpenCalls<OpenCall>, sink: ForwardSink) {
    this.#calls = calls;
    this.#sink = sink;
    calls.add(this);
  }

  /** Forwards on the channel once there is one. Never rejects: a failure reaches the sink. */
  async run(
    channel: Promise<HttpChannel>,
    request: ForwardRequest,
    mayRecover: boolean,
  ): Promise<void> {
    try {
      const ready = await channel;
      if (!this.#end()) return;
      this.#handle = ready.forward(request, this.#sink, mayRecover);
      if (this.#paused) this.#handle.pause();
    } catch (error) {
      // Opening a channel fails with an UpstreamError; anything else is a defect and may surface.
      if (!(error instanceof UpstreamError)) throw error;
      if (this.#end()) this.#sink.fail(error);
    }
  }

  cancel(reason: string): void {
    this.#end();
    this.#handle?.cancel(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#handle?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#handle?.resume();
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
