/** The text is no TOML that a table can be added to safely. */
export class TomlError extends Error {
  override readonly name = 'TomlError';
}

/** One statement with everything up to the next one: comments and blank lines before it are statements of their own. */
interface Statement {
  readonly kind: 'header' | 'value' | 'blank';
  /** Keys of the header, or the whole path of the value. */
  readonly path: readonly string[];
  readonly start: number;
  readonly end: number;
}

const QUOTES = ['"""', "'''", '"', "'"] as const;

function fail(text: string, offset: number, what: string): TomlError {
  const line = text.slice(0, offset).split('\n').length;
  return new TomlError(`the TOML is not valid on line ${line} (${what})`);
}

/** Where a string that opens at `start` ends. */
function stringEnd(text: string, start: number): number {
  const quote = QUOTES.find((one) => text.startsWith(one, start)) ?? '"';
  const escapes = quote.startsWith('"');
  for (let at = start + quote.length; at < text.length; at += 1) {
    if (escapes && text[at] === '\\') at += 1;
    else if (quote.length === 1 && text[at] === '\n') break;
    else if (text.startsWith(quote, at)) {
      let end = at + quote.length;
      // Up to two quotes may stand right before the closing ones.
      while (quote.length === 3 && text[end] === quote[0]) end += 1;
      return end;
    }
  }
  throw fail(text, start, 'a string has no closing quote');
}

function lineEnd(text: string, start: number): number {
  const at = text.indexOf('\n', start);
  return at === -1 ? text.length : at + 1;
}

const OPENING = '[{';
const CLOSING = ']}';

/** Where a value that starts at `start` ends, its line included. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '"' || character === "'") at = stringEnd(text, at) - 1;
    else if (character === '#') at = text.slice(0, lineEnd(text, at)).trimEnd().length - 1;
    else if (OPENING.includes(character)) depth += 1;
    else if (CLOSING.includes(character)) depth -= 1;
    else if (character === '\n' && depth === 0) return at + 1;
    if (depth < 0) throw fail(text, at, 'a bracket is closed that was not opened');
  }
  if (depth > 0) throw fail(text, start, 'a bracket is not closed');
  return text.length;
}

function unquoted(text: string, quoted: string, at: number): string {
  if (quoted.startsWith("'")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch (cause) {
    throw Object.assign(fail(text, at, 'a key has an escape that is not known'), { cause });
  }
}

function afterBlanks(text: string, at: number): number {
  return at + (/^[ \t]*/u.exec(text.slice(at, lineEnd(text, at)))?.[0].length ?? 0);
}

function readKey(text: string, at: number): { key: string; end: number } {
  if (text[at] === '"' || text[at] === "'") {
    const end = stringEnd(text, at);
    return { key: unquoted(text, text.slice(at, end), at), end };
  }
  const key = /^[\w-]+/u.exec(text.slice(at, lineEnd(text, at)))?.[0];
  if (key === undefined) throw fail(text, at, 'a key is expected');
  return { key, end: at + key.length };
}

/** Reads dotted keys up to `stop`. */
function readKeys(text: string, start: number, stop: ']' | '='): { keys: string[]; end: number } {
  const keys: string[] = [];
  let at = start;
  for (;;) {
    const { key, end } = readKey(text, afterBlanks(text, at));
    keys.push(key);
    at = afterBlanks(text, end);
    if (text[at] === stop) return { keys, end: at + 1 };
    if (text[at] !== '.') throw fail(text, at, stop === '=' ? 'a = is expected' : 'a ] is missing');
    at += 1;
  }
}

