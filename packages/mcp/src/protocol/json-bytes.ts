import type { Span } from './json-scan.ts';
import { outerObject, type OuterObject } from './outer-members.ts';

const OPEN_BRACE = 0x7b;

/** Where the bytes from `start` to before `end` of a text are, which came in pieces. Nothing is copied. */
function cut(pieces: readonly Buffer[], start: number, end: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.length);
    if (from < to) found.push(piece.subarray(from, to));
    at += piece.length;
  }
  return found;
}

/**
 * A JSON value that is too large to be worth a string: the bytes it came in. Known to be valid, without space around it;
 * not known to be UTF-8 within its strings. As text it is made anew each time somebody asks.
 */
export class JsonBytes {
  readonly pieces: readonly Buffer[];
  readonly length: number;
  #members: { readonly found: readonly Span[] | undefined } | undefined;

  /**
   * @param pieces not empty, and none of them is.
   * @param members of an object whose members are known.
   */
  constructor(pieces: readonly Buffer[], members?: readonly Span[]) {
    this.pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#members = members && { found: members };
  }

  /** An object of a text in pieces. */
  static ofObject(
    pieces: readonly Buffer[],
    from: number,
    { members, end }: OuterObject,
  ): JsonBytes {
    const moved = members.map((span) => {
      return { key: span.key, start: span.start - from, end: span.end - from };
    });
    return new JsonBytes(cut(pieces, from, end), moved);
  }

  /** The value that is from `start` to before `end` of a text in pieces. */
  static within(pieces: readonly Buffer[], start: number, end: number): JsonBytes {
    return new JsonBytes(cut(pieces, start, end));
  }

  /** The same without its first bytes, and others in place of them. */
  withStart(text: string, length: number): JsonBytes {
    return new JsonBytes([Buffer.from(text), ...cut(this.pieces, length, this.length)]);
  }

  /** The members of an object, found once; undefined where they are to be looked for in the text. */
  get members(): readonly Span[] | undefined {
    this.#members ??= { found: outerObject(this.pieces)?.members };
    return this.#members.found;
  }

  /** The bytes from `start` to before `end`, in pieces. */
  cut(start: number, end: number): readonly Buffer[] {
    return cut(this.pieces, start, end);
  }

  /** Those bytes as text. */
  text(start: number, end: number): string {
    return Buffer.concat(this.cut(start, end)).toString('utf8');
  }

  /** Whether a text of ASCII is anywhere in it. */
  includes(text: string): boolean {
    const overlap = text.length - 1;
    let before = Buffer.alloc(0);
    for (const piece of this.pieces) {
      if (piece.includes(text, 0, 'latin1')) return true;
      const seam = Buffer.concat([before, piece.subarray(0, overlap)]);
      if (seam.includes(text, 0, 'latin1')) return true;
      before = Buffer.concat([before, piece.subarray(-overlap)]).subarray(-overlap);
    }
    return false;
  }

  toString(): string {
    const [first] = this.pieces;
    const isOne = this.pieces.length === 1 && first !== undefined;
    return (isOne ? first : Buffer.concat(this.pieces)).toString('utf8');
  }
}

/** Raw JSON: text, or where that is large the bytes it came in. */
export type RawJson = string | JsonBytes;

/** Whether raw JSON is an object, as every result and error is. */
export function isObjectJson(raw: RawJson): boolean {
  if (typeof raw !== 'string') return raw.pieces[0]?.[0] === OPEN_BRACE;
  return raw.charCodeAt(0) === OPEN_BRACE || /^\s*\{/.test(raw);
}
