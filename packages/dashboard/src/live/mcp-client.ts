import { asText, isObject, parseJson, type JsonObject } from '../model/json.ts';
import type { Fetch } from './gateway-fetch.ts';
import { wireRequest, type McpRequest, type WireRequest } from './mcp-message.ts';
import { createSseReader } from './sse-reader.ts';

/** How an exchange ended. */
export type McpOutcome =
  | { readonly kind: 'result'; readonly result: JsonObject }
  | { readonly kind: 'error'; readonly error: JsonObject }
  /** An answer that is no JSON-RPC. */
  | { readonly kind: 'odd'; readonly text: string };

/** A request and its answer, as they went over the wire, with times in milliseconds. */
export interface Exchange {
  readonly sent: WireRequest;
  readonly status: number;
  /** The whole answer, or as much of it as is kept. */
  readonly received: unknown;
  readonly outcome: McpOutcome;
  /** Until the headers of the answer. */
  readonly firstByteMs: number;
  readonly totalMs: number;
  /** Characters of the answer. */
  readonly length: number;
}

export interface SendOptions {
  readonly signal?: AbortSignal;
  /** Called with each notification that comes before the answer. */
  readonly onNotification?: (message: JsonObject) => void;
}

export interface McpClient {
  /**
   * Sends one request and resolves with its answer, whatever that is. Aborting closes the request, which cancels it.
   * @throws TypeError when the gateway cannot be reached, AbortError when aborted
   */
  send(request: Omit<McpRequest, 'id'>, options?: SendOptions): Promise<Exchange>;
}

const ENDPOINT = '/mcp';
const MAX_ODD_TEXT = 10_000;

function outcomeOf(received: unknown, text: string): McpOutcome {
  if (isObject(received)) {
    const { result, error } = received;
    if (isObject(result)) return { kind: 'result', result };
    if (isObject(error)) return { kind: 'error', error };
  }
  return { kind: 'odd', text: text.slice(0, MAX_ODD_TEXT) };
}

/** Reads a stream of messages up to the one that answers. */
async function readStream(
  body: ReadableStream<Uint8Array>,
  onMessage: (message: JsonObject) => boolean,
): Promise<number> {
  const reader = createSseReader();
  const decoder = new TextDecoder();
  const parts = body.getReader();
  let length = 0;
  for (let part = await parts.read(); !part.done; part = await parts.read()) {
    const text = decoder.decode(part.value, { stream: true });
    length += text.length;
    for (const { data } of reader.push(text)) {
      const message = parseJson(data);
      if (isObject(message) && onMessage(message)) {
        await parts.cancel();
        return length;
      }
    }
  }
  return length;
}

interface Answer {
  readonly received: unknown;
  readonly text: string;
  readonly length: number;
}

async function readAnswer(response: Response, options: SendOptions): Promise<Answer> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream') || response.body === null) {
    const text = await response.text();
    return { received: parseJson(text) ?? text, text, length: text.length };
  }
  let received: JsonObject | undefined;
  const length = await readStream(response.body, (message) => {
    const isAnswer = asText(message['method']) === undefined;
    if (isAnswer) received = message;
    else options.onNotification?.(message);
    return isAnswer;
  });
  return { received, text: 'The stream ended without an answer.', length };
}

/** An MCP client of one endpoint: no handshake and no session, as the revision has neither. */
export function createMcpClient(fetch: Fetch, now: () => number): McpClient {
  let lastId = 0;
  return {
    async send(request, options = {}) {
      lastId += 1;
      const sent = wireRequest({ ...request, id: lastId });
      const startedAt = now();
      const response = await fetch(ENDPOINT, {
        method: 'POST',
        headers: sent.headers,
        body: JSON.stringify(sent.message),
        ...(options.signal && { signal: options.signal }),
      });
      const firstByteMs = now() - startedAt;
      const { received, text, length } = await readAnswer(response, options);
      return {
        sent,
        status: response.status,
        received,
        outcome: outcomeOf(received, text),
        firstByteMs,
        totalMs: now() - startedAt,
        length,
      };
    },
  };
}
