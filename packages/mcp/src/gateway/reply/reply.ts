/** The way back to one client for one request: any number of `notify`, then one `answer`, or `open` … `end`. */
export interface Reply {
  /**
   * A notification ahead of the answer, as JSON text. `slow`: sent, but the client reads slowly, `onDrain` says when to
   * go on; `dropped`: the client accepts no stream, or leaves too much unread.
   */
  notify(text: string): 'sent' | 'slow' | 'dropped';
  /** The whole JSON-RPC answer. `status` counts unless a stream has begun. `latin1`: its bytes as text, one character each. */
  answer(status: number, body: Buffer | string, latin1?: string): void;
  /** As `answer` with status 200, in parts that are shared with other answers and are not to be copied. */
  answerParts(parts: readonly Buffer[]): void;
  /** Begins an answer that is too large to hold. `bytes`: how many follow, if known. */
  open(bytes?: number): void;
  /** False when the client reads slowly; `onDrain` says when to go on. */
  chunk(bytes: Buffer): boolean;
  end(): void;
  /** Cuts an opened answer short: the client must not take it for whole. */
  abort(): void;
  /** Ends without an answer: the client has cancelled and must not get one. */
  drop(): void;
  /** A sign of life on a stream that has begun, so that no proxy takes it for dead. */
  keepAlive(): void;
  onDrain(listener: () => void): void;
  /** Called once when the client goes away before its answer is complete. */
  onGone(listener: () => void): void;
  /** Called now and then while there is no answer yet; keeps what is open from being taken for dead. */
  tick?(nowMs: number): void;
  /** When the client may try again. Goes into the head of the answer that follows, if nothing has been sent yet. */
  retryAfter?(ms: number): void;
  /** The client may go and poll for the answer, after `retryMs` (SEP-1699). */
  suspend?(retryMs: number): void;
}
