import { arrayElements, objectMembers, skipSpace } from '../protocol/json-scan.ts';
import { stripOdd } from './odd-text.ts';

/** Members that are prose wherever they stand; anything else may be something that a server goes by. */
const PROSE: ReadonlySet<string> = new Set(['description', 'title']);

/** Replacements of strings, from the end of the text to its beginning. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly raw: string;
}

function collect(text: string, at: number, changes: Change[]): void {
  const start = skipSpace(text, at);
  const isArray = text.charCodeAt(start) === 0x5b;
  const spans = isArray ? arrayElements(text, start) : objectMembers(text, start);
  for (const span of spans) {
    const first = text.charCodeAt(span.start);
    if (first === 0x7b || first === 0x5b) collect(text, span.start, changes);
    if (first !== 0x22 || isArray || !PROSE.has(span.key)) continue;
    const value = String(JSON.parse(text.slice(span.start, span.end)));
    const stripped = stripOdd(value);
    if (stripped !== value) changes.push({ ...span, raw: JSON.stringify(stripped) });
  }
}

/**
 * An item with the prose in it stripped of what nobody sees (`oddText: 'strip'`); the very same text when there was
 * nothing. Names, keys and values stay: a server goes by them.
 * @param text raw JSON of an object, already parsed once.
 */
export function stripProse(text: string): string {
  if (/^[\x20-\x7e\t\n\r]*$/.test(text) && !/\\[ubf]/.test(text)) return text;
  const changes: Change[] = [];
  collect(text, 0, changes);
  let stripped = text;
  for (const { start, end, raw } of changes.toReversed()) {
    stripped = stripped.slice(0, start) + raw + stripped.slice(end);
  }
  return stripped;
}
