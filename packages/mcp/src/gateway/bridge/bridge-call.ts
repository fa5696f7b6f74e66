import { withRemedy } from '../../protocol/error-remedies.ts';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import {
  RPC,
  errorObject,
  errorText,
  type JsonRpcId,
  type RawMember,
} from '../../protocol/message.ts';
import { HEADER, META, NAME_PARAM, encodeHeaderValue, type Era } from '../../protocol/revision.ts';
import { POST_HEADERS } from './bridge-initialize.ts';

export type BridgedRequest = Extract<IncomingMessage, { kind: 'request' }>;

/** One request of the client, until its answer has been sent. */
export interface BridgeCall {
  readonly request: BridgedRequest;
  readonly text: string;
  readonly era: Era;
  readonly abort: AbortController;
  answered: boolean;
  /** The client wants no answer any more. */
  cancelled: boolean;
  /** The subscription it opened was acknowledged. */
  acknowledged: boolean;
  /** By which a stream that was cut before the answer can be taken up again. */
  lastEventId: string | undefined;
  retryMs: number;
}

function metaString(meta: readonly RawMember[], key: string): string | undefined {
  const member = meta.find((candidate) => candidate.key === key);
  const value: unknown = member && JSON.parse(member.text);
  return typeof value === 'string' ? value : undefined;
}

/** The modern revision a request claims in its envelope; undefined for the legacy ones. */
export function modernVersionOf({ method, params }: BridgedRequest): string | undefined {
  return method === 'initialize' ? undefined : metaString(params.meta, META.protocolVersion);
}

export function createBridgeCall(request: BridgedRequest, text: string): BridgeCall {
  return {
    request,
    text,
    era: modernVersionOf(request) === undefined ? 'legacy' : 'modern',
    abort: new AbortController(),
    answered: false,
    cancelled: false,
    acknowledged: false,
    lastEventId: undefined,
    retryMs: 0,
  };
}

/** The headers that repeat what the body of a modern request says (spec 2026-07-28, basic/transports). */
export function modernPostHeaders(request: BridgedRequest): Record<string, string> {
  const headers: Record<string, string> = {
    ...POST_HEADERS,
    [HEADER.protocolVersion]: modernVersionOf(request) ?? '',
    [HEADER.method]: request.method,
  };
  const name = request.params.value[NAME_PARAM.get(request.method) ?? ''];
  if (typeof name === 'string') headers[HEADER.name] = encodeHeaderValue(name);
  return headers;
}

/** What a client is told when the service gave no answer; `code` is stable. */
export function bridgeError(id: JsonRpcId | null, code: string, why: string): string {
  const message = `cortex-mcp: ${why}`;
  return errorText(
    JSON.stringify(id),
    errorObject(RPC.internalError, message, withRemedy({ code })),
  );
}

/** The id of an answer, and what it is; undefined for anything else. */
export function readAnswer(
  text: string,
): { readonly id: unknown; readonly errorCode: number | undefined } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // it is passed on unread; what is wrong with it is for the client to find
  }
  if (typeof value !== 'object' || value === null || 'method' in value || !('id' in value)) {
    return undefined;
  }
  const error = 'error' in value ? value.error : undefined;
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const errorCode = 'error' in value ? Number(code) : undefined;
  return { id: value.id, errorCode };
}

/**
 * A refusal's body as an answer to the request: many carry a JSON-RPC error, though not always under the request's id.
 */
export function refusalAnswer(id: JsonRpcId, status: number, body: string): string {
  const answer = readAnswer(body);
  if (answer?.id === id) return body;
  const why = `the service answered with HTTP status ${status}`;
  if (answer?.errorCode === undefined) return bridgeError(id, 'HTTP_STATUS', why);
  const { error } = Object(JSON.parse(body));
  return errorText(JSON.stringify(id), JSON.stringify(error));
}
