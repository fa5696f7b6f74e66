import type { JsonRpcId } from '../protocol/message.ts';
import { isPlainAnswer } from './answer-glance.ts';
import { AnswerScan } from './answer-scan.ts';
import type { BodyTaker } from './http-exchange.ts';
import type { ForwardSink } from './upstream.ts';

/** An answer up to this size is handed over in one piece, a larger one as it arrives. */
export const HOLD_BYTES: number = 262_144;

export interface PassThroughControl {
  /** The answer is handed over next, or its end. */
  passed(): void;
  /** The answer is not what it should be. */
  spoilt(problem: string): void;
}

/** Without a byte order mark: it is no JSON (RFC 8259 §8.1), yet servers send it. */
function unmarked(bytes: Buffer): Buffer {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

/** Hands a modern answer to a modern client byte for byte, having looked only at its envelope. */
export class ModernPassThrough implements BodyTaker {
  readonly #id: JsonRpcId;
  readonly #sink: ForwardSink;
  readonly #control: PassThroughControl;
  /** Nearly every answer is one piece: it is looked at when nothing follows. */
  #only: Buffer | undefined;
  #scan: AnswerScan | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #open = false;

  constructor(id: JsonRpcId, sink: ForwardSink, control: PassThroughControl) {
    this.#id = id;
    this.#sink = sink;
    this.#control = control;
  }

  chunk(bytes: Buffer): void {
    if (this.#scan !== undefined) {
      this.#take(this.#scan, bytes);
    } else if (this.#only === undefined) {
      this.#only = unmarked(bytes);
    } else {
      this.#scan = new AnswerScan(this.#id);
      this.#take(this.#scan, this.#only);
      if (this.#scan.problem === undefined) this.#take(this.#scan, bytes);
    }
  }

  end(): void {
    const only = this.#only ?? Buffer.alloc(0);
    const problem = this.#scan === undefined ? this.#problemOf(only) : this.#scan.end();
    if (problem !== undefined) {
      this.#control.spoilt(problem);
      return;
    }
    this.#control.passed();
    if (this.#open) this.#sink.end();
    else this.#sink.whole(this.#scan === undefined ? only : Buffer.concat(this.#held));
  }

  #problemOf(whole: Buffer): string | undefined {
    const id = this.#id;
    const idText = typeof id === 'number' ? String(id) : JSON.stringify(id);
    // Others than of plain ASCII are for the scan to decode.
    const comparable = typeof id === 'number' || /^[\x20-\x7e]*$/.test(idText);
    if (comparable && isPlainAnswer(whole.toString('latin1'), idText)) return undefined;
    const scan = new AnswerScan(id);
    scan.feed(whole);
    return scan.end();
  }

  #take(scan: AnswerScan, bytes: Buffer): void {
    scan.feed(bytes);
    if (scan.problem !== undefined) {
      this.#control.spoilt(scan.problem);
    } else if (this.#open) {
      this.#sink.chunk(bytes);
    } else {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > HOLD_BYTES) this.#startStreaming();
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
