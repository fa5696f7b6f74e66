/**
 * Finds the members of JSON text without building values, so that what we do not route by can be passed on
 * letter for letter (numbers, key order and unknown keys included). Every function expects text that
 * `JSON.parse` has accepted: validity is the parser's job, position is ours.
 */

/** One member of an object, or one element of an array (then `key` is its index). */
export interface Span {
  readonly key: string;
  /** Where the value starts. */
  readonly start: number;
  /** One past where the value ends. */
  readonly end: number;
}

/** Thrown when an object has more members than allowed; `code` is stable. */
export class JsonMembersError extends Error {
  readonly code = 'JSON_TOO_MANY_MEMBERS';
  constructor(maxMembers: number) {
    super(`an object has more than ${maxMembers} members`);
    this.name = 'JsonMembersError';
  }
}

/** Thrown when a value nests deeper than allowed; `code` is stable. */
export class JsonDepthError extends Error {
  readonly code = 'JSON_TOO_DEEP';
  constructor(maxDepth: number) {
    super(`JSON nests deeper than ${maxDepth} levels`);
    this.name = 'JsonDepthError';
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The first position at or after `at` that is not white space. */
export function skipSpace(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i;
    i += 1;
  }
}

/** One past the closing quote of the string that starts at `at`. */
function stringEnd(text: string, at: number): number {
  return closingQuote(text, at) + 1;
}

/** One past the end of the object or array that starts at `at`. */
function containerEnd(text: string, at: number, maxDepth: number): number {
  let depth = 0;
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = stringEnd(text, i);
      continue;
    }
    i += 1;
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1;
      if (depth > maxDepth) throw new JsonDepthError(maxDepth);
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
}

/** One past the end of the value that starts at `at`. */
export function valueEnd(text: string, at: number, maxDepth: number = Infinity): number {
  const c = text.charCodeAt(at);
  if (c === QUOTE) return stringEnd(text, at);
  if (c === OPEN_BRACE || c === OPEN_BRACKET) return containerEnd(text, at, maxDepth);
  let i = at + 1;
  for (;;) {
    const d = text.charCodeAt(i);
    const literal =
      d > 0x20 && d !== COMMA && d !== CLOSE_BRACE && d !== CLOSE_BRACKET && !Number.isNaN(d);
    if (!literal) return i;
    i += 1;
  }
}

function keyAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end))) : raw;
}

/**
 * The members of the object that starts at `at` (white space before it is skipped), in order, duplicates
 * included; an empty list when the value there is no object.
 */
export function objectMembers(
  text: string,
  at: number = 0,
  maxDepth: number = Infinity,
  maxMembers: number = Infinity,
): Span[] {
  const members: Span[] = [];
  let i = skipSpace(text, at);
  if (text.charCodeAt(i) !== OPEN_BRACE) return members;
  i = skipSpace(text, i + 1);
  while (text.charCodeAt(i) !== CLOSE_BRACE) {
    const keyEnd = stringEnd(text, i);
    const key = keyAt(text, i, keyEnd);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start, maxDepth);
    if (members.length >= maxMembers) throw new JsonMembersError(maxMembers);
    members.push({ key, start, end });
    i = skipSpace(text, end);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  return members;
}

/**
 * The elements of the array that starts at `at`, in order, the first `maxElements` of them; an empty list when the value
 * there is no array.
 */
export function arrayElements(
  text: string,
  at: number = 0,
  maxDepth: number = Infinity,
  maxElements: number = Infinity,
): Span[] {
  const elements: Span[] = [];
  let i = skipSpace(text, at);
  if (text.charCodeAt(i) !== OPEN_BRACKET) return elements;
  i = skipSpace(text, i + 1);
  while (text.charCodeAt(i) !== CLOSE_BRACKET && elements.length < maxElements) {
    const end = valueEnd(text, i, maxDepth);
    elements.push({ key: String(elements.length), start: i, end });
    i = skipSpace(text, end);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  return elements;
}

/** The first member with that key, or undefined. */
export function findMember(members: readonly Span[], key: string): Span | undefined {
  return members.find((member) => member.key === key);
}

/** `text` with the value at `span` replaced by `raw`. */
export function replaceSpan(text: string, span: Span, raw: string): string {
  return text.slice(0, span.start) + raw + text.slice(span.end);
}

/**
 * Whether text that may not even be JSON opens more than `maxDepth` brackets at a time: `JSON.parse` takes any depth, and
 * hundreds of milliseconds for millions of levels.
 */
export function nestsDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = closingQuote(text, i);
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return false;
}

/** Shorter strings than this are looked through sooner than a search begins. */
const SHORT_STRING = 24;

/** Where the string that starts at `at` ends, or the end of the text when it does not. */
export function closingQuote(text: string, at: number): number {
  const near = Math.min(text.length, at + SHORT_STRING);
  for (let i = at + 1; i < near; i += 1) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i += 1;
    else if (c === QUOTE) return i;
  }
  for (let i = text.indexOf('"', at + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let slashes = 0;
    while (text.charCodeAt(i - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return i;
  }
  return text.length;
}
