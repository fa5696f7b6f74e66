import type { ContainerScan } from '../../protocol/container-scan.ts';
import { closingQuote } from '../../protocol/json-scan.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Deeper values are looked through in JavaScript. */
const MAX_DEPTH = 1_000;

/** A text, and what finds the ends of its arrays and objects. */
interface Answer {
  readonly text: string;
  readonly containers: ContainerScan | undefined;
}

/** The first position at or after `at` that is not white space, or the end. */
function pastSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && text.charCodeAt(i) <= 0x20) i += 1;
  return i;
}

/** Whether a character may be part of a number or of `true`, `false` and `null`. */
function isScalar(c: number): boolean {
  if (c >= 0x30 && c <= 0x39) return true;
  return (c >= 0x61 && c <= 0x7a) || c === 0x2d || c === 0x2e || c === 0x2b || c === 0x45;
}

/** One past the number or literal that starts at `at`. */
function pastScalar(text: string, at: number): number {
  let i = at;
  while (isScalar(text.charCodeAt(i))) i += 1;
  return i;
}

/** One past the value that starts at `at`, or past the end of a text that breaks off in it. */
function pastValue(text: string, at: number, containers: ContainerScan | undefined): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return closingQuote(text, at) + 1;
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return pastScalar(text, at);
  const end = containers?.after(at, MAX_DEPTH) ?? -1;
  // What is no JSON is passed on as well: it is for the client to say so.
  return end === -1 ? pastNested(text, at) : end;
}

function pastNested(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = closingQuote(text, i);
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return text.length + 1;
}

/** What the outermost members say, one after the other. */
class Glance {
  readonly #idText: string;
  #ids = 0;
  #answer: 'result' | 'error' | undefined;
  /** Something is not as it nearly always is. */
  doubtful = false;

  constructor(idText: string) {
    this.#idText = idText;
  }

  get answer(): 'result' | 'error' | undefined {
    return this.#ids === 1 && !this.doubtful ? this.#answer : undefined;
  }

  member(key: string, value: string): void {
    if (key === 'id') {
      this.#ids += 1;
      this.doubtful ||= value !== this.#idText;
    } else if (key === 'result' || key === 'error') {
      this.doubtful ||= this.#answer !== undefined;
      this.#answer = key;
    } else {
      this.doubtful ||= key.includes('\\');
    }
  }
}

/** Where the value begins whose key is at `at`; -1 where there is none. */
function valueAt(text: string, keyEnd: number): number {
  const colon = pastSpace(text, keyEnd + 1);
  return text.charCodeAt(colon) === COLON ? pastSpace(text, colon + 1) : -1;
}

const RESULT_FIRST = '{"result":';
const RESULT_NEXT = ',"result":';

/** Whether an object at `start` is followed by nothing but `rest`. */
function isLastValue(answer: Answer, start: number, rest: string): boolean {
  const { text, containers } = answer;
  if (text.charCodeAt(start) !== OPEN_BRACE) return false;
  const end = pastValue(text, start, containers);
  return end + rest.length === text.length && text.startsWith(rest, end);
}

/** Whether it is a result letter for letter as servers write it: with its envelope before it, or as the SDKs do behind it. */
function isUsualResult(answer: Answer, idText: string): boolean {
  const { text } = answer;
  const envelope = `"jsonrpc":"2.0","id":${idText}`;
  if (text.startsWith(RESULT_FIRST))
    return isLastValue(answer, RESULT_FIRST.length, `,${envelope}}`);
  const next = envelope.length + 1;
  if (text.charCodeAt(0) !== OPEN_BRACE || !text.startsWith(envelope, 1)) return false;
  return text.startsWith(RESULT_NEXT, next) && isLastValue(answer, next + RESULT_NEXT.length, '}');
}

/**
 * Whether a whole answer is beyond doubt one object with the one id that is expected and one `result` or `error`, and
 * which: nearly every one is. Undefined says nothing: `AnswerScan` then decides.
 * @param text its bytes, one character each.
 * @param idText raw JSON of plain ASCII.
 * @param containers of those bytes. Default: they are looked through in JavaScript.
 */
export function plainAnswer(
  text: string,
  idText: string,
  containers?: ContainerScan,
): 'result' | 'error' | undefined {
  if (isUsualResult({ text, containers }, idText)) return 'result';
  const glance = new Glance(idText);
  let i = pastSpace(text, 0);
  let c = text.charCodeAt(i);
  if (c !== OPEN_BRACE) return undefined;
  while (c !== CLOSE_BRACE) {
    const key = pastSpace(text, i + 1);
    if (text.charCodeAt(key) !== QUOTE) return undefined;
    const keyEnd = closingQuote(text, key);
    const start = valueAt(text, keyEnd);
    const end = start === -1 ? -1 : pastValue(text, start, containers);
    if (end <= start || end > text.length) return undefined;
    glance.member(text.slice(key + 1, keyEnd), text.slice(start, end));
    i = pastSpace(text, end);
    c = text.charCodeAt(i);
    if (glance.doubtful || (c !== COMMA && c !== CLOSE_BRACE)) return undefined;
  }
  return pastSpace(text, i + 1) === text.length ? glance.answer : undefined;
}
