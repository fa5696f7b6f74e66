import type { ContainerScan } from './container-scan.ts';

/**
 * As `json-strict.ts` over UTF-8 bytes, for texts so long that a string of them would cost more than looking at them: finds
 * the end of JSON values, as strict as `JSON.parse`, building nothing. -1 stands for bytes that are no JSON.
 */

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
const COLON = 0x3a;

function table(bytes: Iterable<number>): Uint8Array {
  const found = new Uint8Array(256);
  for (const byte of bytes) found[byte] = 1;
  return found;
}

/** What may stand in a string as it is. */
const PLAIN = table(
  Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH,
  ),
);
const SPACE = table(Buffer.from(' \n\r\t'));
const DIGIT = table(Buffer.from('0123456789'));
const HEX = table(Buffer.from('0123456789abcdefABCDEF'));
/** What may follow a backslash, beside `u`. */
const ESCAPED = table(Buffer.from('"\\/bfnrt'));

/** Shorter strings than this are sooner looked through byte by byte. */
const SHORT_STRING = 24;
/** Longer runs than this are looked for by the runtime, which takes sixteen bytes at a time but some time to begin. */
const NEAR_BYTES = 256;

/** Where a byte was found: the first of its kind at or after every position from `from` to `at`. */
interface Found {
  from: number;
  at: number;
}

/** The bytes of one text, which are known to be UTF-8. */
export interface ByteText {
  readonly bytes: Buffer;
  /** The same, to be read four at a time. */
  readonly view: DataView;
  readonly quote: Found;
  readonly backslash: Found;
  /** What finds the ends of its arrays and objects faster, where there is such a thing. */
  readonly containers: ContainerScan | undefined;
}

export function byteText(bytes: Buffer, containers?: ContainerScan): ByteText {
  return {
    containers,
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    quote: { from: 0, at: -1 },
    backslash: { from: 0, at: -1 },
  };
}

/** The first such byte at or after `from`, or the end. Remembered, so that a text is searched once. */
function firstOf(found: Found, bytes: Buffer, byte: number, from: number): number {
  if (from >= found.from && from <= found.at) return found.at;
  const at = bytes.indexOf(byte, from);
  found.from = from;
  found.at = at === -1 ? bytes.length : at;
  return found.at;
}

/** The first position at or after `from` that is not white space. */
export function skipSpace(bytes: Buffer, from: number): number {
  let i = from;
  while (SPACE[bytes[i] ?? 0] === 1) i += 1;
  return i;
}

/** Whether one of four bytes is below 0x20; exact in its lowest set bit (Mycroft's test for a zero byte). */
const CONTROLS = 0x20202020;
const ONES = 0x01010101;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const HIGH_BITS = 0x80808080;

/** The first position from `from` to before `to` of a byte below 0x20, or `to` at most. */
function afterText({ view, bytes }: ByteText, from: number, to: number): number {
  let i = from;
  const last = to - 32;
  while (i <= last) {
    const a = view.getInt32(i, true);
    const b = view.getInt32(i + 4, true);
    const c = view.getInt32(i + 8, true);
    const d = view.getInt32(i + 12, true);
    const e = view.getInt32(i + 16, true);
    const f = view.getInt32(i + 20, true);
    const g = view.getInt32(i + 24, true);
    const h = view.getInt32(i + 28, true);
    const found =
      ((a - CONTROLS) & ~a) |
      ((b - CONTROLS) & ~b) |
      ((c - CONTROLS) & ~c) |
      ((d - CONTROLS) & ~d) |
      ((e - CONTROLS) & ~e) |
      ((f - CONTROLS) & ~f) |
      ((g - CONTROLS) & ~g) |
      ((h - CONTROLS) & ~h);
    if ((found & HIGH_BITS) !== 0) break;
    i += 32;
  }
  while (i < to && (bytes[i] ?? 0) >= 0x20) i += 1;
  return i;
}

