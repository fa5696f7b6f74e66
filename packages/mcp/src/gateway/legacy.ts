import type { IncomingMessage } from '../protocol/json-rpc.ts';
import { LIST_SHAPES, type ListKind } from '../protocol/list-kind.ts';
import { ProtocolError, RPC, resultText, type JsonObject } from '../protocol/message.ts';
import { negotiateLegacy } from '../protocol/revision.ts';
import type { Answerer } from './answerer.ts';
import { eventFrame } from './http-reply.ts';
import type { Reply } from './reply.ts';
import type { LegacySession, SessionStore } from './session-store.ts';

type Incoming<K extends IncomingMessage['kind']> = Extract<IncomingMessage, { kind: K }>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Opens a session for an `initialize` request and gives its answer.
 * @throws ProtocolError when the request lacks a protocol version.
 */
export function initialize(
  message: Incoming<'request'>,
  context: {
    readonly connectorId: string | undefined;
    readonly sessions: SessionStore;
    readonly answerer: Answerer;
  },
): { readonly session: LegacySession; readonly body: string } {
  const { id, params } = message;
  const { protocolVersion: requested, capabilities } = params.value;
  if (typeof requested !== 'string') {
    const why = 'Invalid params: protocolVersion must be a string';
    throw new ProtocolError(RPC.invalidParams, why, { id });
  }
  const protocolVersion = negotiateLegacy(requested);
  const session = context.sessions.create({
    connectorId: context.connectorId,
    protocolVersion,
    capabilities: isObject(capabilities) ? capabilities : {},
  });
  const profile = context.answerer.profile(context.connectorId, true);
  const result = {
    protocolVersion,
    capabilities: profile.capabilities,
    serverInfo: profile.serverInfo,
    ...(profile.instructions !== undefined && { instructions: profile.instructions }),
  };
  return { session, body: resultText(JSON.stringify(id), JSON.stringify(result)) };
}

/**
 * Answers one request of a session.
 * @throws ProtocolError
 */
export async function answerLegacy(
  message: Incoming<'request'>,
  session: LegacySession,
  answerer: Answerer,
  reply: Reply,
): Promise<void> {
  const { id, method, params } = message;
  if (method === 'ping') {
    reply.answer(200, resultText(JSON.stringify(id), '{}'));
    return;
  }
  if (!answerer.handles(method)) {
    throw new ProtocolError(RPC.methodNotFound, `Method not found: ${method}`, { id });
  }
  const call = await answerer.answer(
    {
      id,
      method,
      params,
      era: 'legacy',
      connectorId: session.connectorId,
      callerId: session.id,
      paramHeaders: {},
    },
    reply,
  );
  if (call !== undefined && !call.done) {
    session.calls.set(id, call);
    call.whenDone(() => session.calls.delete(id));
  }
}

/** Takes a notification of a session; what we do not know is none of our business. */
export function noteLegacy(message: Incoming<'notification'>, session: LegacySession): void {
  if (message.method !== 'notifications/cancelled') return;
  const { requestId, reason } = message.params.value;
  if (typeof requestId !== 'string' && typeof requestId !== 'number') return;
  session.calls
    .get(requestId)
    ?.cancel(typeof reason === 'string' ? reason : 'the client cancelled the request');
}

/** Tells every session with an open stream which of its endpoint's lists have changed. */
export function announceChange(
  sessions: SessionStore,
  kindsFor: (connectorId: string | undefined) => ReadonlySet<ListKind> | undefined,
): void {
  for (const session of sessions.all()) {
    if (session.stream === undefined) continue;
    const kinds = kindsFor(session.connectorId) ?? new Set<ListKind>();
    const methods = new Set([...kinds].map((kind) => LIST_SHAPES[kind].changed));
    for (const method of methods) {
      session.stream.write(eventFrame(JSON.stringify({ jsonrpc: '2.0', method })));
    }
  }
}