function readHeader(text: string, first: number, start: number): Statement {
  const isArray = text[first + 1] === '[';
  const { keys, end } = readKeys(text, first + (isArray ? 2 : 1), ']');
  if (isArray && text[end] !== ']') throw fail(text, end, 'a ]] is missing');
  const rest = text.slice(end + (isArray ? 1 : 0), lineEnd(text, end));
  if (!/^[ \t\r]*(?:#.*)?\n?$/u.test(rest))
    throw fail(text, end, 'nothing may follow a table name');
  return { kind: 'header', path: keys, start, end: lineEnd(text, end) };
}

/** @throws TomlError naming the line. */
function statements(text: string): Statement[] {
  const found: Statement[] = [];
  let table: readonly string[] = [];
  for (let start = text.startsWith('\uFEFF') ? 1 : 0; start < text.length;) {
    const first = afterBlanks(text, start);
    const character = text[first] ?? '\n';
    let statement: Statement;
    if (character === '\n' || character === '\r' || character === '#') {
      statement = { kind: 'blank', path: [], start, end: lineEnd(text, first) };
    } else if (character === '[') {
      statement = readHeader(text, first, start);
      table = statement.path;
    } else {
      const { keys, end } = readKeys(text, first, '=');
      if (/^[ \t]*(?:[\r\n#]|$)/u.test(text.slice(end, lineEnd(text, end))))
        throw fail(text, end, 'a value is missing');
      statement = { kind: 'value', path: [...table, ...keys], start, end: valueEnd(text, end) };
    }
    found.push(statement);
    start = statement.end;
  }
  return found;
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((key, index) => path[index] === key);
}

function tomlKey(key: string): string {
  return /^[\w-]+$/u.test(key) ? key : JSON.stringify(key);
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, one]) => `${tomlKey(key)} = ${tomlValue(one)}`,
    );
    return `{ ${members.join(', ')} }`;
  }
  // Strings of JSON are strings of TOML but for DEL, which TOML wants as an escape.
  return JSON.stringify(value).replaceAll('\u007F', String.raw`\u007F`);
}

/** Members of an entry as a table. */
function tableText(path: readonly string[], entry: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entry).map(
    ([key, value]) => `${tomlKey(key)} = ${tomlValue(value)}`,
  );
  return `[${path.map(tomlKey).join('.')}]\n${lines.join('\n')}\n`;
}

/** The span of each table below `path`; blank lines at the end of one belong to what follows. */
function sections(all: readonly Statement[], path: readonly string[]): [number, number][] {
  const spans: [number, number][] = [];
  let inside = false;
  for (const { kind, path: own, start, end } of all) {
    if (kind === 'header') {
      inside = startsWith(own, path);
      if (inside) spans.push([start, end]);
    } else if (kind === 'value' && inside) {
      const last = spans.at(-1);
      if (last !== undefined) last[1] = end;
    }
  }
  return spans;
}

function refuseInline(all: readonly Statement[], path: readonly string[]): void {
  let table: readonly string[] = [];
  for (const { kind, path: own } of all) {
    if (kind === 'header') table = own;
    if (kind !== 'value' || startsWith(table, path)) continue;
    const covers = startsWith(own, path) || startsWith(path, own);
    if (covers)
      throw new TomlError(`${own.join('.')} is not written as a table; add the entry by hand`);
  }
}

/** The text of the table at `path` and those below it, as written; `undefined` when there is none. @throws TomlError */
export function tomlTable(text: string, path: readonly string[]): string | undefined {
  const spans = sections(statements(text), path);
  if (spans.length === 0) return undefined;
  return spans.map(([start, end]) => text.slice(start, end)).join('');
}

/**
 * The text with the table at `path` put in place of the one that is there, or at its end; everything else stays byte
 * for byte.
 * @param table its members, or text that `tomlTable` gave; `undefined` removes it.
 * @throws TomlError naming the line, or the place where the table is written in another way.
 */
export function putTomlTable(
  text: string,
  path: readonly string[],
  table: Readonly<Record<string, unknown>> | string | undefined,
): string {
  const all = statements(text);
  refuseInline(all, path);
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const plain = typeof table === 'object' ? tableText(path, table).replaceAll('\n', eol) : table;
  const spans = sections(all, path);
  const [first] = spans;
  if (first === undefined) {
    if (plain === undefined) return text;
    const gap = text.trim() === '' ? '' : text.endsWith('\n') ? eol : eol + eol;
    return text + gap + plain;
  }
  let next = '';
  let at = 0;
  for (const [start, end] of spans) {
    next += text.slice(at, start);
    if (start === first[0]) next += plain ?? '';
    at = end;
  }
  return next + text.slice(at);
}
