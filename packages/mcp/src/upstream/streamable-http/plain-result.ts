import type { ContainerScan } from '../../protocol/container-scan.ts';
import { afterSpace, afterString } from '../../protocol/json-strict.ts';
import { afterValueIn, textContainers } from '../../protocol/text-containers.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Deeper results are read the slower way. */
const MAX_DEPTH = 1_000;

/** Members of an answer as raw JSON. */
export interface PlainResponse {
  readonly idText: string;
  /** Of `jsonrpc`, if it is there. */
  readonly version: string | undefined;
  readonly result: string;
}

/** What a look at a message found so far. */
interface Found {
  idText: string | undefined;
  version: string | undefined;
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

/** Notes a member. @returns whether it is there for the first time. */
function isFirst(found: Found, member: Member, value: string): boolean {
  if (member === 'result') {
    if (found.result !== undefined) return false;
    found.result = value;
  } else if (member === 'id') {
    if (found.idText !== undefined) return false;
    found.idText = value;
  } else {
    if (found.version !== undefined) return false;
    found.version = value;
  }
  return true;
}

/** Whether it is a result, and says whose. */
function isComplete(found: Found): found is Found & PlainResponse {
  return found.idText !== undefined && found.result !== undefined;
}

/**
 * The members of a text that is, beyond doubt, one answer with a result: nearly every one is. Each character is judged as
 * strictly as `JSON.parse` would, once. Undefined says nothing: others then decide.
 * @param containers of that text; see `textContainers`. Default: they are looked through in JavaScript.
 */
export function plainResponse(text: string, containers?: ContainerScan): PlainResponse | undefined {
  const found: Found = { idText: undefined, version: undefined, result: undefined };
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
    const end = afterValueIn(text, start, MAX_DEPTH, containers);
    if (end === -1) return undefined;
    if (!isFirst(found, member, text.slice(start, end))) return undefined;
    i = afterSpace(text, end);
    c = text.charCodeAt(i);
    if (c !== COMMA && c !== CLOSE_BRACE) return undefined;
  }
  return isComplete(found) && afterSpace(text, i + 1) === text.length ? found : undefined;
}

/**
 * The raw JSON of `result` of such an answer, when its id is the one that is expected.
 * @param idText raw JSON
 */
export function plainResult(
  text: string,
  idText: string,
  containers?: ContainerScan,
): string | undefined {
  const response = plainResponse(text, containers);
  return response?.idText === idText ? response.result : undefined;
}

/** Ids as we number our own requests. */
const NUMBER = /^\d{1,15}$/;

/** Such an answer to a request of ours that has a number. */
export function numberedResponse(
  text: string,
  bytes?: Buffer,
): { readonly id: number; readonly result: string } | undefined {
  const response = plainResponse(text, bytes && textContainers(text, bytes));
  if (response?.version !== '"2.0"' || !NUMBER.test(response.idText)) return undefined;
  return { id: Number(response.idText), result: response.result };
}
