import type { IncomingMessage } from 'node:http';

// Not imported: see http/listener.ts.
const Request: typeof IncomingMessage = process.getBuiltinModule('node:http').IncomingMessage;
const { Readable } = process.getBuiltinModule('node:stream');

/** Takes the body of a request as it arrives. */
export interface BodyTaker {
  chunk(bytes: Buffer): void;
  /** Called once, after the last of it; never, when the client hangs up before. */
  end(): void;
}

/**
 * A request whose body can be taken from the parser, without the turns, events and buffers of a stream in between
 * (decision 0037). Until somebody does, it is any other request. For the option `IncomingMessage` of `createServer`.
 */
export class WholeRequest extends Request {
  /** Node's own: whether somebody reads. It would otherwise read to the end itself, after the answer. */
  declare _consuming: boolean;
  #taker: BodyTaker | undefined;
  #ended = false;

  /**
   * Gives the body to a taker, from now on.
   * @returns false when some of it has come already: it has to be read as that of any stream.
   */
  give(taker: BodyTaker): boolean {
    if (this.complete || this.readableLength > 0 || this.readableFlowing !== null) return false;
    this.#taker = taker;
    // oxlint-disable-next-line no-underscore-dangle -- its name there
    this._consuming = true;
    return true;
  }

  // Node's parser hands over each part of the body, and null after the last.
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const taker = this.#taker;
    if (taker === undefined) return super.push(chunk, encoding);
    if (Buffer.isBuffer(chunk)) {
      taker.chunk(chunk);
    } else if (!this.#ended) {
      this.#ended = true;
      taker.end();
    }
    return true;
  }

  static {
    const { prototype } = this;
    // oxlint-disable-next-line typescript/unbound-method -- called with a `this` below
    const isEnded = Object.getOwnPropertyDescriptor(Readable.prototype, 'readableEnded')?.get;
    // Node lets go of a request that has ended. Types have it as a field, which no accessor may take the place of.
    Object.defineProperty(prototype, 'readableEnded', {
      configurable: true,
      get(this: WholeRequest): boolean {
        return (#ended in this && this.#ended) || isEnded?.call(this) === true;
      },
    });
  }
}
