import type { ForwardHandle, ForwardSink } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** A call that waits for something to be opened before it can be sent. */
export class WaitingForward implements ForwardHandle {
  readonly #sink: ForwardSink;
  #over = false;
  #paused = false;
  #handle: ForwardHandle | undefined;

  constructor(sink: ForwardSink) {
    this.#sink = sink;
  }

  /** Sends it once `ready` resolves. Never rejects: a failure reaches the sink. */
  async run<T>(ready: Promise<T>, send: (opened: T) => ForwardHandle): Promise<void> {
    try {
      const opened = await ready;
      if (this.#over) return;
      this.#handle = send(opened);
      if (this.#paused) this.#handle.pause();
    } catch (error) {
      // Opening fails with an UpstreamError; anything else is a defect and may surface.
      if (!(error instanceof UpstreamError)) throw error;
      if (!this.#over) this.#sink.fail(error);
    }
  }

  cancel(reason: string): void {
    this.#over = true;
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
}
