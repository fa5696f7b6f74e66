import type * as NodeZlib from 'node:zlib';

/** Loaded when the first client asks for compressed answers. */
type Zlib = typeof NodeZlib;

/** A list compressed once, as the last blocks of a deflate stream, that others can stand before. */
interface Deflated {
  readonly blocks: Buffer;
  readonly crc: number;
  /** Moves the checksum of what stands before this list past it. */
  readonly shift: number;
}

/** Lists below this many bytes are sent as they are. */
export const MIN_GZIP_BYTES = 1_024;
/** The longest text that one uncompressed block can hold (RFC 1951 §3.2.4). */
const MAX_STORED_BYTES = 65_535;
/** Lists being compressed at the same time; further ones go out as they are. */
const MAX_COMPRESSING = 4;
/** Reflected polynomial of CRC-32 (RFC 1952 §8). */
const POLYNOMIAL = 0xed_b8_83_20;
const ONE = 0x80_00_00_00;
/** Magic, deflate, no flags, no time, no extra, system unknown (RFC 1952 §2.3). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** The product of two polynomials over GF(2), modulo that of CRC-32; bit 31 is x⁰. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x to the power of 2ⁿ, for each n below 32. */
const SQUARES: readonly number[] = (() => {
  const squares = [ONE >>> 1];
  for (let n = 1; n < 32; n += 1) {
    const before = squares[n - 1] ?? 0;
    squares.push(multiply(before, before));
  }
  return squares;
})();

/** What a checksum is multiplied with when so many bytes follow: x to the power of 8 × `byteCount`. */
export function crcShift(byteCount: number): number {
  let shift = ONE;
  let rest = byteCount;
  // 8 is 2³; the powers repeat after 32 of them.
  for (let n = 3; rest > 0; n += 1) {
    if (rest % 2 === 1) shift = multiply(SQUARES[n % 32] ?? 0, shift);
    rest = Math.floor(rest / 2);
  }
  return shift;
}

/** The checksum of two texts after each other, by their checksums. */
export function joinedCrc(before: number, shift: number, crc: number): number {
  return (multiply(shift, before) ^ crc) >>> 0;
}

/** A text as a block of its own, not compressed, that others follow. */
function stored(text: Buffer): Buffer {
  const block = Buffer.allocUnsafe(5 + text.length);
  block[0] = 0;
  block.writeUInt16LE(text.length, 1);
  block.writeUInt16LE(text.length ^ 0xff_ff, 3);
  text.copy(block, 5);
  return block;
}

class ListCompressor {
  readonly #known = new WeakMap<Buffer, Deflated>();
  /** Asked for once: whether it will be again is not known. */
  readonly #seen = new WeakSet<Buffer>();
  readonly #refused = new WeakSet<Buffer>();
  #zlib: Zlib | undefined;
  #compressing = 0;

  parts(head: Buffer, body: Buffer): readonly Buffer[] | undefined {
    if (body.length < MIN_GZIP_BYTES || head.length > MAX_STORED_BYTES) return undefined;
    const known = this.#known.get(body);
    if (known === undefined) {
      // One that is made for each request, or for one client, is never asked for again.
      if (this.#seen.has(body)) this.#compress(body);
      else this.#seen.add(body);
      return undefined;
    }
    const zlib = this.#loaded();
    const end = Buffer.allocUnsafe(8);
    end.writeUInt32LE(joinedCrc(zlib.crc32(head), known.shift, known.crc), 0);
    end.writeUInt32LE((head.length + body.length) >>> 0, 4);
    return [HEADER, stored(head), known.blocks, end];
  }

  #loaded(): Zlib {
    this.#zlib ??= process.getBuiltinModule('node:zlib');
    return this.#zlib;
  }

  /** In the background: whoever asks meanwhile gets the list as it is. */
  #compress(body: Buffer): void {
    if (this.#compressing >= MAX_COMPRESSING || this.#refused.has(body)) return;
    this.#compressing += 1;
    this.#refused.add(body);
    const zlib = this.#loaded();
    const crc = zlib.crc32(body);
    const shift = crcShift(body.length);
    const keep = (error: Error | null, blocks: Buffer): void => {
      this.#compressing -= 1;
      // What cannot be had, or is no smaller, stays among the refused: the list goes out as it is.
      if (error === null && blocks.length < body.length) {
        this.#known.set(body, { blocks, crc, shift });
      }
    };
    zlib.deflateRaw(body, keep);
  }
}

const compressor = new ListCompressor();

/** What clients send is far shorter; one that sends more gets the answer as it is. */
const MAX_ACCEPT_ENCODING = 256;

/** Whether a request takes gzip (RFC 9110 §12.5.3). */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined || acceptEncoding.length > MAX_ACCEPT_ENCODING) return false;
  return /(?:^|[,\s])(?:x-)?gzip\s*(?:;\s*q=(?:1(?:\.0*)?|0?\.\d*[1-9]\d*))?\s*(?:,|$)/i.test(
    acceptEncoding,
  );
}

/**
 * An answer as one gzip stream (RFC 1952), of which only the head is made for each request: the list that ends it is
 * compressed once, in the background, when the same object is sent for the second time, and kept for as long as that is.
 * @returns undefined while there is no compressed list, or when it would not be smaller; the answer then goes as it is.
 */
export function gzipParts(head: Buffer, body: Buffer): readonly Buffer[] | undefined {
  return compressor.parts(head, body);
}
