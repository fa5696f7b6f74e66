import { MalformedMessageError, readMessages } from './http-message.ts';
import type { Where } from './http-error.ts';
import { UpstreamError } from '../upstream-error.ts';

/** Response headers as undici gives them, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** An answer whose status is not a success. */
export interface Refusal {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** The JSON-RPC error of its body, when it has one. */
  readonly rpc:
    | { readonly code: number; readonly message: string; readonly text: string }
    | undefined;
  /** The body, cut short: only to be searched, never shown. */
  readonly body: string;
}

/** Longer absences than this are not believed. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

export function headerOf(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3), as milliseconds from now, at most a day. */
export function parseRetryAfter(
  value: string | undefined,
  nowMs: number = Date.now(),
): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function rpcErrorOf(body: string): Refusal['rpc'] {
  try {
    const message = readMessages(body).find((one) => one.kind === 'error');
    return message?.kind === 'error' ? message : undefined;
  } catch (error) {
    if (error instanceof MalformedMessageError) return undefined;
    throw error;
  }
}

export function readRefusal(status: number, headers: ResponseHeaders, body: string): Refusal {
  const retryAfterMs = parseRetryAfter(headerOf(headers, 'retry-after'));
  return { status, retryAfterMs, rpc: rpcErrorOf(body), body };
}

/**
 * Whether the answer is the server's own word on this request, to be handed to the client as it is: a
 * JSON-RPC error under a 4xx status that is about the request, not about access or load.
 */
export function isAnswer(refusal: Refusal): boolean {
  const { status, rpc } = refusal;
  const ours = status === 401 || status === 403 || status === 408 || status === 429;
  return rpc !== undefined && status >= 400 && status < 500 && !ours;
}

function describe(status: number): string {
  if (status === 401) {
    return 'the server answered 401: set or renew the credentials of this connector (header Authorization)';
  }
  if (status === 403) {
    return 'the server answered 403: the credentials of this connector do not allow it; grant access or use others';
  }
  return `the server answered with HTTP status ${status}`;
}

export function refusalError(refusal: Refusal, where: Where): UpstreamError {
  const { status, rpc, retryAfterMs } = refusal;
  const unauthorized = status === 401 || status === 403;
  return new UpstreamError(unauthorized ? 'UNAUTHORIZED' : 'HTTP_STATUS', describe(status), {
    ...where,
    httpStatus: status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(rpc === undefined ? {} : { rpcErrorText: rpc.text, rpcCode: rpc.code }),
  });
}

/** Statuses by which a server says that it does not know this kind of request at all. */
export function isUnknownKind(status: number): boolean {
  return status === 400 || status === 404 || status === 405 || status === 406 || status === 415;
}

/** Statuses that are about the moment, beside those of 500 and above. */
const FOR_NOW: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** Whether a status says that the same request may be taken later. */
export function isForNow(status: number): boolean {
  return FOR_NOW.has(status) || (status >= 500 && status !== 501);
}
