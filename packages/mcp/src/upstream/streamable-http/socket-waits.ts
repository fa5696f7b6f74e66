import { OpenCalls, type Placed } from '../../protocol/open-calls.ts';

/** A request that no socket has taken yet. */
export interface WaitingForSocket extends Placed {
  /** How long it may wait. */
  readonly maxWaitMs: number;
  /** For how long it was seen waiting. */
  waitedMs: number;
  /** Called once it has waited for so long. */
  gotNoSocket(): void;
}

/** How often they are looked at: a wait ends within so much after its time. */
const LOOK_MS = 25;

/**
 * One timer for all requests that wait for a socket. Nearly each waits for a turn of the event loop, in which undici looks
 * whether the socket was closed meanwhile: a timer of its own would be started and ended with nearly every call.
 */
export class SocketWaits {
  readonly #waiting = new OpenCalls<WaitingForSocket>();
  #timer: NodeJS.Timeout | undefined;

  add(request: WaitingForSocket): void {
    this.#waiting.add(request);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  delete(request: WaitingForSocket): void {
    this.#waiting.delete(request);
  }

  #look(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    for (const request of this.#waiting.all()) {
      // Another's end may have been its own.
      if (request.place < 0) continue;
      // The first look comes sooner than that after it began.
      if (request.waitedMs >= request.maxWaitMs) {
        this.#waiting.delete(request);
        request.gotNoSocket();
      } else {
        request.waitedMs += LOOK_MS;
      }
    }
  }
}
