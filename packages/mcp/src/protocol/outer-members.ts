import { containerScan } from './container-scan.ts';
import type { Span } from './json-scan.ts';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** How much is looked at where a member begins: its key, and its value unless that is an array or an object. */
const WINDOW_BYTES = 1_024;
/** Objects with more members than this are for text. */
const MAX_MEMBERS = 32;
/** Deeper objects are for text. */
const MAX_DEPTH = 999;

/** What stands before a value, and its key: plain ASCII without escapes. */
const FIRST_KEY = /^[ \t\n\r]*"([\x20\x21\x23-\x5b\x5d-\x7e]*)"[ \t\n\r]*:[ \t\n\r]*/;
const NEXT_KEY = /^[ \t\n\r]*,[ \t\n\r]*"([\x20\x21\x23-\x5b\x5d-\x7e]*)"[ \t\n\r]*:[ \t\n\r]*/;
/** A text, a number or a word, and what stands behind it. */
const SMALL_VALUE =
  /("(?:[\x20\x21\x23-\x5b\x5d-\xff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)[ \t\n\r,}]/y;
const LAST = /^[ \t\n\r]*\}/;

/** The bytes from a place of a text in pieces, as many as are looked at, one character each. */
function windowAt(pieces: readonly Buffer[], from: number): string {
  let text = '';
  let start = 0;
  for (const piece of pieces) {
    const at = Math.max(from - start, 0);
    const left = WINDOW_BYTES - text.length;
    if (at < piece.length) text += piece.toString('latin1', at, at + left);
    if (text.length >= WINDOW_BYTES) break;
    start += piece.length;
  }
  return text;
}

function isContainer(window: string, at: number): boolean {
  const c = window.charCodeAt(at);
  return c === OPEN_BRACE || c === OPEN_BRACKET;
}

/** How long the value is that begins there; less than nothing where that is not to be seen. */
function smallValue(window: string, from: number): number {
  SMALL_VALUE.lastIndex = from;
  return SMALL_VALUE.exec(window)?.[1]?.length ?? -Infinity;
}

/** An object within a text: its members, and one past its end. */
export interface OuterObject {
  readonly members: readonly Span[];
  readonly end: number;
}

/**
 * The members of a large object, as `objectMembers` has them of text, and as strict as `JSON.parse`; places are those of
 * bytes, and only arrays and objects may be long.
 * @param pieces UTF-8, in pieces.
 * @param from where its brace is. Default: 0.
 * @returns undefined for what is to be read in another way: it is no JSON, has many members, long texts, keys written in an
 * odd way, or nests deep; or there is no WebAssembly.
 */
export function outerObject(pieces: readonly Buffer[], from: number = 0): OuterObject | undefined {
  const scan = containerScan(pieces);
  if (scan === undefined) return undefined;
  const members: Span[] = [];
  let at = from + 1;
  while (members.length <= MAX_MEMBERS) {
    const window = windowAt(pieces, at);
    const found = (members.length === 0 ? FIRST_KEY : NEXT_KEY).exec(window);
    if (found === null) {
      const last = LAST.exec(window)?.[0];
      return last === undefined ? undefined : { members, end: at + last.length };
    }
    const [before, key = ''] = found;
    const start = at + before.length;
    const end = isContainer(window, before.length)
      ? (scan.after(start, MAX_DEPTH) ?? -1)
      : start + smallValue(window, before.length);
    if (end < start) return undefined;
    members.push({ key, start, end });
    at = end;
  }
  return undefined;
}
