import { WatchedCalls, type Placed } from '../../protocol/open-calls.ts';

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
 * Requests that wait for a socket. Nearly each waits for a turn of the event loop, in which undici looks whether the socket was
 * closed meanwhile.
 */
export class SocketWaits extends WatchedCalls<WaitingForSocket> {
  constructor() {
    super(LOOK_MS, (request) => this.#lookAt(request));
  }

  #lookAt(request: WaitingForSocket): void {
    // The first look comes sooner than that after it began.
    if (request.waitedMs < request.maxWaitMs) {
      request.waitedMs += LOOK_MS;
      return;
    }
    this.delete(request);
    request.gotNoSocket();
  }
}
