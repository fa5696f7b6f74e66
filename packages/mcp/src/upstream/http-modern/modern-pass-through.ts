import type { JsonRpcId } from '../../protocol/message.ts';
import { textContainers } from '../../protocol/text-containers.ts';
import { plainAnswer } from '../streamable-http/answer-glance.ts';
import { LARGE_BYTES } from '../streamable-http/large-result.ts';
import { AnswerScan } from '../streamable-http/answer-scan.ts';
import { HeldBytes, joined } from '../streamable-http/held-bytes.ts';
import type { BodyTaker } from '../streamable-http/http-exchange.ts';
import type { ForwardSink } from '../upstream.ts';

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
  /** As the server says; HTTP holds it to that. */
  readonly #length: string | undefined;
  /** Nearly every answer is one piece: it is looked at when nothing follows. */
  #only: Buffer | undefined;
  #scan: AnswerScan | undefined;
  #held = new HeldBytes();
  #open = false;
  #marked = false;

  /** @param length the header `content-length`. */
  constructor(
    id: JsonRpcId,
    sink: ForwardSink,
    control: PassThroughControl,
    length: string | undefined,
  ) {
    this.#id = id;
    this.#sink = sink;
    this.#control = control;
    this.#length = length;
  }

  chunk(bytes: Buffer): void {
    if (this.#scan !== undefined) {
      this.#take(this.#scan, bytes);
    } else if (this.#only === undefined) {
      this.#only = unmarked(bytes);
      this.#marked = this.#only !== bytes;
    } else {
      this.#scan = new AnswerScan(this.#id);
      this.#take(this.#scan, this.#only);
      if (this.#scan.problem === undefined) this.#take(this.#scan, bytes);
    }
  }

  end(): void {
    if (this.#scan !== undefined) {
      if (!this.#passes(this.#scan)) return;
      if (this.#open) this.#sink.end();
      else this.#sink.whole(this.#whole(this.#scan.isError));
      return;
    }
    const whole = this.#only ?? Buffer.alloc(0);
    const text = whole.toString('latin1');
    const answer = this.#glance(text, textContainers(text, whole));
    if (answer !== undefined) {
      this.#control.passed();
      this.#sink.whole(whole, answer === 'result' ? text : undefined);
      return;
    }
    const scan = new AnswerScan(this.#id);
    scan.feed(whole);
    if (this.#passes(scan)) this.#sink.whole(whole);
  }

  /** What is held, in pieces where that is much: putting them together costs more than all the rest. */
  #whole(isError: boolean): Buffer | readonly Buffer[] {
    const pieces = this.#held.pieces();
    return isError || this.#held.length <= LARGE_BYTES ? joined(pieces) : pieces;
  }

  /** True when nothing is wrong with the whole. */
  #passes(scan: AnswerScan): boolean {
    const problem = scan.end();
    if (problem === undefined) this.#control.passed();
    else this.#control.spoilt(problem);
    return problem === undefined;
  }

  #glance(
    text: string,
    containers: ReturnType<typeof textContainers>,
  ): ReturnType<typeof plainAnswer> {
    const id = this.#id;
    if (typeof id === 'number') return plainAnswer(text, String(id), containers);
    const idText = JSON.stringify(id);
    // Others than of plain ASCII are for the scan to decode.
    if (!/^[\x20-\x7e]*$/.test(idText)) return undefined;
    return plainAnswer(text, idText, containers);
  }

  #take(scan: AnswerScan, bytes: Buffer): void {
    scan.feed(bytes);
    if (scan.problem !== undefined) {
      this.#control.spoilt(scan.problem);
    } else if (this.#open) {
      this.#sink.chunk(bytes);
    } else {
      this.#held.push(bytes);
      if (this.#held.length > HOLD_BYTES) this.#startStreaming();
    }
  }

  #startStreaming(): void {
    this.#open = true;
    // Without its mark it is shorter than its server says.
    const known = this.#length === undefined || this.#marked ? undefined : Number(this.#length);
    this.#sink.open(known);
    for (const piece of this.#held.pieces()) this.#sink.chunk(piece);
    this.#held = new HeldBytes();
  }
}
