import { objectMembers, type Span } from './json-scan.ts';
import { afterSpace, afterValue } from './json-strict.ts';
import type { JsonObject } from './message.ts';

/** Text up to this length is parsed as a whole: that takes a millisecond. */
const SMALL_LENGTH = 65_536;
/** Deeper text is taken for none. */
const MAX_DEPTH = 1_000;
/** Members of a large object. */
const MAX_MEMBERS = 1_000;

/**
 * Whether text is so long that building its values would hold up the event loop: millions of small ones take
 * `JSON.parse` hundreds of milliseconds and ten times their length in memory (S13).
 */
export function isLarge(text: string): boolean {
  return text.length > SMALL_LENGTH;
}

/** Whether text is JSON of bounded depth, as `JSON.parse` would say; builds nothing. */
function isJson(text: string): boolean {
  const end = afterValue(text, afterSpace(text, 0), MAX_DEPTH);
  return end !== -1 && afterSpace(text, end) === text.length;
}

/** A value, but a large array or object as an empty one. */
function shallowValue(raw: string): unknown {
  if (isLarge(raw) && raw.startsWith('{')) return {};
  return isLarge(raw) && raw.startsWith('[') ? [] : (JSON.parse(raw) as unknown);
}

/** The members at `spans` of valid JSON text, in which large arrays and objects are empty. */
export function shallowMembers(text: string, spans: readonly Span[]): JsonObject {
  return Object.fromEntries(
    spans.map(({ key, start, end }) => [key, shallowValue(text.slice(start, end))]),
  );
}

/**
 * As `JSON.parse`, but of a large object the large members are empty: for readers that take those from the text.
 * @throws SyntaxError, or JsonMembersError for a large object of more than 1,000 members
 */
export function parseShallow(text: string): unknown {
  if (!isLarge(text)) return JSON.parse(text);
  if (!isJson(text)) throw new SyntaxError('the text is no JSON');
  const isObject = text.charCodeAt(afterSpace(text, 0)) === 0x7b;
  if (!isObject) return JSON.parse(text);
  return shallowMembers(text, objectMembers(text, 0, Infinity, MAX_MEMBERS));
}
