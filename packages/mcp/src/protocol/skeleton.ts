import { afterKey, skipSpace, type ByteText } from './byte-scan.ts';
import { afterValue } from './byte-value.ts';
import { MAX_MEMBERS, PARSE_DEPTH } from './json-rpc.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** The objects of a message whose keys the protocol knows. */
export type SkeletonLevel = 'message' | 'params' | 'meta';

/** The key, as JSON, of the member that is the next level, and how deep the values of a level may nest (`ParseLimits`). */
const LEVELS: Readonly<
  Record<
    SkeletonLevel,
    { readonly next: SkeletonLevel | undefined; readonly key: Buffer; readonly depth: number }
  >
> = {
  message: { next: 'params', key: Buffer.from('"params"'), depth: 64 },
  params: { next: 'meta', key: Buffer.from('"_meta"'), depth: 63 },
  meta: { next: undefined, key: Buffer.from(''), depth: 62 },
};

/** A large array or object that is left out of a skeleton. */
export interface Hole {
  readonly level: SkeletonLevel;
  readonly key: string;
  /** Where it starts in the bytes. */
  readonly start: number;
  /** One past its end. */
  readonly end: number;
}

/** A message as text, with an empty array or object in place of each large one. */
export interface Skeleton {
  readonly text: string;
  readonly holes: readonly Hole[];
  /** Something nests deeper than a message may. */
  readonly isTooDeep: boolean;
}

class SkeletonBuilder {
  readonly #whole: ByteText;
  readonly #holeBytes: number;
  readonly #holes: Hole[] = [];
  #text = '';
  /** Up to here it is in the text, or left out. */
  #done = 0;
  #isTooDeep = false;

  constructor(whole: ByteText, holeBytes: number) {
    this.#whole = whole;
    this.#holeBytes = holeBytes;
  }

  build(): Skeleton | undefined {
    const { bytes } = this.#whole;
    const start = skipSpace(bytes, 0);
    const end = bytes[start] === OPEN_BRACE ? this.#walk(start, 'message') : -1;
    if (end === -1 || skipSpace(bytes, end) !== bytes.length) return undefined;
    this.#copyTo(bytes.length);
    return { text: this.#text, holes: this.#holes, isTooDeep: this.#isTooDeep };
  }

  /** One past the object at `from`; -1 where that is no JSON. */
  #walk(from: number, level: SkeletonLevel): number {
    const { bytes } = this.#whole;
    let i = skipSpace(bytes, from + 1);
    if (bytes[i] === CLOSE_BRACE) return i + 1;
    /** Where it has as many members as it takes to refuse it. */
    let surplus = -1;
    for (let count = 1; ; count += 1) {
      i = surplus === -1 ? this.#member(i, level) : this.#skip(i);
      if (i === -1) return -1;
      if (count === MAX_MEMBERS + 1) surplus = i;
      i = skipSpace(bytes, i);
      if (bytes[i] === CLOSE_BRACE) {
        if (surplus !== -1) this.#leaveOut(surplus, i, '');
        return i + 1;
      }
      if (bytes[i] !== COMMA) return -1;
      i = skipSpace(bytes, i + 1);
    }
  }

  #skip(from: number): number {
    const value = afterKey(this.#whole, from);
    return value === -1 ? -1 : afterValue(this.#whole, value, PARSE_DEPTH);
  }

  /** One past the member whose key is at `from`. */
  #member(from: number, level: SkeletonLevel): number {
    const { bytes } = this.#whole;
    const value = afterKey(this.#whole, from);
    if (value === -1) return -1;
    const first = bytes[value];
    const { next, key } = LEVELS[level];
    const isKey = next !== undefined && bytes.subarray(from, from + key.length).equals(key);
    if (isKey && first === OPEN_BRACE) return this.#walk(value, next);
    const end = this.#afterValue(value, level);
    const isContainer = first === OPEN_BRACE || first === OPEN_BRACKET;
    if (end - value > this.#holeBytes && isContainer) this.#cut(from, { level, start: value, end });
    return end;
  }

  #afterValue(from: number, level: SkeletonLevel): number {
    const { depth } = LEVELS[level];
    const end = afterValue(this.#whole, from, depth);
    if (end !== -1) return end;
    // What is only too deep is told so, under the id of its request.
    const deeper = afterValue(this.#whole, from, PARSE_DEPTH - 65 + depth);
    this.#isTooDeep ||= deeper !== -1;
    return deeper;
  }

  #cut(keyStart: number, { level, start, end }: Omit<Hole, 'key'>): void {
    const { bytes } = this.#whole;
    const keyEnd = bytes.indexOf('"', keyStart + 1);
    const key = bytes.subarray(keyStart + 1, keyEnd);
    // A key that is written in an odd way is looked at as a whole.
    if (key.includes(BACKSLASH)) return;
    this.#holes.push({ level, key: key.toString('utf8'), start, end });
    this.#leaveOut(start, end, bytes[start] === OPEN_BRACE ? '{}' : '[]');
  }

  #leaveOut(start: number, end: number, standIn: string): void {
    this.#copyTo(start);
    this.#text += standIn;
    this.#done = end;
  }

  #copyTo(end: number): void {
    this.#text += this.#whole.bytes.toString('utf8', this.#done, end);
    this.#done = end;
  }
}

/**
 * Looks through a large message as strictly as `JSON.parse`, so that all but its large values can be read as text.
 * @param holeBytes larger arrays and objects are left out.
 * @returns undefined for what is no JSON object, or nests deeper than is looked at.
 */
export function skeletonOf(whole: ByteText, holeBytes: number): Skeleton | undefined {
  return new SkeletonBuilder(whole, holeBytes).build();
}
