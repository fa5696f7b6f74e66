import { HeldBytes, joined } from './held-bytes.ts';

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const COLON = 0x3a;
/** A byte order mark, the longest name of a field, its colon and the space after that. */
const MAX_NAME_BYTES = 10;
const NONE: readonly Buffer[] = [];

/** Takes the lines of a stream, without what ends them. */
export interface LineTaker {
  /** @param rest what does not fit into `first`, which has the name of the field in any case; mostly empty. */
  line(first: Buffer, rest: readonly Buffer[]): void;
}

function isMarked(line: Buffer): boolean {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
}

/** The first of two places that are looked for, -1 where there is none. */
function nearer(one: number, other: number): number {
  if (one === -1) return other;
  return other === -1 || one < other ? one : other;
}

/** Cuts an event stream into its lines (WHATWG HTML, event stream interpretation), as bytes and without copying long ones. */
export class SseLines {
  readonly #taker: LineTaker;
  /** The beginning of a line whose end has not come. */
  #held: HeldBytes | undefined;
  /** What has begun means nothing, and is not kept. */
  #isComment = false;
  #afterReturn = false;
  #isFirst = true;
  #stopped = false;

  constructor(taker: LineTaker) {
    this.#taker = taker;
  }

  /** Bytes of the line that has begun. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** No line is wanted any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = undefined;
  }

  feed(bytes: Buffer): void {
    let at = this.#afterReturn ? this.#afterSecond(bytes, 0) : 0;
    let feed = bytes.indexOf(LINE_FEED, at);
    let back = bytes.indexOf(RETURN, at);
    for (let end = nearer(feed, back); end !== -1; end = nearer(feed, back)) {
      this.#end(bytes.subarray(at, end));
      if (this.#stopped) return;
      at = end + 1;
      if (end === back) {
        at = this.#afterSecond(bytes, at);
        back = bytes.indexOf(RETURN, at);
      }
      if (feed !== -1 && feed < at) feed = bytes.indexOf(LINE_FEED, at);
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at));
  }

  /** Past the line feed that belongs to the carriage return before `at`, which may be still to come. */
  #afterSecond(bytes: Buffer, at: number): number {
    this.#afterReturn = at === bytes.length;
    return bytes[at] === LINE_FEED ? at + 1 : at;
  }

  #hold(part: Buffer): void {
    if (this.#isComment) return;
    this.#isComment = this.#held === undefined && part[0] === COLON;
    if (this.#isComment) return;
    this.#held ??= new HeldBytes();
    this.#held.push(part);
  }

  /** A line ends with these bytes. */
  #end(last: Buffer): void {
    const held = this.#held;
    if (this.#isComment) this.#isComment = false;
    else if (held === undefined) this.#line(last, NONE);
    else {
      this.#held = undefined;
      if (last.length > 0) held.push(last);
      const [first = last, ...rest] = held.pieces();
      if (first.length < MAX_NAME_BYTES) this.#line(joined(held.pieces()), NONE);
      else this.#line(first, rest);
    }
  }

  #line(first: Buffer, rest: readonly Buffer[]): void {
    const isMarkedFirst = this.#isFirst && isMarked(first);
    this.#isFirst = false;
    this.#taker.line(isMarkedFirst ? first.subarray(3) : first, rest);
  }
}
