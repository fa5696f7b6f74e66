import type { IncomingHttpHeaders } from 'node:http';
import { HEADER } from '../../protocol/revision.ts';
import type { JsonObject } from '../../protocol/message.ts';
import { bridgeExchange, type BridgeTarget } from './bridge-exchange.ts';

/** Where a message goes, and with which headers. */
export interface BridgeRoute {
  readonly target: BridgeTarget;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of every POST. */
export const POST_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** How long a new session may take to be opened. */
const INITIALIZE_MS = 30_000;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A result of `initialize`, as far as the bridge needs it. */
export interface Answered {
  readonly sessionId: string | undefined;
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
}

/** Reads the answer to `initialize`; undefined when it is an error. */
export function readInitialized(text: string, headers: IncomingHttpHeaders): Answered | undefined {
  const result = Object(JSON.parse(text)).result;
  if (!isObject(result)) return undefined;
  const { protocolVersion, capabilities } = result;
  const sessionId = headers[HEADER.sessionId];
  return {
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    protocolVersion: String(protocolVersion),
    capabilities: isObject(capabilities) ? capabilities : {},
  };
}

/** Opens a session that no client has asked for just now. Never rejects. */
export async function initializeAt(
  target: BridgeTarget,
  body: string,
): Promise<
  | (Answered & { readonly kind: 'answered' })
  | { readonly kind: 'unreachable' | 'failed'; readonly why: string }
> {
  let headers: IncomingHttpHeaders = {};
  let answered: Answered | undefined;
  const end = await bridgeExchange(target, {
    method: 'POST',
    headers: POST_HEADERS,
    body,
    signal: AbortSignal.timeout(INITIALIZE_MS),
    begun: (given) => {
      headers = given;
    },
    message: (text) => {
      answered ??= readInitialized(text, headers);
    },
  });
  if (answered !== undefined) return { kind: 'answered', ...answered };
  const why = end.kind === 'refused' ? `HTTP status ${end.status}` : end.kind;
  return { kind: end.kind === 'unreachable' ? 'unreachable' : 'failed', why };
}
