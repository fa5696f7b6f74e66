/**
 * As `json-strict.ts` over UTF-8 bytes, for texts so long that a string of them would cost more than looking at them: finds
 * the end of JSON values, as strict as `JSON.parse`, building nothing. -1 stands for bytes that are no JSON.
 */

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
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

/** Longer strings than this are looked through four bytes at a time. */
const SHORT_STRING = 24;

/** The bytes of one text, which are known to be UTF-8. */
export interface ByteText {
  readonly bytes: Buffer;
  /** The same four at a time, from the first that can be read so. */
  readonly words: Int32Array;
  readonly wordsFrom: number;
}

export function byteText(bytes: Buffer): ByteText {
  const wordsFrom = (4 - (bytes.byteOffset & 3)) & 3;
  const count = Math.max(0, bytes.length - wordsFrom) >>> 2;
  const offset = count === 0 ? 0 : bytes.byteOffset + wordsFrom;
  return { bytes, words: new Int32Array(bytes.buffer, offset, count), wordsFrom };
}

/** The first position at or after `from` that is not white space. */
export function skipSpace(bytes: Buffer, from: number): number {
  let i = from;
  while (SPACE[bytes[i] ?? 0] === 1) i += 1;
  return i;
}

/**
 * The first word at or after `from` with a byte that a string does not have as it is, or the end (Mycroft's test for a zero
 * byte, three times; in one function because a call for each word would take as long again).
 */
function afterPlainWords(words: Int32Array, from: number): number {
  const count = words.length;
  let i = from;
  while (i < count) {
    const word = words[i] ?? 0;
    const quote = word ^ 0x22222222;
    const backslash = word ^ 0x5c5c5c5c;
    const found =
      ((word - 0x20202020) & ~word) |
      ((quote - 0x01010101) & ~quote) |
      ((backslash - 0x01010101) & ~backslash);
    if ((found & 0x80808080) !== 0) return i;
    i += 1;
  }
  return i;
}

/** The first position at or after `from` of what a string does not have as it is, or the end. */
function afterPlain({ bytes, words, wordsFrom }: ByteText, from: number): number {
  const word = (from - wordsFrom + 3) >> 2;
  const aligned = Math.min(wordsFrom + word * 4, bytes.length);
  let i = from;
  while (i < aligned && PLAIN[bytes[i] ?? 0] === 1) i += 1;
  if (i < aligned) return i;
  i = Math.max(i, wordsFrom + afterPlainWords(words, word) * 4);
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

/** One past the string whose opening quote is at `from`. */
function afterString(text: ByteText, from: number): number {
  const { bytes } = text;
  let i = from + 1;
  for (;;) {
    const near = i + SHORT_STRING;
    while (i < near && PLAIN[bytes[i] ?? 0] === 1) i += 1;
    if (i === near) i = afterPlain(text, i);
    const c = bytes[i];
    if (c === QUOTE) return i + 1;
    // Also past the end, where there is no byte.
    if (c !== BACKSLASH) return -1;
    i = afterEscape(bytes, i);
    if (i === -1) return -1;
  }
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

/** One past the members or elements of the container at `from`; `close` is its last byte. */
function afterContainer(text: ByteText, from: number, close: number, depth: number): number {
  const { bytes } = text;
  const keyed = close === CLOSE_BRACE;
  let i = skipSpace(bytes, from + 1);
  if (bytes[i] === close) return i + 1;
  for (;;) {
    if (keyed) i = afterKey(text, i);
    // At -1 there is no value either.
    i = afterValue(text, i, depth);
    if (i === -1) return -1;
    let c = bytes[i] ?? 0;
    if (c <= 0x20) {
      i = skipSpace(bytes, i);
      c = bytes[i] ?? 0;
    }
    if (c === close) return i + 1;
    if (c !== COMMA) return -1;
    i += 1;
    if ((bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i);
  }
}

/** As `afterValue`, of what is no container. */
function afterScalar(text: ByteText, from: number): number {
  const { bytes } = text;
  const c = bytes[from] ?? 0;
  if (c === QUOTE) return afterString(text, from);
  return c === MINUS || DIGIT[c] === 1 ? afterNumber(bytes, from) : afterLiteral(bytes, from);
}

/** One past the value that starts at `from`; -1 as well where it nests deeper than `depth` levels. */
export function afterValue(text: ByteText, from: number, depth: number): number {
  const c = text.bytes[from] ?? 0;
  if (c === OPEN_BRACE || c === OPEN_BRACKET) {
    // Each closes with the byte two after its own.
    return depth <= 0 ? -1 : afterContainer(text, from, c + 2, depth - 1);
  }
  return afterScalar(text, from);
}

/**
 * Whether bytes that may not even be JSON open more than `maxDepth` brackets at a time, as `nestsDeeper` says of text.
 */
export function bytesNestDeeper(bytes: Buffer, maxDepth: number): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const c = bytes[i];
    if (c === QUOTE) {
      i = closingQuote(bytes, i);
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return false;
}

/** Where the string that starts at `from` ends, or the end of the bytes when it does not. */
function closingQuote(bytes: Buffer, from: number): number {
  for (let i = from + 1; i < bytes.length; i += 1) {
    if (bytes[i] === BACKSLASH) i += 1;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}
