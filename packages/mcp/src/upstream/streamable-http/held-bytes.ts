/** Smaller pieces are copied together: each is an object, and holds on to all that was read with it. */
const MIN_PIECE_BYTES = 1_024;
/** So many are kept as they are nevertheless: most bodies are one or two. */
const FREE_PIECES = 8;
const BLOCK_BYTES = 16_384;

/** Bytes that are kept as they come, without a copy where there are many in a piece. */
export class HeldBytes {
  readonly #pieces: Buffer[] = [];
  #length = 0;
  /** Where small pieces are copied to; what is before `#from` is among the pieces, before `#to` not yet. */
  #block: Buffer | undefined;
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#pieces.length >= FREE_PIECES && bytes.length < MIN_PIECE_BYTES) {
      this.#copy(bytes);
      return;
    }
    this.#flush();
    this.#pieces.push(bytes);
  }

  /** All of it, in order. */
  pieces(): readonly Buffer[] {
    this.#flush();
    return this.#pieces;
  }

  #copy(bytes: Buffer): void {
    if (this.#block === undefined || this.#to + bytes.length > this.#block.length) {
      this.#flush();
      this.#block = Buffer.allocUnsafe(BLOCK_BYTES);
      this.#from = 0;
      this.#to = 0;
    }
    this.#to += bytes.copy(this.#block, this.#to);
  }

  #flush(): void {
    if (this.#block === undefined || this.#from === this.#to) return;
    this.#pieces.push(this.#block.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

/** Pieces as one; mostly there is but one. */
export function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
}
