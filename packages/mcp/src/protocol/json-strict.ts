import { closingQuote } from './json-scan.ts';

/**
 * Finds the end of JSON values and judges each character on the way, as strictly as `JSON.parse` and building nothing.
 * -1 stands for text that is no JSON.
 */

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const COMMA = 0x2c;
const COLON = 0x3a;

/** What may follow a backslash, beside `u`. */
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

/** The first position at or after `at` that is not white space. */
export function afterSpace(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) return i;
    i += 1;
  }
}

function isHex(c: number): boolean {
  return (c >= ZERO && c <= NINE) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

/** One past the escape whose backslash is at `at`. */
function afterEscape(text: string, at: number): number {
  const c = text.charCodeAt(at + 1);
  if (ESCAPED.has(c)) return at + 2;
  if (c !== SMALL_U) return -1;
  for (let i = at + 2; i < at + 6; i += 1) if (!isHex(text.charCodeAt(i))) return -1;
  return at + 6;
}

/** Longer strings than this are for native searches, which take a fifth of the time. */
const SHORT_STRING = 64;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const SPECIAL = /[\\\u0000-\u001f]/;

/** One past the string whose opening quote is at `at`. */
export function afterString(text: string, at: number): number {
  const near = at + SHORT_STRING;
  let i = at + 1;
  while (i < near) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i + 1;
    // Also past the end, where there is no number.
    if (!(c >= 0x20)) return -1;
    if (c === BACKSLASH) {
      i = afterEscape(text, i);
      if (i === -1) return -1;
    } else {
      i += 1;
    }
  }
  return afterLongString(text, at, i);
}

/** As `afterString`, where nothing is wrong before `from`. */
function afterLongString(text: string, at: number, from: number): number {
  const plainEnd = text.indexOf('"', from);
  if (plainEnd === -1) return -1;
  if (!SPECIAL.test(text.slice(from, plainEnd))) return plainEnd + 1;
  const end = closingQuote(text, at) + 1;
  try {
    JSON.parse(text.slice(at, end));
    return end;
  } catch {
    // No string, which is all that was asked.
    return -1;
  }
}

function afterDigits(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (!(c >= ZERO && c <= NINE)) return i;
    i += 1;
  }
}

/** One past the number that starts at `at`. */
function afterNumber(text: string, at: number): number {
  const whole = text.charCodeAt(at) === MINUS ? at + 1 : at;
  let i = text.charCodeAt(whole) === ZERO ? whole + 1 : afterDigits(text, whole);
  if (i === whole) return -1;
  if (text.charCodeAt(i) === 0x2e) {
    const end = afterDigits(text, i + 1);
    if (end === i + 1) return -1;
    i = end;
  }
  const e = text.charCodeAt(i);
  if (e !== 0x65 && e !== 0x45) return i;
  const sign = text.charCodeAt(i + 1);
  const digits = sign === 0x2b || sign === MINUS ? i + 2 : i + 1;
  const end = afterDigits(text, digits);
  return end === digits ? -1 : end;
}

function afterLiteral(text: string, at: number): number {
  if (text.startsWith('true', at) || text.startsWith('null', at)) return at + 4;
  return text.startsWith('false', at) ? at + 5 : -1;
}

/** Where the value begins whose key is at `at`. */
function afterKey(text: string, at: number): number {
  const end = text.charCodeAt(at) === QUOTE ? afterString(text, at) : -1;
  if (end === -1) return -1;
  const colon = text.charCodeAt(end) === COLON ? end : afterSpace(text, end);
  if (text.charCodeAt(colon) !== COLON) return -1;
  return text.charCodeAt(colon + 1) > 0x20 ? colon + 1 : afterSpace(text, colon + 1);
}

/** One past the members or elements of the container at `at`; `close` is its last character. */
function afterContainer(text: string, at: number, close: number, depth: number): number {
  const keyed = close === 0x7d;
  let i = afterSpace(text, at + 1);
  if (text.charCodeAt(i) === close) return i + 1;
  for (;;) {
    if (keyed) {
      i = afterKey(text, i);
      if (i === -1) return -1;
    }
    i = afterValue(text, i, depth);
    if (i === -1) return -1;
    let c = text.charCodeAt(i);
    if (c <= 0x20) {
      i = afterSpace(text, i);
      c = text.charCodeAt(i);
    }
    if (c === close) return i + 1;
    if (c !== COMMA) return -1;
    i += 1;
    if (text.charCodeAt(i) <= 0x20) i = afterSpace(text, i);
  }
}

/** One past the value that starts at `at`; -1 as well where it nests deeper than `depth` levels. */
export function afterValue(text: string, at: number, depth: number): number {
  const c = text.charCodeAt(at);
  if (c === QUOTE) return afterString(text, at);
  if (c === OPEN_BRACE || c === OPEN_BRACKET) {
    // Each closes with the character two after its own.
    return depth <= 0 ? -1 : afterContainer(text, at, c + 2, depth - 1);
  }
  return c === MINUS || (c >= ZERO && c <= NINE) ? afterNumber(text, at) : afterLiteral(text, at);
}
