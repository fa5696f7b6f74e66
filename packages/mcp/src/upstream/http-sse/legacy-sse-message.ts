import { parseMessage, type IncomingMessage } from '../../protocol/json-rpc.ts';
import { arrayElements, findMember, objectMembers } from '../../protocol/json-scan.ts';
import { ProtocolError, RPC, errorObject, type JsonRpcId } from '../../protocol/message.ts';
import { numberedResponse } from '../streamable-http/plain-result.ts';
import { isUnasked } from '../streamable-http/http-message.ts';
import { glimpse } from '../unreadable-message.ts';
import type { RpcAnswer } from '../upstream.ts';

/** More messages than this in one batch are not looked at. */
const MAX_BATCH = 1_000;

/** What a server may send on a stream that all calls share. */
export interface SseInbox {
  answer(id: JsonRpcId, answer: RpcAnswer): void;
  question(id: JsonRpcId, method: string, paramsText: string | undefined): void;
  questionCancelled(id: unknown): void;
  /** @returns whether it belonged to a call. */
  progress(token: unknown, text: string): boolean;
  /** A notification that belongs to no call. */
  unasked(method: string, text: string): void;
  /** One that belongs to some call, and does not say which: a log message, for one. */
  unattributed(method: string, text: string): void;
  /** No message of JSON-RPC; `id` when it was an answer to a request of ours. */
  unreadable(id: JsonRpcId | undefined, why: string): void;
  /** Something that belongs to nobody. */
  ignored(): void;
}

function memberText(text: string, key: string): string | undefined {
  const span = findMember(objectMembers(text), key);
  return span && text.slice(span.start, span.end);
}

function takeNotification(
  { method, params }: Extract<IncomingMessage, { kind: 'notification' }>,
  text: string,
  inbox: SseInbox,
): void {
  const { progressToken, requestId } = params.value;
  if (isUnasked(method)) inbox.unasked(method, text);
  else if (method === 'notifications/cancelled') inbox.questionCancelled(requestId);
  else if (method !== 'notifications/progress') inbox.unattributed(method, text);
  else if (!inbox.progress(progressToken, text)) inbox.ignored();
}

/** Whoever waits for a message must not wait on because it cannot be read. */
function takeUnreadable(text: string, error: unknown, inbox: SseInbox): void {
  const { id, hasMethod } = glimpse(text);
  const known = typeof id === 'number' || typeof id === 'string' ? id : undefined;
  // The server numbers its own requests as it likes: an id beside a method is none of ours.
  if (!hasMethod) {
    inbox.unreadable(known, error instanceof Error ? error.message : String(error));
  } else if (known !== undefined && error instanceof ProtocolError && error.id === known) {
    const { method } = Object(JSON.parse(text));
    inbox.question(known, String(method), memberText(text, 'params'));
  } else {
    inbox.ignored();
  }
}

function takeOne(text: string, inbox: SseInbox): void {
  const response = numberedResponse(text);
  if (response !== undefined) {
    inbox.answer(response.id, { kind: 'result', text: response.result });
    return;
  }
  let message: IncomingMessage;
  try {
    message = parseMessage(text);
  } catch (error) {
    takeUnreadable(text, error, inbox);
    return;
  }
  if (message.kind === 'notification') {
    takeNotification(message, text, inbox);
  } else if (message.kind === 'request') {
    inbox.question(message.id, message.method, memberText(text, 'params'));
  } else {
    const { id, resultText, errorText } = message;
    const unknown = errorObject(RPC.internalError, 'the server gave no reason');
    inbox.answer(
      id,
      resultText === undefined
        ? { kind: 'error', text: errorText ?? unknown }
        : { kind: 'result', text: resultText },
    );
  }
}

/** Reads one event: a message, or a batch of them (revision 2025-03-26). */
export function readSseMessages(input: string, inbox: SseInbox): void {
  const text = input.trimStart();
  if (!text.startsWith('[')) {
    takeOne(text, inbox);
    return;
  }
  try {
    JSON.parse(text);
  } catch (error) {
    inbox.unreadable(undefined, String(error));
    return;
  }
  for (const { start, end } of arrayElements(text, 0, Infinity, MAX_BATCH)) {
    takeOne(text.slice(start, end), inbox);
  }
}
