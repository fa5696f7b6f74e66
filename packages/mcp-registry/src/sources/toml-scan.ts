import { tomlFault, tomlStringEnd, tomlStringValue } from './toml-string.ts';

/** One statement with everything up to the next one: comments and blank lines before it are statements of their own. */
export interface TomlStatement {
  /** `item` is the header of one more table of an array, `[[…]]`. */
  readonly kind: 'header' | 'item' | 'value' | 'blank';
  /** Keys of the header, or the whole path of the value. */
  readonly path: readonly string[];
  readonly start: number;
  /** Where the value begins, with blanks before it; for others their start. */
  readonly valueStart: number;
  readonly end: number;
}

function lineEnd(text: string, start: number): number {
  const at = text.indexOf('\n', start);
  return at === -1 ? text.length : at + 1;
}

/** Where the line break after a comment stands, or the text ends. */
function afterTomlComment(text: string, start: number): number {
  const at = text.indexOf('\n', start);
  return at === -1 ? text.length : at;
}

const OPENING = '[{';
const CLOSING = ']}';

/** Where a value that starts at `start` ends, its line included. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '"' || character === "'") at = tomlStringEnd(text, at) - 1;
    else if (character === '#') at = afterTomlComment(text, at) - 1;
    else if (OPENING.includes(character)) depth += 1;
    else if (CLOSING.includes(character)) depth -= 1;
    else if (character === '\n' && depth === 0) return at + 1;
    if (depth < 0) throw tomlFault(text, at, 'a bracket is closed that was not opened');
  }
  if (depth > 0) throw tomlFault(text, start, 'a bracket is not closed');
  return text.length;
}

function afterBlanks(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

const bareKey = /[\w-]+/uy;

function readKey(text: string, at: number): { key: string; end: number } {
  if (text[at] === '"' || text[at] === "'") {
    const end = tomlStringEnd(text, at);
    const key = tomlStringValue(text, at, end);
    if (key === undefined) throw tomlFault(text, at, 'a key has an escape that is not known');
    return { key, end };
  }
  bareKey.lastIndex = at;
  const key = bareKey.exec(text)?.[0];
  if (key === undefined) throw tomlFault(text, at, 'a key is expected');
  return { key, end: at + key.length };
}

/** Dotted keys up to `stop`, and where what follows it begins. @throws SourceError naming the line. */
function readTomlKeys(
  text: string,
  start: number,
  stop: ']' | '=',
): { keys: string[]; end: number } {
  const keys: string[] = [];
  let at = start;
  for (;;) {
    const { key, end } = readKey(text, afterBlanks(text, at));
    keys.push(key);
    at = afterBlanks(text, end);
    if (text[at] === stop) return { keys, end: at + 1 };
    if (text[at] !== '.')
      throw tomlFault(text, at, stop === '=' ? 'a = is expected' : 'a ] is missing');
    at += 1;
  }
}

function readHeader(text: string, first: number, start: number): TomlStatement {
  const isArray = text[first + 1] === '[';
  const { keys, end } = readTomlKeys(text, first + (isArray ? 2 : 1), ']');
  if (isArray && text[end] !== ']') throw tomlFault(text, end, 'a ]] is missing');
  const rest = text.slice(end + (isArray ? 1 : 0), lineEnd(text, end));
  if (!/^[ \t\r]*(?:#.*)?\n?$/u.test(rest))
    throw tomlFault(text, end, 'nothing may follow a table name');
  const kind = isArray ? 'item' : 'header';
  return { kind, path: keys, start, valueStart: start, end: lineEnd(text, end) };
}

/**
 * The statements of a TOML text, one after the other and without a gap; values are skipped, not read.
 * @throws SourceError `EFORMAT` naming the line.
 */
export function scanToml(text: string): TomlStatement[] {
  const found: TomlStatement[] = [];
  let table: readonly string[] = [];
  for (let start = text.startsWith('\uFEFF') ? 1 : 0; start < text.length;) {
    const first = afterBlanks(text, start);
    const character = text[first] ?? '\n';
    let statement: TomlStatement;
    if (character === '\n' || character === '\r' || character === '#') {
      statement = { kind: 'blank', path: [], start, valueStart: start, end: lineEnd(text, first) };
    } else if (character === '[') {
      statement = readHeader(text, first, start);
      table = statement.path;
    } else {
      const { keys, end } = readTomlKeys(text, first, '=');
      if (/^[ \t]*(?:[\r\n#]|$)/u.test(text.slice(end, lineEnd(text, end))))
        throw tomlFault(text, end, 'a value is missing');
      const path = [...table, ...keys];
      statement = { kind: 'value', path, start, valueStart: end, end: valueEnd(text, end) };
    }
    found.push(statement);
    start = statement.end;
  }
  return found;
}
