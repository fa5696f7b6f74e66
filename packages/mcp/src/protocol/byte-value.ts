import { afterKey, afterScalar, skipSpace, type ByteText } from './byte-scan.ts';
import { PARSE_DEPTH } from './json-rpc.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** What is open around a place, by the bytes that close it. One list for all: nothing else runs meanwhile. */
const closers = new Uint8Array(PARSE_DEPTH + 1);

/** One past the container at `from`; container-scan.wat does the same. */
// oxlint-disable-next-line complexity -- in one loop many small values take 1.36 ms a megabyte, with a call for each 1.66 ms
function afterContainer(text: ByteText, from: number, depth: number): number {
  const { bytes } = text;
  let open = 0;
  let close = 0;
  let i = from;
  for (;;) {
    const c = bytes[i] ?? 0;
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (open >= depth) return -1;
      closers[open] = close;
      open += 1;
      // Each closes with the byte two after its own.
      close = c + 2;
      i += 1;
      if ((bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i);
      if (bytes[i] !== close) {
        // At -1, where there is no key, is no value either.
        i = c === OPEN_BRACE ? afterKey(text, i) : i;
        continue;
      }
    } else {
      i = afterScalar(text, i);
      if (i === -1) return -1;
    }
    for (;;) {
      let after = bytes[i] ?? 0;
      if (after <= 0x20) {
        i = skipSpace(bytes, i);
        after = bytes[i] ?? 0;
      }
      i += 1;
      if (after === COMMA) break;
      if (after !== close) return -1;
      open -= 1;
      if (open === 0) return i;
      close = closers[open] ?? 0;
    }
    if ((bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i);
    if (close === CLOSE_BRACE) i = afterKey(text, i);
  }
}

/** One past the value that starts at `from`; -1 as well where it nests deeper than `depth` levels. */
export function afterValue(text: ByteText, from: number, depth: number): number {
  const c = text.bytes[from] ?? 0;
  if (c !== OPEN_BRACE && c !== OPEN_BRACKET) return afterScalar(text, from);
  return text.containers?.after(from, depth) ?? afterContainer(text, from, depth);
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
