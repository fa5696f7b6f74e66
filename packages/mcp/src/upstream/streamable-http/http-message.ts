import {
  arrayElements,
  findMember,
  nestsDeeper,
  objectMembers,
  replaceSpan,
  type Span,
} from '../../protocol/json-scan.ts';
import type { JsonObject, JsonRpcId } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import { isLarge, parseShallow } from '../../protocol/shallow-json.ts';

/** What a server may send us. `text` is raw JSON: of `result`, of `error`, or of the whole notification. */
export type ServerMessage =
  | { readonly kind: 'result'; readonly id: JsonRpcId; readonly text: string }
  | {
      readonly kind: 'error';
      /** Undefined when the server could not read the request's id. */
      readonly id: JsonRpcId | undefined;
      readonly text: string;
      readonly code: number;
      readonly message: string;
    }
  | {
      readonly kind: 'request';
      readonly id: JsonRpcId;
      readonly method: string;
      /** Raw JSON of `params`. */
      readonly paramsText: string | undefined;
    }
  | {
      readonly kind: 'notification';
      readonly method: string;
      readonly text: string;
      readonly progressToken: JsonRpcId | undefined;
    };

/** The text is no message of JSON-RPC 2.0, or one that two parsers could read differently. */
export class MalformedMessageError extends Error {
  readonly code = 'MALFORMED_MESSAGE';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MalformedMessageError';
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is JsonRpcId {
  return typeof value === 'string' || typeof value === 'number';
}

function requireUnique(spans: readonly Span[]): void {
  if (new Set(spans.map((span) => span.key)).size !== spans.length) {
    throw new MalformedMessageError('a key of the message is given twice');
  }
}

function readAnswer(text: string, spans: readonly Span[], value: JsonObject): ServerMessage {
  const result = findMember(spans, 'result');
  const error = findMember(spans, 'error');
  const id = value['id'];
  if (result !== undefined && error === undefined && isId(id)) {
    return { kind: 'result', id, text: text.slice(result.start, result.end) };
  }
  const problem = value['error'];
  if (error !== undefined && result === undefined && isJsonObject(problem)) {
    return {
      kind: 'error',
      id: isId(id) ? id : undefined,
      text: text.slice(error.start, error.end),
      code: typeof problem['code'] === 'number' ? problem['code'] : 0,
      message: typeof problem['message'] === 'string' ? problem['message'] : '',
    };
  }
  throw new MalformedMessageError('the message has no method, and not one result or error');
}

function readOne(text: string, value: unknown): ServerMessage {
  if (!isJsonObject(value)) throw new MalformedMessageError('the message is not an object');
  const spans = objectMembers(text);
  requireUnique(spans);
  const { id, method } = value;
  if (typeof method !== 'string') return readAnswer(text, spans, value);
  const span = findMember(spans, 'params');
  const paramsText = span && text.slice(span.start, span.end);
  if (isId(id)) return { kind: 'request', id, method, paramsText };
  // What is large of it has been left out.
  const isLeftOut = paramsText !== undefined && isLarge(paramsText);
  const params = isLeftOut ? parseShallow(paramsText) : value['params'];
  const token = isJsonObject(params) ? params[META.progressToken] : undefined;
  return { kind: 'notification', method, text, progressToken: isId(token) ? token : undefined };
}

const MAX_DEPTH = 1_000;
const MAX_BATCH = 1_000;

/**
 * Reads one message, or a batch of them (revision 2025-03-26).
 * @throws MalformedMessageError
 */
export function readMessages(input: string): ServerMessage[] {
  const text = input.startsWith('\uFEFF') ? input.slice(1) : input;
  let value: unknown;
  try {
    value = parseShallow(text);
  } catch (cause) {
    // Large text of more levels is not looked at further; a message that is too short to matter may have them.
    const why = nestsDeeper(text, MAX_DEPTH) ? `nests deeper than ${MAX_DEPTH} levels` : undefined;
    throw new MalformedMessageError(`the message ${why ?? 'is not valid JSON'}`, { cause });
  }
  if (!Array.isArray(value)) return [readOne(text, value)];
  if (value.length > MAX_BATCH) {
    throw new MalformedMessageError(`a batch has more than ${MAX_BATCH} messages`);
  }
  return arrayElements(text).map((span, index) =>
    readOne(text.slice(span.start, span.end), value[index]),
  );
}

/** A notification's text with another progress token; `token` is raw JSON. The text was read by us before. */
export function withProgressToken(text: string, token: string): string {
  const params = findMember(objectMembers(text), 'params');
  if (params === undefined) return text;
  const current = findMember(objectMembers(text, params.start), META.progressToken);
  return current === undefined ? text : replaceSpan(text, current, token);
}

/** The id that a `notifications/cancelled` names. Its text was read by us before. */
export function cancelledId(text: string): unknown {
  const message: unknown = JSON.parse(text);
  const params = isJsonObject(message) ? message['params'] : undefined;
  return isJsonObject(params) ? params['requestId'] : undefined;
}

/** Beside changes of lists: updates of resources, and of tasks of either era. */
const UNASKED: ReadonlySet<string> = new Set([
  'notifications/resources/updated',
  'notifications/tasks',
  'notifications/tasks/status',
]);

/** Whether a notification belongs to no request, wherever it arrives. */
export function isUnasked(method: string): boolean {
  return method.endsWith('/list_changed') || UNASKED.has(method);
}