/** The first position at or after `from` of what a string does not have as it is, or the end. */
function afterPlain(text: ByteText, from: number): number {
  const { bytes, view } = text;
  const last = Math.min(bytes.length - 4, from + NEAR_BYTES);
  let i = from;
  while (i <= last) {
    const word = view.getInt32(i, true);
    const quote = word ^ QUOTES;
    const backslash = word ^ BACKSLASHES;
    const found =
      (((word - CONTROLS) & ~word) |
        ((quote - ONES) & ~quote) |
        ((backslash - ONES) & ~backslash)) &
      HIGH_BITS;
    // The lowest bit that is set is in the first such byte.
    if (found !== 0) return i + ((31 - Math.clz32(found & -found)) >> 3);
    i += 4;
  }
  if (i > from + NEAR_BYTES) {
    const quote = firstOf(text.quote, bytes, QUOTE, i);
    return afterText(text, i, Math.min(quote, firstOf(text.backslash, bytes, BACKSLASH, i)));
  }
  while (i < bytes.length && PLAIN[bytes[i] ?? 0] === 1) i += 1;
  return i;
}

/** One past the escape whose backslash is at `from`. */
function afterEscape(bytes: Buffer, from: number): number {
  const c = bytes[from + 1] ?? 0;
  if (ESCAPED[c] === 1) return from + 2;
  if (c !== SMALL_U) return -1;
  for (let i = from + 2; i < from + 6; i += 1) if (HEX[bytes[i] ?? 0] !== 1) return -1;
  return from + 6;
}

/** One past the string of which everything before `from` is known; long, or with escapes. */
function afterRest(text: ByteText, from: number): number {
  const { bytes } = text;
  let i = from;
  for (;;) {
    i = afterPlain(text, i);
    const c = bytes[i];
    if (c === QUOTE) return i + 1;
    // Also past the end, where there is no byte.
    if (c !== BACKSLASH) return -1;
    i = afterEscape(bytes, i);
    if (i === -1) return -1;
  }
}

/** One past the string whose opening quote is at `from`. Small, so that it is a part of whoever calls it. */
function afterString(text: ByteText, from: number): number {
  const { bytes } = text;
  const near = from + SHORT_STRING;
  let i = from + 1;
  while (PLAIN[bytes[i] ?? 0] === 1 && i < near) i += 1;
  return bytes[i] === QUOTE ? i + 1 : afterRest(text, i);
}

function afterDigits(bytes: Buffer, from: number): number {
  let i = from;
  while (DIGIT[bytes[i] ?? 0] === 1) i += 1;
  return i;
}

function afterNumber(bytes: Buffer, from: number): number {
  const whole = bytes[from] === MINUS ? from + 1 : from;
  let i = bytes[whole] === ZERO ? whole + 1 : afterDigits(bytes, whole);
  if (i === whole) return -1;
  if (bytes[i] === 0x2e) {
    const end = afterDigits(bytes, i + 1);
    if (end === i + 1) return -1;
    i = end;
  }
  if (bytes[i] !== 0x65 && bytes[i] !== 0x45) return i;
  const sign = bytes[i + 1];
  const digits = sign === 0x2b || sign === MINUS ? i + 2 : i + 1;
  const end = afterDigits(bytes, digits);
  return end === digits ? -1 : end;
}

function afterLiteral(bytes: Buffer, from: number): number {
  const c = bytes[from];
  if (c === 0x74)
    return are(bytes, from + 1, 0x72, 0x75) && bytes[from + 3] === 0x65 ? from + 4 : -1;
  if (c === 0x6e)
    return are(bytes, from + 1, 0x75, 0x6c) && bytes[from + 3] === 0x6c ? from + 4 : -1;
  return c === 0x66 && are(bytes, from + 1, 0x61, 0x6c) && are(bytes, from + 3, 0x73, 0x65)
    ? from + 5
    : -1;
}
/** Whether two bytes are these. */
function are(bytes: Buffer, from: number, a: number, b: number): boolean {
  return bytes[from] === a && bytes[from + 1] === b;
}

/** Where the value begins whose key is at `from`; -1 where there is no key, or no colon after it. */
export function afterKey(text: ByteText, from: number): number {
  const { bytes } = text;
  if (bytes[from] !== QUOTE) return -1;
  let i = afterString(text, from);
  if (i === -1) return -1;
  if (bytes[i] !== COLON) i = skipSpace(bytes, i);
  if (bytes[i] !== COLON) return -1;
  i += 1;
  return (bytes[i] ?? 0) > 0x20 ? i : skipSpace(bytes, i);
}

/** As `afterValue`, of what is no container. */
export function afterScalar(text: ByteText, from: number): number {
  const { bytes } = text;
  const c = bytes[from] ?? 0;
  if (c === QUOTE) return afterString(text, from);
  return c === MINUS || DIGIT[c] === 1 ? afterNumber(bytes, from) : afterLiteral(bytes, from);
}
