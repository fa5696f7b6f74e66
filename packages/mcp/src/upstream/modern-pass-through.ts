import type { JsonRpcId } from '../protocol/message.ts';
import { AnswerScan } from './answer-scan.ts';
import type { BodyTaker } from './http-exchange.ts';
import type { ForwardSink } from './upstream.ts';

/** An answer up to this size is handed over in one piece, a larger one as it arrives. */
export const HOLD_BYTES: number = 262_144;

export interface PassThroughControl {
  /** The answer was handed over. */
  done(): void;
  /** The answer is not what it should be. */
  bad(problem: string): void;
}

/** Hands a modern answer to a modern client byte for byte, having looked only at its envelope. */
export class ModernPassThrough implements BodyTaker {
  readonly #sink: ForwardSink;
  readonly #control: PassThroughControl;
  readonly #scan: AnswerScan;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #open = false;
  #first = true;

  constructor(id: JsonRpcId, sink: ForwardSink, control: PassThroughControl) {
    this.#sink = sink;
    this.#control = control;
    this.#scan = new AnswerScan(id);
  }

  chunk(input: Buffer): void {
    let bytes = input;
    if (this.#first) {
      this.#first = false;
      // A byte order mark is no JSON (RFC 8259 §8.1), yet servers send it.
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    this.#scan.feed(bytes);
    if (this.#scan.problem !== undefined) {
      this.#control.bad(this.#scan.problem);
      return;
    }
    if (this.#open) {
      this.#sink.chunk(bytes);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HOLD_BYTES) this.#startStreaming();
  }

  end(): void {
    const problem = this.#scan.end();
    if (problem !== undefined) {
      this.#control.bad(problem);
      return;
    }
    this.#control.done();
    if (this.#open) {
      this.#sink.end();
    } else {
      const [only] = this.#held;
      this.#sink.whole(
        this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held),
      );
    }
  }

  #startStreaming(): void {
    this.#open = true;
    this.#sink.open();
    const held = Buffer.concat(this.#held);
    this.#held = [];
    this.#sink.chunk(held);
  }
}
