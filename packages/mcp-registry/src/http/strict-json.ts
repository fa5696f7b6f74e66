import { RegistryApiError } from './api-error.ts';

/** Deepest nesting of a body. */
const maxDepth = 64;

function badJson(message: string): RegistryApiError {
  return new RegistryApiError(400, 'BAD_JSON', message);
}

/** One past the end of the string that starts at `at`; the end of the text when it does not end. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '"') return i + 1;
  }
  return text.length;
}

function keyOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    // A malformed escape: JSON.parse of the whole text reports it.
    return literal;
  }
}

/** Members of one open object so far; `false` for an array. */
type Open = Set<string> | false;

function takeKey(open: Set<string>, key: string): void {
  if (key === '__proto__') throw badJson('The body has a member "__proto__"');
  if (open.has(key)) throw badJson(`The body has the member ${JSON.stringify(key)} twice`);
  open.add(key);
}

/** Looks at structure only: text that is not JSON passes or fails here, and `JSON.parse` decides. */
function assertUnambiguous(text: string): void {
  const stack: Open[] = [];
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const open = stack.at(-1);
    if (c === '"') {
      const end = stringEnd(text, i);
      if (keyNext && open) takeKey(open, keyOf(text.slice(i, end)));
      keyNext = false;
      i = end - 1;
    } else if (c === '{' || c === '[') {
      stack.push(c === '{' ? new Set() : false);
      keyNext = c === '{';
      if (stack.length > maxDepth) throw badJson(`The body nests deeper than ${maxDepth} levels`);
    } else if (c === '}' || c === ']') stack.pop();
    else if (c === ',') keyNext = open !== false;
  }
}

/**
 * Parses a body whose meaning does not depend on the parser: no member twice in an object, no `__proto__`, at most 64
 * levels. Two readers that take different ones of two equal members would otherwise see different servers.
 * @throws RegistryApiError `BAD_JSON`.
 */
export function parseStrictJson(text: string): unknown {
  assertUnambiguous(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw Object.assign(badJson('The body is not JSON'), { cause });
  }
}
