import { SourceError } from './source-error.ts';

const QUOTES = ['"""', "'''", '"', "'"] as const;

/** What is wrong at a place of the text, by its line. */
export function tomlFault(text: string, offset: number, what: string): SourceError {
  const line = text.slice(0, offset).split('\n').length;
  return new SourceError('EFORMAT', `the TOML is not valid on line ${line} (${what})`);
}

function quoteAt(text: string, start: number): string {
  return QUOTES.find((one) => text.startsWith(one, start)) ?? '"';
}

/** Where a string that opens at `start` ends. @throws SourceError naming the line. */
export function tomlStringEnd(text: string, start: number): number {
  const quote = quoteAt(text, start);
  const escapes = quote.startsWith('"');
  for (let at = start + quote.length; at < text.length; at += 1) {
    if (escapes && text[at] === '\\') at += 1;
    else if (quote.length === 1 && text[at] === '\n') break;
    else if (text.startsWith(quote, at)) {
      let end = at + quote.length;
      // Up to two quotes may stand right before the closing ones.
      while (quote.length === 3 && end < at + 5 && text[end] === quote[0]) end += 1;
      return end;
    }
  }
  throw tomlFault(text, start, 'a string has no closing quote');
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\u001B',
  '"': '"',
  '\\': '\\',
};

const escape =
  /\\([btnfre"\\]|x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U[\dA-Fa-f]{8}|[ \t]*\r?\n\s*|[\s\S]|$)/gu;

function codePoint(hex: string): string | undefined {
  const code = Number.parseInt(hex, 16);
  const isScalar = code <= 0x10_ff_ff && (code < 0xd8_00 || code > 0xdf_ff);
  return isScalar ? String.fromCodePoint(code) : undefined;
}

/** What stands for an escape; a line that is folded for nothing. `undefined` when it is not known. */
function meaningOf(escaped: string, canFold: boolean): string | undefined {
  if (/^[ \t]*\r?\n/u.test(escaped)) return canFold ? '' : undefined;
  return escaped.length > 1 ? codePoint(escaped.slice(1)) : ESCAPES[escaped];
}

/** The text that a string from `start` to `end` stands for; `undefined` when it holds an escape that is not known. */
export function tomlStringValue(text: string, start: number, end: number): string | undefined {
  const quote = quoteAt(text, start);
  const isLong = quote.length === 3;
  const written = text.slice(start + quote.length, end - quote.length);
  const body = isLong ? written.replace(/^\r?\n/u, '') : written;
  if (quote.startsWith("'")) return body;
  let isKnown = true;
  const value = body.replaceAll(escape, (_all, escaped: string) => {
    const meant = meaningOf(escaped, isLong);
    isKnown &&= meant !== undefined;
    return meant ?? '';
  });
  return isKnown ? value : undefined;
}
