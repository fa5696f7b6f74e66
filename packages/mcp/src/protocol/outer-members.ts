import { containerScan } from './container-scan.ts';
import type { Span } from './json-scan.ts';

/** How much is looked at where a member begins: its key, and its value unless that is an array or an object. */
const WINDOW_BYTES = 1_024;
/** Objects with more members than this are for text. */
const MAX_MEMBERS = 32;
/** Deeper values are for text. */
const MAX_DEPTH = 1_000;

/** What stands before a value, and its key: plain ASCII without escapes. */
const KEY = /^\s*,?\s*"([\x20\x21\x23-\x5b\x5d-\x7e]*)"\s*:\s*/;
/** A value that is no array and no object, and what stands behind it. */
const SMALL_VALUE = /("(?:[^"\\]|\\.)*"|[^\s",:[\]{}]+)[\s,}]/y;
const LAST = /^\s*\}/;

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

/** How long the value is that begins there; less than nothing where that is not to be seen. */
function smallValue(window: string, from: number): number {
  SMALL_VALUE.lastIndex = from;
  return SMALL_VALUE.exec(window)?.[1]?.length ?? -Infinity;
}

/**
 * The members of a large object, as `objectMembers` has them of text; places are those of bytes, and only arrays and
 * objects may be long.
 * @param pieces the object as UTF-8 and nothing else, which is known to be JSON, in pieces.
 * @returns undefined for what is to be read as text: it has many members, long texts, keys written in an odd way, or nests
 * deep; or there is no WebAssembly.
 */
export function outerMembers(pieces: readonly Buffer[]): readonly Span[] | undefined {
  const scan = containerScan(pieces);
  if (scan === undefined) return undefined;
  const found: Span[] = [];
  let at = 1;
  while (found.length <= MAX_MEMBERS) {
    const window = windowAt(pieces, at);
    const [before, key = ''] = KEY.exec(window) ?? [];
    if (before === undefined) return LAST.test(window) ? found : undefined;
    const start = at + before.length;
    const isContainer = /^[[{]/.test(window.slice(before.length, before.length + 1));
    const end = isContainer
      ? (scan.after(start, MAX_DEPTH) ?? -1)
      : start + smallValue(window, before.length);
    if (end < start) return undefined;
    found.push({ key, start, end });
    at = end;
  }
  return undefined;
}
