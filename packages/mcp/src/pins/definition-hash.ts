import { hash } from 'node:crypto';
import { skipSpace, valueEnd } from '../protocol/json-scan.ts';

/** What of a tool is pinned (S9): everything a model or a client acts on. */
const PINNED: ReadonlySet<string> = new Set([
  'name',
  'title',
  'description',
  'inputSchema',
  'outputSchema',
  'annotations',
  '_meta',
  'icons',
]);

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** A value in canonical form, and where it ended. */
interface Piece {
  readonly text: string;
  readonly end: number;
}

/** A string in the one way JSON.stringify writes it. */
function canonicalString(raw: string): string {
  return raw.includes('\\') ? JSON.stringify(JSON.parse(raw)) : raw;
}

function canonicalObject(text: string, at: number, keep?: ReadonlySet<string>): Piece {
  const members: (readonly [key: string, text: string])[] = [];
  let i = skipSpace(text, at + 1);
  while (text.charCodeAt(i) !== CLOSE_BRACE) {
    const keyEnd = valueEnd(text, i);
    const key = canonicalString(text.slice(i, keyEnd));
    const value = canonicalValue(text, skipSpace(text, skipSpace(text, keyEnd) + 1));
    if (keep === undefined || keep.has(String(JSON.parse(key)))) {
      members.push([key, value.text]);
    }
    i = skipSpace(text, value.end);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  // Stable: of a key that is given twice both stay, in order, since clients differ in which of them they see.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { text: `{${members.map(([key, value]) => `${key}:${value}`).join(',')}}`, end: i + 1 };
}

function canonicalArray(text: string, at: number): Piece {
  const elements: string[] = [];
  let i = skipSpace(text, at + 1);
  while (text.charCodeAt(i) !== CLOSE_BRACKET) {
    const value = canonicalValue(text, i);
    elements.push(value.text);
    i = skipSpace(text, value.end);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  return { text: `[${elements.join(',')}]`, end: i + 1 };
}

function canonicalValue(text: string, at: number): Piece {
  const c = text.charCodeAt(at);
  if (c === OPEN_BRACE) return canonicalObject(text, at);
  if (c === OPEN_BRACKET) return canonicalArray(text, at);
  const end = valueEnd(text, at);
  const raw = text.slice(at, end);
  return { text: c === QUOTE ? canonicalString(raw) : raw, end };
}

/**
 * A definition without what does not matter: order of keys, white space, how characters are escaped, members that are
 * not pinned. As RFC 8785 but for what parsers read differently: numbers stay as they are written, and so does a key
 * that is given twice.
 * @param text raw JSON of an object, already parsed once.
 */
export function canonicalDefinition(text: string): string {
  return canonicalObject(text, skipSpace(text, 0), PINNED).text;
}

/** SHA-256 of the canonical definition, as base64url. */
export function definitionHash(text: string): string {
  return hash('sha256', canonicalDefinition(text), 'base64url');
}

/** `definitionHash` of things that carry their text and do not change, each worked out once. */
export function createDefinitionHasher(): (definition: { readonly text: string }) => string {
  const known = new WeakMap<object, string>();
  return (definition) => {
    let found = known.get(definition);
    if (found === undefined) {
      found = definitionHash(definition.text);
      known.set(definition, found);
    }
    return found;
  };
}
