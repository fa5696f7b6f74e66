import { HeldBytes, joined } from './held-bytes.ts';

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const COLON = 0x3a;
/** A byte order mark, the longest name of a field, its colon and the space after that. */
const MAX_NAME_BYTES = 10;
const NONE: readonly Buffer[] = [];

/** Takes the lines of a stream, without what ends them. */
export interface LineTaker {
  /**
   * The line is from `start` to before `end`; it is told so because a view of each line would cost more than reading it.
   * @param rest what comes after that, of a line in pieces; the first has the name of the field in any case.
   */
  line(bytes: Buffer, start: number, end: number, rest: readonly Buffer[]): void;
}

/** A byte order mark. */
const MARK: readonly number[] = [0xef, 0xbb, 0xbf];

function isMarked(bytes: Buffer, start: number): boolean {
  return MARK.every((byte, index) => bytes[start + index] === byte);
}

/** The first of two places that are looked for, -1 where there is none. */
function nearer(one: number, other: number): number {
  if (one === -1) return other;
  return other === -1 || one < other ? one : other;
}

/** Where a byte is from `at` on; a stream of line ends alone would otherwise be a search for each. */
export function nextByte(bytes: Buffer, byte: number, at: number): number {
  return bytes[at] === byte ? at : bytes.indexOf(byte, at);
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
      this.#end(bytes, at, end);
      if (this.#stopped) return;
      at = end + 1;
      if (end === back) {
        at = this.#afterSecond(bytes, at);
        back = nextByte(bytes, RETURN, at);
      }
      if (feed !== -1 && feed < at) feed = nextByte(bytes, LINE_FEED, at);
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

  /** A line ends with the bytes from `start` to before `end`. */
  #end(bytes: Buffer, start: number, end: number): void {
    const held = this.#held;
    if (this.#isComment) {
      this.#isComment = false;
      this.#isFirst = false;
    } else if (held === undefined) this.#line(bytes, start, end, NONE);
    else {
      this.#held = undefined;
      if (start < end) held.push(bytes.subarray(start, end));
      const pieces = held.pieces();
      const [first, ...rest] = pieces;
      if (first === undefined || first.length < MAX_NAME_BYTES) {
        const whole = joined(pieces);
        this.#line(whole, 0, whole.length, NONE);
      } else {
        this.#line(first, 0, first.length, rest);
      }
    }
  }

  #line(bytes: Buffer, start: number, end: number, rest: readonly Buffer[]): void {
    const isMarkedFirst = this.#isFirst && end - start >= MARK.length && isMarked(bytes, start);
    this.#isFirst = false;
    this.#taker.line(bytes, isMarkedFirst ? start + MARK.length : start, end, rest);
  }
}
