import { createParser } from 'eventsource-parser';
import type { IncomingHttpHeaders } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';
import type { SilenceLimits } from './bridge-silence.ts';

/** Where a bridge's messages go over HTTP. */
export interface HttpBridgeTarget {
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  /** Path of the endpoint, e.g. `/mcp`. */
  readonly path: string;
  /** How long it may be silent; undefined: it is a service of ours, which has deadlines for everything. */
  readonly silence?: SilenceLimits | undefined;
}

/** An endpoint of this very process, which needs no HTTP between. */
export interface DirectBridgeTarget {
  /** As `bridgeExchange` says. */
  exchange(request: BridgeRequest): Promise<BridgeEnd>;
  readonly silence?: undefined;
}

/** Where a bridge's messages go. */
export type BridgeTarget = HttpBridgeTarget | DirectBridgeTarget;

export interface BridgeRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** A success has begun. */
  readonly begun?: (headers: IncomingHttpHeaders) => void;
  /** Something of a success has come, be it a sign of life only. */
  readonly heard?: () => void;
  /** One message of a success, as JSON text. */
  readonly message: (text: string) => void;
  /** The id of the last event, by which a cut stream can be taken up again. */
  readonly eventId?: (id: string) => void;
  /** How long the service wants to be left alone before a cut stream is taken up again, in milliseconds. */
  readonly retry?: (ms: number) => void;
}

/** How an exchange with the service ended. */
export type BridgeEnd =
  /** A success, with all its messages. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly status: number; readonly text: string }
  /** Nothing was sent: nobody listens there. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** The connection was lost, and the request may have been executed. */
  | { readonly kind: 'cut'; readonly why: string }
  | { readonly kind: 'aborted' };

/** One answer or event: above any answer of the service, which bounds its own at 10 MiB. */
const MAX_CHARS = 32 * 1_048_576;

/** Codes of errors that come before anything is sent. */
const UNSENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
]);

/** Takes the body of an answer as it comes. */
export interface BridgeReader {
  /** @throws Error for more than may be. */
  take(bytes: Buffer): void;
  /** There is no more. */
  end(): BridgeEnd;
}

function textReader(
  heard: (() => void) | undefined,
  done: (text: string) => BridgeEnd,
): BridgeReader {
  const decoder = new StringDecoder('utf8');
  let text = '';
  return {
    take(bytes) {
      heard?.();
      text += decoder.write(bytes);
      if (text.length > MAX_CHARS) throw new Error(`the answer is longer than ${MAX_CHARS} bytes`);
    },
    end: () => done(text + decoder.end()),
  };
}

function eventReader(request: BridgeRequest): BridgeReader {
  const decoder = new StringDecoder('utf8');
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_CHARS,
    onEvent: ({ id, data }) => {
      if (id !== undefined) request.eventId?.(id);
      // An event without data only carries an id.
      if (data !== '') request.message(data);
    },
    onRetry: (ms) => request.retry?.(ms),
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  return {
    take(bytes) {
      request.heard?.();
      parser.feed(decoder.write(bytes));
      if (tooLong) throw new Error(`an event is longer than ${MAX_CHARS} bytes`);
    },
    end: () => DONE,
  };
}

const DONE: BridgeEnd = { kind: 'done' };

/** What takes the body of an answer that begins so. */
export function bridgeReader(
  status: number,
  headers: IncomingHttpHeaders,
  request: BridgeRequest,
): BridgeReader {
  if (status >= 300) return textReader(undefined, (text) => ({ kind: 'refused', status, text }));
  request.begun?.(headers);
  const type = headers['content-type'] ?? '';
  if (/^\s*text\/event-stream\b/i.test(type)) return eventReader(request);
  return textReader(request.heard, (text) => {
    if (text.trim() !== '') request.message(text);
    return DONE;
  });
}

async function run(target: HttpBridgeTarget, request: BridgeRequest): Promise<BridgeEnd> {
  const { origin, path } = target;
  const { method, headers, body = null, signal } = request;
  const response = await target.dispatcher.request({
    origin,
    path,
    method,
    headers,
    body,
    signal,
    // Ours has deadlines for calls, for others the caller has; streams are silent for as long as nothing happens.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const reader = bridgeReader(response.statusCode, response.headers, request);
  const answer: AsyncIterable<Buffer> = response.body;
  for await (const chunk of answer) reader.take(chunk);
  return reader.end();
}

/** One request to the service, and what comes back. Never rejects. */
export async function bridgeExchange(
  target: BridgeTarget,
  request: BridgeRequest,
): Promise<BridgeEnd> {
  if ('exchange' in target) return await target.exchange(request);
  try {
    return await run(target, request);
  } catch (error) {
    if (request.signal.aborted) return { kind: 'aborted' };
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = error instanceof Error ? error.message : String(error);
    return UNSENT.has(code) ? { kind: 'unreachable', why } : { kind: 'cut', why };
  }
}
