import { closingQuote } from '../protocol/json-scan.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The first position at or after `at` that is not white space, or the end. */
function pastSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && text.charCodeAt(i) <= 0x20) i += 1;
  return i;
}

/** One past the value that starts at `at`, or past the end of a text that breaks off in it. */
function pastValue(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = closingQuote(text, i);
      if (depth === 0) return i + 1;
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      if (depth === 0) return i;
      depth -= 1;
      if (depth === 0) return i + 1;
    } else if (depth === 0 && (c === COMMA || c <= 0x20)) {
      return i;
    }
  }
  return text.length + 1;
}

/** What a member says of the answer it is in. */
type Member = 'id' | 'answer' | 'other' | 'doubtful';

function judge(key: string, value: string, idText: string): Member {
  if (key === 'id') return value === idText ? 'id' : 'doubtful';
  if (key === 'result' || key === 'error') return 'answer';
  return key.includes('\\') ? 'doubtful' : 'other';
}

/**
 * Whether a whole answer is beyond doubt one object with the one id that is expected and one `result` or `error`: nearly
 * every one is. False says nothing: `AnswerScan` then decides.
 * @param text its bytes, one character each.
 * @param idText raw JSON of plain ASCII.
 */
export function isPlainAnswer(text: string, idText: string): boolean {
  let ids = 0;
  let answers = 0;
  let i = pastSpace(text, 0);
  if (text.charCodeAt(i) !== OPEN_BRACE) return false;
  i = pastSpace(text, i + 1);
  for (;;) {
    if (text.charCodeAt(i) !== QUOTE) return false;
    const keyEnd = closingQuote(text, i);
    const colon = pastSpace(text, keyEnd + 1);
    if (text.charCodeAt(colon) !== COLON) return false;
    const start = pastSpace(text, colon + 1);
    const end = pastValue(text, start);
    const member = judge(text.slice(i + 1, keyEnd), text.slice(start, end), idText);
    if (member === 'doubtful' || end > text.length || end === start) return false;
    if (member === 'id') ids += 1;
    if (member === 'answer') answers += 1;
    const next = pastSpace(text, end);
    const c = text.charCodeAt(next);
    if (c === CLOSE_BRACE) {
      return ids === 1 && answers === 1 && pastSpace(text, next + 1) === text.length;
    }
    if (c !== COMMA) return false;
    i = pastSpace(text, next + 1);
  }
}
