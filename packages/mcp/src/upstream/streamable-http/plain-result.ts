import { afterSpace, afterString, afterValue } from '../../protocol/json-strict.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Deeper results are read the slower way. */
const MAX_DEPTH = 1_000;

/** What a look at a message found so far. */
interface Found {
  readonly idText: string;
  hasId: boolean;
  hasVersion: boolean;
  result: string | undefined;
}

type Member = 'result' | 'id' | 'jsonrpc';

/** The member that a key with its quotes names, if an answer has it. */
function memberOf(text: string, keyAt: number, keyEnd: number): Member | undefined {
  const length = keyEnd - keyAt;
  if (length === 8) return text.startsWith('"result"', keyAt) ? 'result' : undefined;
  if (length === 4) return text.startsWith('"id"', keyAt) ? 'id' : undefined;
  return length === 9 && text.startsWith('"jsonrpc"', keyAt) ? 'jsonrpc' : undefined;
}

/** Notes a member. @returns whether it is there for the first time, and the id is the expected one. */
function isPlain(found: Found, member: Member, value: string): boolean {
  if (member === 'result') {
    if (found.result !== undefined) return false;
    found.result = value;
    return true;
  }
  if (member === 'id') {
    if (found.hasId) return false;
    found.hasId = true;
    return value === found.idText;
  }
  if (found.hasVersion) return false;
  found.hasVersion = true;
  return true;
}

/**
 * The raw JSON of `result` when a text is, beyond doubt, one answer with the id that is expected: nearly every one is.
 * Each character is judged as strictly as `JSON.parse` would, once. Undefined says nothing: `readMessages` then decides.
 * @param idText raw JSON
 */
export function plainResult(text: string, idText: string): string | undefined {
  const found: Found = { idText, hasId: false, hasVersion: false, result: undefined };
  let i = afterSpace(text, 0);
  let c = text.charCodeAt(i);
  if (c !== OPEN_BRACE) return undefined;
  while (c !== CLOSE_BRACE) {
    const keyAt = afterSpace(text, i + 1);
    const keyEnd = text.charCodeAt(keyAt) === QUOTE ? afterString(text, keyAt) : -1;
    const member = memberOf(text, keyAt, keyEnd);
    const colon = afterSpace(text, keyEnd);
    if (member === undefined || text.charCodeAt(colon) !== COLON) return undefined;
    const start = afterSpace(text, colon + 1);
    const end = afterValue(text, start, MAX_DEPTH);
    if (end === -1) return undefined;
    if (!isPlain(found, member, text.slice(start, end))) return undefined;
    i = afterSpace(text, end);
    c = text.charCodeAt(i);
    if (c !== COMMA && c !== CLOSE_BRACE) return undefined;
  }
  const isAll = found.hasId && afterSpace(text, i + 1) === text.length;
  return isAll ? found.result : undefined;
}
