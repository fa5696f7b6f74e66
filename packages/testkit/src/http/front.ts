import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultPlan } from '../fault-plan.ts';
import type { HttpFault } from '../fault.ts';
import { isJsonObject, type JsonObject } from '../json-object.ts';
import type { Engine, FrontRequest } from './engine.ts';
import type { FrontResponse } from './front-response.ts';
import { playHttpFault } from './http-fault.ts';

/** What the front needs of the upstream it stands before; read anew for every request. */
export interface FrontState {
  readonly latencyMs: number;
  readonly handshakeMs: number;
  readonly plan: FaultPlan<HttpFault>;
  readonly engine: Engine;
  onRequest(methods: readonly string[]): void;
  /** A request that is waited for has begun; what is returned is called when it has been answered. */
  onExchange(): () => void;
  onAborted(): void;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('request body over 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseMessages(body: Buffer): readonly JsonObject[] {
  if (body.length === 0) return [];
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return (Array.isArray(parsed) ? parsed : [parsed]).filter((value) => isJsonObject(value));
  } catch {
    // Not JSON: the real server says so itself.
    return [];
  }
}

function methodsOf(incoming: IncomingMessage, messages: readonly JsonObject[]): string[] {
  if (incoming.method !== 'POST') return [incoming.method ?? 'GET'];
  return messages.map(({ method }) => method).filter((method) => typeof method === 'string');
}

/** False when the client left first. */
async function waitFor(ms: number, response: FrontResponse): Promise<boolean> {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  response.once('close', leave);
  try {
    await delay(ms, undefined, { signal: gone.signal });
    return true;
  } catch {
    // Aborted by `leave`: there is no one left to answer.
    return false;
  } finally {
    response.off('close', leave);
  }
}

/** Connections that have had their handshake. */
const greeted = new WeakSet<object>();

/** What a network would take before this answer, in milliseconds. */
function networkMs(state: FrontState, { socket }: IncomingMessage): number {
  if (state.handshakeMs === 0 || greeted.has(socket)) return state.latencyMs;
  greeted.add(socket);
  return state.latencyMs + state.handshakeMs;
}

/** On which a server tells of changes; nobody waits for it to end. */
function isStream({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' || headers['mcp-method'] === 'subscriptions/listen';
}

/** Serves one HTTP request: counts it, waits the latency, plays the fault it meets, else lets the real server answer. */
export async function serveFront(
  state: FrontState,
  incoming: IncomingMessage,
  response: FrontResponse,
): Promise<void> {
  if (!isStream(incoming)) response.once('finish', state.onExchange());
  const delayMs = networkMs(state, incoming);
  const body = await readBody(incoming);
  const messages = parseMessages(body);
  const methods = methodsOf(incoming, messages);
  state.onRequest(methods);
  if (new URL(incoming.url ?? '/', 'http://front').pathname !== '/mcp') {
    response.writeHead(404).end();
    return;
  }
  const request: FrontRequest = { incoming, body, message: messages[0] };
  const fault = state.plan.next({
    method: methods[0],
    isRequest: messages.some(({ id, method }) => id !== undefined && method !== undefined),
    hasSession: incoming.headers['mcp-session-id'] !== undefined,
  });
  if (fault !== undefined) {
    response.once('close', () => {
      if (!response.writableFinished) state.onAborted();
    });
  }
  if (delayMs > 0 && !(await waitFor(delayMs, response))) return;
  if (fault !== undefined && playHttpFault(fault, request, response) === 'taken') return;
  await state.engine.handle(request, response);
}
